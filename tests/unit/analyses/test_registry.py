"""Which analysis fills a workspace, and what stops the start."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint

import pytest

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.registry import (
    GROUP,
    load_analysis,
    workspaces_analysed,
    workspaces_filled,
)
from dqmstream.analyses.writing import ElementWriter
from dqmstream.booking import Workspace, analysis, scalar
from dqmstream.booking_set import BookingSet
from dqmstream.errors import BookingError
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout

HERE = "tests.unit.analyses.test_registry"


class Counting:
    """Counts events."""

    lookback = 0

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def begin(self, run: int) -> bytes:
        return str(run).encode()

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        writer = ElementWriter(self.layout)
        writer.scalar("a/events", window[-1].events)
        return Closed(state, writer.contents)


def refusing(layout: Layout) -> Counting:
    msg = f"{layout.workspace} needs a parameter 'cut'"
    raise BookingError(msg)


def crashing(layout: Layout) -> Counting:
    raise ZeroDivisionError("by nothing")


def forgetful(layout: Layout) -> Counting:
    analysis = Counting(layout)
    analysis.lookback = -1
    return analysis


def layout_of(name: str) -> Layout:
    elements = [scalar("a/events", combine="sum")]
    return Layout(Workspace("w", "", elements, analysis=analysis(name, columns=["x"])))


def points(**values: str) -> list[EntryPoint]:
    return [EntryPoint(name, f"{HERE}:{value}", GROUP) for name, value in values.items()]


def test_an_analysis_is_found_by_its_name() -> None:
    found = load_analysis(layout_of("counting"), found=points(counting="Counting"))
    assert type(found).__name__ == "Counting"


def test_one_that_is_not_installed_is_found_by_module_and_attribute() -> None:
    found = load_analysis(layout_of(f"{HERE}:Counting"), found=())
    assert type(found).__name__ == "Counting"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("counts", "there is none: installed are counting.*did you mean 'counting'"),
        ("nothing", "ModuleNotFoundError|AttributeError"),
        ("refusing", "w needs a parameter 'cut'"),
        ("crashing", "ZeroDivisionError: by nothing"),
        ("forgetful", "looks back -1 LSs, expected 0 to 64"),
    ],
)
def test_what_cannot_fill_the_workspace_stops_the_start(name: str, reason: str) -> None:
    found = points(
        counting="Counting",
        nothing="nothing",
        refusing="refusing",
        crashing="crashing",
        forgetful="forgetful",
    )
    with pytest.raises(BookingError, match=f"workspace 'w': analysis '{name}': .*({reason})"):
        load_analysis(layout_of(name), found=found)


def test_an_analysis_of_two_distributions_is_refused() -> None:
    twice = [*points(counting="Counting"), *points(counting="crashing")]
    with pytest.raises(BookingError, match="is declared twice"):
        load_analysis(layout_of("counting"), found=twice)


def test_a_set_knows_who_fills_its_workspaces() -> None:
    plain = Workspace("plain", "", [scalar("a/b", "1", combine="sum")])
    chosen = BookingSet([plain, layout_of("counting").booking], FoldSettings(partitions=1))
    assert [layout.workspace for layout in workspaces_filled(chosen)] == ["plain"]
    assert [layout.workspace for layout in workspaces_analysed(chosen)] == ["w"]
    with pytest.raises(BookingError, match="'plain' is filled by expressions"):
        load_analysis(workspaces_filled(chosen)[0])
