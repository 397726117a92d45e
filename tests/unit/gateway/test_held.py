"""What the live view says that it holds in memory."""

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
