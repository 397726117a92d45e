"""What a store tells of a run without reading its contents."""

from contextlib import closing
from pathlib import Path

from dqmstream.messages.quality import Outcome
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.testing import SET, Detector


def test_the_newest_reports_of_a_workspace_and_all_conditions_of_a_run(tmp_path: Path) -> None:
    """Of all scopes, at the newest LS that has any; nothing of other runs, sets and workspaces."""
    url, detector = f"sqlite:///{tmp_path / 'store.sqlite'}", Detector()
    with closing(StoreWriter(url, log="log")) as writer, Store(url) as store:
        for number in (1, 2, 3):
            writer.write([detector.conditions(number)], {})
        for number in (2, 1):
            writer.write(list(detector.reports(number, {"pixel/charge": Outcome.BAD})), {})
        found = store.newest_reports(SET, detector.run, "pixel")
        assert {each.lumisection for each in found} == {2}
        assert {each.workspace for each in found} == {"pixel"}
        assert store.newest_reports(SET, detector.run + 1, "pixel") == ()
        assert store.newest_reports("fedcba9876543210", detector.run, "pixel") == ()
        assert store.newest_reports(SET, detector.run, "tracker") == ()
        assert store.conditions(detector.run) == {n: detector.conditions(n) for n in (1, 2, 3)}
        assert store.conditions(detector.run + 1) == {}
