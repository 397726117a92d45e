"""Budgets of memory are checked when a workspace is booked, and say what is over them."""

import re
from pathlib import Path

import pytest

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.errors import BookingError, ConfigurationError
from dqmstream.messages.booking import Booking
from dqmstream.workspaces import from_toml, load_workspaces
from dqmstream.workspaces.budget import MemoryBudgets
from services.settings import Settings
from services.startup import chosen_bookings

MAP = histogram("Mine/Maps/xy", regular(98, 0, 1), regular(98, 0, 1), fill=("x", "x"))
LINE = histogram("Mine/x", regular(98, 0, 1), fill="x")
FILE = """
workspace = "mine"
memory = "{memory}"
element_memory = "{element}"
[[elements]]
kind = "histogram"
path = "Mine/x"
axes = [{{ type = "regular", bins = 98, lower = 0, upper = 1 }}]
fill = "x"
"""


def mine() -> Booking:
    return Workspace("mine", "For the test.", [MAP, LINE])


def budgets(*, workspaces: str = "*=1GB", elements: str = "**=1GB") -> MemoryBudgets:
    return MemoryBudgets.read(workspaces=workspaces.split(","), elements=elements.split(","))


def test_an_element_over_its_budget_is_named_with_its_bytes_and_the_budget() -> None:
    said = re.escape(
        "workspace 'mine': Mine/Maps/xy: one LS takes 80016 bytes (98 x 98 bins), its budget by "
        "the settings is 80000 bytes"
    )
    with pytest.raises(BookingError, match=said):
        budgets(elements="Mine/Maps/**=80kB,**=1kB").check(mine())


def test_a_workspace_over_its_budget_is_named_with_its_dearest_elements() -> None:
    with pytest.raises(BookingError, match=r"takes 81272 bytes.*81000.*Mine/Maps/xy 80016"):
        budgets(workspaces="mine=81000").check(mine())


def test_the_first_pattern_that_matches_holds_and_without_one_there_is_no_budget() -> None:
    found = budgets(workspaces="pix*=1kB,*=2kB", elements="A/*=1kB,A/**=2kB")
    assert [found.workspace(name) for name in ("pixel", "ecal")] == [1000, 2000]
    assert [found.element(path) for path in ("A/b", "A/b/c", "B/c")] == [1000, 2000, None]
    assert budgets(workspaces="mine=82kB").check(mine()) == mine()


@pytest.mark.parametrize("text", ["*", "=1kB", "*=much", "*=0", "regex:(=1kB"])
def test_a_budget_that_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="element_memory"):
        budgets(elements=text)


def test_all_shipped_workspaces_keep_to_the_budgets_that_are_shipped() -> None:
    for booking in load_workspaces():
        Settings.model_validate({}).memory_budgets.check(booking)


def test_a_declaration_keeps_to_its_own_budgets(tmp_path: Path) -> None:
    elements = [MAP, LINE]
    assert Workspace("mine", "For the test.", elements, memory="82 kB") == mine()
    with pytest.raises(BookingError, match="its budget by its declaration is 1024 bytes"):
        Workspace("mine", "For the test.", elements, element_memory="1 KiB")
    file = tmp_path / "mine.toml"
    file.write_text(FILE.format(memory="2kB", element="1kB"))
    assert from_toml(file).workspace == "mine"
    for memory, element in [("1kB", "1kB"), ("2kB", "200"), ("nothing", "1kB")]:
        file.write_text(FILE.format(memory=memory, element=element))
        with pytest.raises(BookingError, match=rf"{file.name}.*(budget|no size)"):
            from_toml(file)


def test_what_is_over_a_budget_of_the_settings_is_not_filled(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FILE.format(memory="2kB", element="1kB"))
    given: dict[str, object] = {"workspaces": ["pixel"], "workspace_files": [str(file)]}
    found = chosen_bookings(Settings.model_validate(given))
    assert {one.workspace for one in found} == {"pixel", "mine"}
    tight = Settings.model_validate(given | {"element_memory": ["Mine/x=800"]})
    with pytest.raises(BookingError, match=r"Mine/x: one LS takes 816 bytes .*800 bytes"):
        chosen_bookings(tight)
