"""What a deployment changes is named: each change as what it is, and nothing that is none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, integer, regular, scalar, variable
from dqmstream.booking_set import BookingSet
from dqmstream.deployments.changes import Changes, Difference, changes, summary
from dqmstream.deployments.description import Described, describe
from dqmstream.deployments.step import ComparisonReport, Step, read_report, read_step
from dqmstream.errors import ConfigurationError
from dqmstream.fold.state import FoldSettings
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import default_tests
from playback.comparing.report import Report, SideWords

FOLD = FoldSettings(partitions=2, max_open=8)
CHARGE = histogram("Pixel/charge", regular(100, 0, 200), fill="pixel.charge")
LAYERS = histogram("Pixel/layers", integer(1, 5), fill="pixel.layer")
EVENTS = scalar("Muon/events", "1", combine="sum")
PIXEL = Workspace("pixel", "Pixel.", [CHARGE, LAYERS])
MUON = Workspace("muon", "Muons.", [EVENTS])
TESTS = default_tests()[:4]


def deployed(*bookings: Booking, release: str = "1.0", tests=TESTS, **more) -> Described:
    given = {"references": {}, "settings": {"partitions": "2"}, **more}
    return describe(release, BookingSet(bookings, FOLD), tests, **given)


BEFORE = deployed(PIXEL, MUON)


def test_nothing_changes_where_only_the_order_does() -> None:
    again = deployed(MUON, PIXEL, tests=TESTS[::-1])
    assert again.hash == BEFORE.hash
    assert not changes(BEFORE, again)
    assert "Nothing changes." in summary(
        "same", changes(BEFORE, again), before="old", after=again, why="a try"
    )


def test_elements_that_come_go_and_get_other_bins_are_told_apart() -> None:
    finer = histogram("Pixel/charge", regular(200, 0, 200), fill="pixel.charge")
    cut = histogram("Pixel/layers", integer(1, 5), fill="pixel.layer", select="pixel.charge > 5")
    edges = histogram("Pixel/edges", variable([0, 1, 3]), fill="pixel.charge")
    for elements, expected in (
        (
            [finer, LAYERS],
            Changes(rebinned={"Pixel/charge": ("100 bins 0 to 200", "200 bins 0 to 200")}),
        ),
        ([CHARGE, cut], Changes(elements=Difference(changed={"Pixel/layers": ("", "")}))),
        ([CHARGE, LAYERS, edges], Changes(elements=Difference(added=("Pixel/edges",)))),
        ([CHARGE], Changes(elements=Difference(removed=("Pixel/layers",)))),
    ):
        after = deployed(Workspace("pixel", "Pixel.", elements), MUON)
        found = changes(BEFORE, after)
        assert set(found.workspaces.changed) == {"pixel"}
        assert found.rebinned == expected.rebinned
        assert found.elements.added == expected.elements.added
        assert found.elements.removed == expected.elements.removed
        assert set(found.elements.changed) == set(expected.elements.changed)
        assert not any((found.quality_tests, found.settings, found.release, found.columns))
        text = summary("v2", found, before="v1", after=after, why="more plots")
        for name in (*expected.rebinned, *expected.elements.changed, *expected.elements.added):
            assert f"`{name}`" in text


def test_the_rest_is_told_by_name() -> None:
    """Release, workspaces, quality tests, references, settings, columns."""
    new = Workspace("new", "New.", [scalar("New/x", "newcomer", combine="max")])
    looser = msgspec.structs.replace(TESTS[0], warning=0.0)
    after = deployed(
        PIXEL,
        new,
        release="2.0",
        tests=[looser, *TESTS[2:]],
        references={"2025 pp": "version 3"},
        settings={"partitions": "2", "plugin_seconds": "5"},
    )
    found = changes(BEFORE, after)
    assert found.release == ("1.0", "2.0")
    assert (found.workspaces.added, found.workspaces.removed) == (("new",), ("muon",))
    assert not found.elements  # they come and go with their workspaces
    assert found.quality_tests.removed == (TESTS[1].name,)
    assert set(found.quality_tests.changed) == {TESTS[0].name}
    assert found.references.added == ("2025 pp",)
    assert found.settings.added == ("plugin_seconds",)
    assert found.columns == ("newcomer",)
    report = ComparisonReport(verdict="different", counts={"re-binned": 2}, hash="abc")
    text = summary("v2", found, before="v1", after=after, why="because", report=report)
    for said in (
        "release: 1.0 → 2.0",
        "**different**: 2 re-binned (report abc)",
        "- added: `new`",
        f"- removed: `{TESTS[1].name}`",
        "- `newcomer`",
        "in place of: v1",
    ):
        assert said in text
    first = summary("v1", changes(None, BEFORE), before="", after=BEFORE, why="begin")
    assert "the first deployment" in first
    assert "Not compared" in first
    assert "Columns" not in first


def test_too_many_elements_are_not_listed_and_that_is_told() -> None:
    after = deployed(Workspace("pixel", "Pixel.", [CHARGE]), MUON).without_elements()
    assert after.elements is None
    found = changes(BEFORE, after)
    assert (found.unlisted, set(found.workspaces.changed)) == (("pixel",), {"pixel"})
    text = summary("v2", found, before="v1", after=after, why="because")
    assert "Too many elements to be told one by one: pixel" in text


def test_a_long_list_is_cut_and_counted() -> None:
    many = {f"setting{n:03}": "1" for n in range(100)}
    after = deployed(PIXEL, MUON, settings=many)
    text = summary("v2", changes(BEFORE, after), before="v1", after=after, why="because")
    assert "- and 61 more" in text
    assert "setting099" not in text


names = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"), max_size=6)


@given(names, names)
def test_each_name_is_added_removed_changed_or_the_same(
    before: dict[str, str], after: dict[str, str]
) -> None:
    one, other = (
        Described(release="1", set="s", workspaces={}, quality_tests=tests)
        for tests in (before, after)
    )
    found = changes(one, other).quality_tests
    for name in "abcdef":
        old, new = before.get(name), after.get(name)
        assert (name in found.added) == (old is None and new is not None)
        assert (name in found.removed) == (old is not None and new is None)
        assert (name in found.changed) == (old is not None and new is not None and old != new)
    assert bool(changes(one, other)) == (before != after)


def test_a_step_is_read_as_it_was_written() -> None:
    step = Step(deployment="v2", action="plan", described=BEFORE, before="", summary="# v2")
    assert read_step(step.text()) == step
    with pytest.raises(ConfigurationError, match="deployments: "):
        read_step('{"deployment": 3}')


def test_a_report_is_one_with_a_verdict() -> None:
    found = read_report(b'{"verdict": "same", "counts": {"elements": 3, "x": "y"}}', "r", "h")
    assert found == ComparisonReport(verdict="same", counts={"elements": 3}, hash="h")
    for text in (b"", b"[]", b"{}", b'{"verdict": 3}'):
        with pytest.raises(ConfigurationError, match="no report of `dqmstream playback compare`"):
            read_report(text, "report.json", "h")


def test_the_report_that_playback_writes_is_read() -> None:
    side = SideWords(release="installed", version="1.0", hash="h", lumisections=3)
    written = Report(
        status=1,
        verdict="2 differences",
        production=side,
        candidate=side,
        recording="recording",
        run=1,
        policy="",
        compared={"elements": 40},
        counts={"re-binned": 2},
        findings=(),
        figures=(),
    )
    found = read_report(msgspec.json.encode(written), "report.json", "h")
    assert found == ComparisonReport(verdict="2 differences", counts={"re-binned": 2}, hash="h")
