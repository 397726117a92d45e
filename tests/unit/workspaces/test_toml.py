"""A workspace in a TOML file, and what is said of a wrong one."""

import textwrap
from pathlib import Path

import pytest

from dqmstream.booking import (
    Workspace,
    category,
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
    variable,
)
from dqmstream.errors import BookingError
from dqmstream.messages.booking import Draw
from dqmstream.workspaces import from_toml
from dqmstream.workspaces import toml as module

WHOLE = """
workspace = "mine"
description = "What I look at."

[[elements]]
kind = "histogram"
path = "Mine/pt"
title = "Transverse momentum"
axes = [{ type = "regular", bins = 100, lower = 0, upper = 200.5, label = "pt", unit = "GeV" }]
fill = "muon.pt"
select = "muon.pt > 3"
draw = { log_y = true, style = "bars" }

[[elements]]
kind = "histogram"
path = "Mine/weighted"
axes = [
    { type = "variable", edges = [0, 1, 10.5] },
    { type = "category", codes = [1, 3], labels = ["one", "three"] },
]
fill = ["x", "y"]
weight = "w"
weight_range = [0, 5]

[[elements]]
kind = "profile"
path = "Mine/profile"
axes = [{ type = "integer", lower = -2, upper = 3 }]
fill = "x"
value = "y"
value_range = [-1.0, 1.0]

[[elements]]
kind = "scalar"
path = "Mine/events"
value = "1"
combine = "sum"

[[elements]]
kind = "text"
path = "Mine/menu"
value = "menu"
"""


def written(folder: Path, content: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(content)
    return path


def test_a_file_and_a_module_that_declare_the_same_are_equal(tmp_path: Path) -> None:
    expected = Workspace(
        "mine",
        "What I look at.",
        [
            histogram(
                "Mine/pt",
                regular(100, 0, 200.5, label="pt", unit="GeV"),
                fill="muon.pt",
                select="muon.pt > 3",
                title="Transverse momentum",
                draw=Draw(log_y=True, style="bars"),
            ),
            histogram(
                "Mine/weighted",
                variable([0, 1, 10.5]),
                category([1, 3], labels=["one", "three"]),
                fill=("x", "y"),
                weight="w",
                weight_range=(0, 5),
            ),
            profile("Mine/profile", integer(-2, 3), fill="x", value="y", value_range=(-1, 1)),
            scalar("Mine/events", "1", combine="sum"),
            text("Mine/menu", "menu"),
        ],
    )
    assert from_toml(written(tmp_path, WHOLE)) == expected


def test_the_example_of_the_module_is_a_workspace(tmp_path: Path) -> None:
    example = (module.__doc__ or "").split("::\n", 1)[1].split("\nKinds are")[0]
    booking = from_toml(written(tmp_path, textwrap.dedent(example)))
    assert [element.path for element in booking.elements] == ["Mine/pt", "Mine/events"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "bins = 100",
            "bins = 'many'",
            r"key 'elements\[0\].axes\[0\].bins' \(Mine/pt\): Expected",
        ),
        ("lower = 0,", "low = 0,", r"key 'elements\[0\].axes\[0\]' \(Mine/pt\): .*`low`"),
        ('kind = "histogram"\npath = "Mine/pt"', 'path = "Mine/pt"', r"required field `kind`"),
        ('kind = "text"', 'kind = "txt"', r"key 'elements\[4\].kind' \(Mine/menu\): .*'txt'"),
        ('path = "Mine/menu"\n', "", r"key 'elements\[4\]': .*required field `path`"),
        ('combine = "sum"', 'combine = "all"', r"key 'elements\[3\].combine' \(Mine/events\): "),
        ('workspace = "mine"', "workspace = 3", r"key 'workspace': Expected `str`, got `int`"),
        ('workspace = "mine"', "", r"required field `workspace`"),
        ('workspace = "mine"', 'workspace = "mine"\ncolour = 1', r"unknown field `colour`"),
        ("muon.pt > 3", "muon.pt >", r"Mine/pt: select .*cannot be read"),
        ("lower = 0,", "lower = 300,", r"Mine/pt: axis 0"),
        ("Mine/menu", "Mine/pt", r"Mine/pt: booked twice"),
        ("[[elements]]", "[[elements", r"not TOML: .*line 5"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_reason(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in WHOLE
    path = written(tmp_path, WHOLE.replace(old, new, 1))
    with pytest.raises(BookingError, match=said) as caught:
        from_toml(path)
    assert str(caught.value).startswith(f"workspace file {path}: ")


@pytest.mark.parametrize("content", ["elements = 3", "elements = [1]", "workspace = 1979-05-27"])
def test_values_of_another_kind_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BookingError, match="workspace file"):
        from_toml(written(tmp_path, content))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BookingError, match="cannot be read"):
        from_toml(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"workspace = '\xe9'")
    with pytest.raises(BookingError, match="cannot be read"):
        from_toml(path)
