"""Shipped layouts are made of bookings: Shift, Summary, and one of each workspace."""

from collections.abc import Sequence

import pytest

from dqmstream.layouts.check import checked, read_layout, written
from dqmstream.layouts.layout import MOST_CELLS, MOST_TABS, Layout
from dqmstream.layouts.shipped import SHIFT, SUMMARY, shipped_layouts, workspace_name
from dqmstream.messages.booking import Booking, Histogram, Integer, Scalar
from dqmstream.workspaces.registry import load_workspaces

AXIS = Integer(lower=0, upper=2)


def booking(name: str, paths: Sequence[str], description: str = "") -> Booking:
    elements = tuple(
        Histogram(path=path, axes=(AXIS,), fill=("x",), description=description) for path in paths
    )
    return Booking(workspace=name, description=f"All of {name}.", elements=elements)


def shown(layout: Layout) -> list[str]:
    return [path for tab in layout.tabs for cell in tab.cells for path in cell.paths]


def test_all_shipped_workspaces_have_layouts_that_can_be_shown_and_saved() -> None:
    bookings = load_workspaces()
    found = shipped_layouts(bookings)
    assert list(found)[:2] == [SHIFT, SUMMARY]
    assert set(found) == {SHIFT, SUMMARY, *(workspace_name(one.workspace) for one in bookings)}
    for layout in found.values():
        assert read_layout(written(checked(layout))) == layout
    for one in bookings:
        whole = found[workspace_name(one.workspace)]
        assert sorted(shown(whole)) == sorted(element.path for element in one.elements)
        assert whole.workspaces == (one.workspace,)
    assert set(shown(found[SUMMARY])) <= set(shown(found[SHIFT]))
    assert len(shown(found[SUMMARY])) == len(found[SHIFT].tabs)


def test_without_bookings_there_are_none_and_without_plots_only_the_whole_workspace() -> None:
    assert shipped_layouts([]) == {}
    scalars = Booking(workspace="a", elements=(Scalar(path="a/b", value="1", combine="sum"),))
    assert shipped_layouts([scalars]) == {}
    found = shipped_layouts([scalars, booking("b", ["b/c"])])
    assert list(found) == [SHIFT, SUMMARY, "Workspaces/a", "Workspaces/b"]
    assert shown(found[SHIFT]) == ["b/c"]


def test_a_shifter_is_shown_what_tells_what_to_look_for() -> None:
    quiet = booking("a", ["a/first", "a/second"]).elements
    told = booking("a", ["a/third"], "One peak.").elements
    one = Booking(workspace="a", description="All of a.", elements=(*quiet, *told))
    found = shipped_layouts([one])
    assert shown(found[SHIFT]) == shown(found[SUMMARY]) == ["a/third"]
    assert found[SHIFT].tabs[0].description == "All of a."


def test_folders_of_a_workspace_are_tabs_and_large_ones_go_on_in_another() -> None:
    paths = [f"A/F/{number}" for number in range(MOST_CELLS + 1)]
    found = shipped_layouts([booking("a", ["A/x", *paths, "A/F/G/y"])])["Workspaces/a"]
    assert [(tab.name, len(tab.cells)) for tab in found.tabs] == [
        ("overview", 1),
        ("F", MOST_CELLS),
        ("F (2)", 1),
        ("F/G", 1),
    ]
    many = booking("b", [f"B/{number}/x" for number in range(MOST_TABS + 9)])
    assert len(checked(shipped_layouts([many])["Workspaces/b"]).tabs) == MOST_TABS


@pytest.mark.parametrize(
    ("workspace", "name"),
    [("pixel", "pixel"), ("my (own)", "my _own_"), (".x", "x"), ("µ", "_"), ("...", "_")],
)
def test_a_workspace_of_any_name_has_a_layout(workspace: str, name: str) -> None:
    assert workspace_name(workspace) == f"Workspaces/{name}"
    checked(shipped_layouts([booking(workspace, ["x/y"])])[workspace_name(workspace)])
