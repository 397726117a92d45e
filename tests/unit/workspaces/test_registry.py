"""Workspaces are found by entry point; whatever is wrong with one is said by name."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dqmstream.errors import BookingError
from dqmstream.workspaces import find_workspaces, load_workspaces

Installed = Callable[..., list[EntryPoint]]

GOOD = """
from dqmstream.booking import Workspace, scalar

workspace = Workspace("{name}", "", [scalar("Plugin/{name}/events", "1", combine="sum")])
"""


def test_an_installed_plugin_is_found_and_loaded(install: Installed) -> None:
    found = install("one", GOOD.format(name="one"), {"one": "one:workspace"})
    (booking,) = load_workspaces(found=found)
    assert booking.workspace == "one"
    assert [element.path for element in booking.elements] == ["Plugin/one/events"]


def test_entry_points_of_the_installation_are_the_default(install: Installed) -> None:
    install("dqm-of-ours", GOOD.format(name="ours"), {"ours": "dqm_of_ours:workspace"})
    assert "ours" in find_workspaces()
    (booking,) = load_workspaces(["ours"])
    assert booking.workspace == "ours"


def test_workspaces_come_once_and_in_the_order_asked_for(install: Installed) -> None:
    for name in ("beta", "alpha"):
        found = install(name, GOOD.format(name=name), {name: f"{name}:workspace"})
    asked = load_workspaces(["beta", "alpha", "beta"], found=found)
    assert [booking.workspace for booking in asked] == ["beta", "alpha"]
    everything = load_workspaces(found=found)
    assert [booking.workspace for booking in everything] == ["alpha", "beta"]


def test_what_is_not_asked_for_is_not_imported(install: Installed) -> None:
    install("broken", "raise RuntimeError", {"broken": "broken:workspace"})
    found = install("fine", GOOD.format(name="fine"), {"fine": "fine:workspace"})
    assert len(load_workspaces(["fine"], found=found)) == 1


def test_an_unknown_name_brings_the_close_ones(install: Installed) -> None:
    found = install("pixels", GOOD.format(name="pixels"), {"pixels": "pixels:workspace"})
    with pytest.raises(BookingError, match=r"no workspace 'pixel': .*did you mean 'pixels'"):
        load_workspaces(["pixel"], found=found)
    with pytest.raises(BookingError, match=r"no workspace 'xyz': installed are pixels$"):
        load_workspaces(["xyz"], found=found)
    with pytest.raises(BookingError, match="installed are none"):
        load_workspaces(["xyz"], found=())


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("raise RuntimeError('no geometry')", "mine:workspace", "RuntimeError: no geometry"),
        ("import not_there", "mine:workspace", "No module named 'not_there'"),
        ("", "mine:workspace", "has no attribute 'workspace'"),
        ("", "elsewhere:workspace", "No module named 'elsewhere'"),
        ("workspace = 3", "mine:workspace", "expected a Booking .* got 3"),
        (GOOD.format(name="other"), "mine:workspace", "calls itself 'other'"),
        (
            "from dqmstream.messages.booking import Booking, Scalar\n"
            "element = Scalar(path='Mine/x', value='x +', combine='sum')\n"
            "workspace = Booking(workspace='mine', elements=(element,))",
            "mine:workspace",
            "Mine/x: .*cannot be read",
        ),
        (
            "from dqmstream.booking import Workspace, scalar\n"
            "workspace = Workspace('mine', '', [scalar('Mine/x', '1', combine='sum')] * 2)",
            "mine:workspace",
            "BookingError: workspace 'mine': Mine/x: booked twice",
        ),
    ],
)
def test_a_broken_plugin_is_named_with_its_distribution_and_entry_point(
    install: Installed, source: str, value: str, reason: str
) -> None:
    found = install("mine", source, {"mine": value})
    with pytest.raises(BookingError, match=reason) as caught:
        load_workspaces(["mine"], found=found)
    origin = f"workspace 'mine' (distribution mine 1.2, entry point {value!r})"
    assert str(caught.value).startswith(origin)


def test_two_distributions_with_one_workspace_are_both_named(install: Installed) -> None:
    install("first", GOOD.format(name="same"), {"same": "first:workspace"})
    found = install("second", GOOD.format(name="same"), {"same": "second:workspace"})
    with pytest.raises(BookingError, match="declared twice") as caught:
        load_workspaces(["same"], found=found)
    assert "distribution first 1.2" in str(caught.value)
    assert "distribution second 1.2" in str(caught.value)


def test_a_distribution_seen_twice_on_the_path_is_one(install: Installed) -> None:
    found = install("one", GOOD.format(name="one"), {"one": "one:workspace"})
    assert len(load_workspaces(["one"], found=found * 2)) == 1


def test_a_name_that_ends_in_toml_is_a_file(install: Installed, tmp_path: Path) -> None:
    found = install("one", GOOD.format(name="one"), {"one": "one:workspace"})
    file = tmp_path / "mine.toml"
    file.write_text("workspace = 'mine'\nelements = []")
    bookings = load_workspaces([str(file), "one"], found=found)
    assert [booking.workspace for booking in bookings] == ["mine", "one"]
    file.write_text("workspace = 'one'\nelements = []")
    with pytest.raises(BookingError, match=r"'one' is asked for twice: as .*mine\.toml' and 'one'"):
        load_workspaces([str(file), "one"], found=found)


def test_a_name_with_a_colon_is_a_module_that_needs_no_installation(install: Installed) -> None:
    install("one", GOOD.format(name="first"), {})
    (booking,) = load_workspaces(["one:workspace"], found=())
    assert booking.workspace == "first"
    with pytest.raises(BookingError, match=r"workspace 'one:other' .*no attribute 'other'"):
        load_workspaces(["one:other"], found=())
