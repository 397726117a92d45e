"""Layouts are values: text and back, and what is wrong is named with its tab and cell."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from dqmstream.errors import ConfigurationError
from dqmstream.layouts.check import (
    LARGEST,
    check_name,
    document_of,
    layout_of,
    read_layout,
    written,
)
from dqmstream.layouts.layout import MOST_CELLS, MOST_TABS, Draw, Layout, Reference
from tests.unit.layouts.made import LAYOUTS, NAMES


@settings(max_examples=50)
@given(LAYOUTS)
def test_a_layout_is_the_same_after_it_was_written_and_read(layout: Layout) -> None:
    text = written(layout)
    assert read_layout(text) == layout
    assert written(read_layout(text)) == text
    assert layout_of(document_of(layout)) == layout


def test_what_is_as_by_default_is_not_in_the_text() -> None:
    layout = layout_of({"name": "Shift", "tabs": [{"name": "a", "cells": [{"paths": ["a/b"]}]}]})
    text = '{"name":"Shift","tabs":[{"name":"a","cells":[{"paths":["a/b"]}]}]}'
    assert written(layout) == text
    cell = msgspec.structs.replace(layout.tabs[0].cells[0], draw=Draw(), reference=Reference())
    tab = msgspec.structs.replace(layout.tabs[0], cells=(cell,))
    assert written(msgspec.structs.replace(layout, tabs=(tab,))) == text


def made() -> dict[str, Any]:
    cell = {"paths": ["Pixel/charge"], "title": "charge"}
    return {"name": "Shift/Pixel", "tabs": [{"name": "one"}, {"name": "two", "cells": [cell]}]}


def cell(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["tabs"][1]["cells"][0]
    return found


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda it: it.pop("name"), "missing required field `name`"),
        (lambda it: it.update(colour="red"), "unknown field `colour`"),
        (lambda it: it.update(name="a//b"), "name 'a//b' is not one of up to 4 parts"),
        (lambda it: it.update(name="a/b/c/d/e"), "up to 4 parts"),
        (lambda it: it.update(name="../secret"), "'../secret' is not one of"),
        (lambda it: it.update(name="a\n"), "is not one of"),
        (lambda it: it.update(tabs=[]), "0 tabs, expected 1 to 50"),
        (lambda it: it.update(title="\x1b[31m"), r"title has the character '\\x1b'"),
        (lambda it: it.update(workspaces=["a\x00"]), "workspaces has the character"),
        (lambda it: it["tabs"][0].update(name="two"), "2 tabs are named 'two'"),
        (lambda it: it["tabs"][0].update(name=" "), r"tab 1 \(' '\): the name is one line"),
        (lambda it: it["tabs"][0].update(columns=13), r"tab 1 \('one'\), columns: .* got 13"),
        (lambda it: cell(it).update(paths=[]), r"tab 2 \('two'\), cell 1: 0 paths, expected 1"),
        (lambda it: cell(it).update(paths=["/a"]), "cell 1: path '/a' must be written 'a'"),
        (lambda it: cell(it).update(paths=["a/../b"]), "cell 1: path 'a/../b' is not a folder"),
        (lambda it: cell(it).update(paths=["a", "a"]), "cell 1: a path is there twice"),
        (lambda it: cell(it).update(paths=["a", 3]), "cell 1, path 2: Expected `str`"),
        (lambda it: cell(it).update(paths=list("abcdefghijk")), "11 paths, expected 1 to 10"),
        (lambda it: cell(it).update(span=4), "cell 1: spans 4 columns, the tab has 3"),
        (lambda it: cell(it).update(rows=0), "cell 1, rows: Expected `int` >= 1, got 0"),
        (lambda it: cell(it).update(set="now"), "cell 1, set: "),
        (lambda it: cell(it).update(draw={"y_range": [1, 1]}), "y_range is 1 to 1"),
        (lambda it: cell(it).update(draw={"y_range": [0, 1e999]}), "y_range is 0 to inf"),
        (lambda it: cell(it).update(draw={"normalise": "area"}), "draw, normalise: Invalid enum"),
        (lambda it: cell(it).update(reference={"choice": "run"}), "'run' takes a run"),
        (lambda it: cell(it).update(reference={"choice": "catalogue"}), "takes a name"),
        (lambda it: cell(it).update(reference={"name": "x"}), "'booked' takes no name"),
    ],
)
def test_what_is_wrong_is_said_with_where_it_is(
    spoil: Callable[[dict[str, Any]], object], says: str
) -> None:
    document = made()
    spoil(document)
    with pytest.raises(ConfigurationError, match=f"^mine: .*{says}"):
        layout_of(document, "mine")


def test_sizes_have_bounds_of_cells_tabs_and_of_the_whole_text() -> None:
    document = made()
    document["tabs"][1]["cells"] = [{"paths": ["a"]}] * (MOST_CELLS + 1)
    with pytest.raises(ConfigurationError, match=r"tab 2 \('two'\): 201 cells, expected at most"):
        layout_of(document)
    document["tabs"] = [{"name": str(number)} for number in range(MOST_TABS + 1)]
    with pytest.raises(ConfigurationError, match="51 tabs"):
        layout_of(document)
    cells = [{"paths": ["a"], "description": "d" * 4_000}] * 66
    document["tabs"] = [{"name": "long", "cells": cells}]
    with pytest.raises(ConfigurationError, match=f"bytes as text, expected at most {LARGEST}"):
        layout_of(document)
    with pytest.raises(ConfigurationError, match="bytes, expected at most"):
        read_layout(" " * (LARGEST + 1))


@pytest.mark.parametrize("text", ["", "nothing", "[" * 100_000, "[]", "3", '{"name": "\\ud800"}'])
def test_a_text_that_is_no_layout_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the layout"):
        read_layout(text)


@settings(max_examples=30)
@given(NAMES)
def test_names_are_up_to_four_parts(name: str) -> None:
    check_name(name)
