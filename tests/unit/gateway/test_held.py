"""What the live view says that it holds in memory."""

from msgspec.structs import replace

from dqmstream.histograms.memory import CONTENTS_BYTES
from dqmstream.messages.operations import Heartbeat
from dqmstream.workspaces.budget import MemoryBudgets
from services.gateway.booked_memory import booked_memory
from services.gateway.held import held_memory


def test_what_workspaces_hold_is_what_their_elements_hold(detector, view, feed):
    for number in (1, 2, 3):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
    view.refresh()
    told = held_memory(view, largest=100)
    assert told["budget"] == view.settings.limits.live_bytes
    assert told["held"] == sum(row["bytes"] for row in told["workspaces"])
    assert {row["workspace"] for row in told["workspaces"]} == {"pixel", "trigger"}
    for row in told["workspaces"]:
        assert (row["runs"], row["lumisections"]) == (1, 3)
        assert sum(each["bytes"] for each in row["elements"]) == row["bytes"] > 0
        sizes = [each["bytes"] for each in row["elements"]]
        assert sizes == sorted(sizes, reverse=True)


def test_only_the_largest_elements_are_told_and_the_largest_workspace_first(detector, view, feed):
    feed(view, detector.fill(1))
    view.refresh()
    rows = held_memory(view, largest=1)["workspaces"]
    assert [len(row["elements"]) for row in rows] == [1, 1]
    assert rows[0]["bytes"] >= rows[1]["bytes"]


def test_a_view_without_runs_holds_nothing(view):
    assert held_memory(view, largest=5)["workspaces"] == []


def test_what_plots_cost_is_told_with_what_gateway_and_fillers_hold(detector, view, feed):
    for number in (1, 2):
        feed(view, detector.fill(number))
    view.refresh()
    beat = Heartbeat(
        process="p", service="filler-0", state="ready", when=10**9, held={"pixel": 16, "other": 8}
    )
    for each in (beat, replace(beat, process="silent", when=-(10**12))):
        view.pulse.take(each)
    budgets = MemoryBudgets.read(workspaces=["pixel=2kB"], elements=["Pixel/**=1kB"])
    told = booked_memory(view, budgets, 2 * 10**9, workspace="", largest=100)
    rows = {row["workspace"]: row for row in told["workspaces"]}
    held = {row["workspace"]: row for row in held_memory(view, largest=100)["workspaces"]}
    assert rows.keys() == held.keys() == {"pixel", "trigger"}
    assert {name: row["fillers"] for name, row in rows.items()} == {"pixel": 16, "trigger": 0}
    for name, row in rows.items():
        layout = view.catalogue.newest(name)
        assert row["bytes"] == CONTENTS_BYTES + sum(each["bytes"] for each in row["elements"])
        assert row["gateway"] == held[name]["bytes"] == 2 * 8 * layout.cells
        assert sum(each["gateway"] for each in row["elements"]) == row["gateway"]
        assert sum(each["fillers"] for each in row["elements"]) <= row["fillers"]
    assert rows["pixel"]["budget"] == 2000
    assert rows["trigger"]["budget"] is None
    sizes = [row["bytes"] for row in told["workspaces"]]
    assert sizes == sorted(sizes, reverse=True)


def test_one_workspace_is_told_alone_with_its_dearest_elements(view, detector, feed):
    feed(view, detector.fill(1))
    view.refresh()
    [row] = booked_memory(view, MemoryBudgets(), 0, workspace="pixel", largest=1)["workspaces"]
    layout = view.catalogue.newest("pixel")
    assert row["workspace"] == "pixel"
    assert row["elements_total"] == len(layout.elements)
    assert [each["bytes"] for each in row["elements"]] == [8 * max(each.size for each in layout)]
    told = booked_memory(view, MemoryBudgets(), 0, workspace="no such", largest=1)
    assert told["workspaces"] == []
