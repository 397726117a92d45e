"""`docs/event-payload.md` shows the collections as they are: each member, and none that is not."""

import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest

from dqmstream.sources.cms.products import COLLECTIONS
from dqmstream.sources.cms.products.collection import Collection, Member

_PAGE: Final = Path(__file__).parents[5] / "docs" / "event-payload.md"
_TYPES: Final = {
    "float": "f4",
    "double": "f8",
    "bool": "bool",
    **{
        f"{sign}int{8 * size}": f"{sign or 'i'}{size}"
        for sign in ("", "u")
        for size in (1, 2, 4, 8)
    },
}
_SECTION: Final = re.compile(r"^### (?P<title>.*)\n(?P<text>(?:(?!##).*\n?)*)", re.MULTILINE)
_ROW: Final = re.compile(r"^\| `(?P<name>\w+)` \| (?P<rest>.*) \|$", re.MULTILINE)


def _sections() -> dict[str, str]:
    """Text by the name of each collection; sections of several stand under each of them."""
    found = _SECTION.finditer(_PAGE.read_text())
    return {
        name: section["text"]
        for section in found
        for name in re.findall(r"`(\w+)`", section["title"]) or [section["title"]]
    }


def _rows(text: str) -> dict[str, str]:
    return {row["name"]: row["rest"] for row in _ROW.finditer(text)}


def _shown(member: Member) -> str:
    return f"{_TYPES[_name(member.type)]} | {member.unit} | {member.meaning}"


def _name(kind: pa.DataType) -> str:
    return str(kind)


@pytest.mark.parametrize(
    "collection", [found for found in COLLECTIONS if not found.is_scalar], ids=lambda c: c.name
)
def test_the_page_shows_each_member_as_it_is_and_no_other(collection: Collection) -> None:
    text = _sections()[collection.name]
    assert _rows(text) == {found.name: _shown(found) for found in collection.members}
    assert collection.meaning.lower() in text.lower()
    assert f"`{collection.class_name}`" in text
    if collection.label:
        instance = f":{collection.instance}" if collection.instance else ""
        assert f"`{collection.label}{instance}`" in text


def test_the_page_shows_each_number_of_an_event() -> None:
    numbers = [found for found in COLLECTIONS if found.is_scalar]
    expected = {
        found.name: f"{_shown(found.members[0])} (`double` of `{found.label}:{found.instance}`)"
        for found in numbers
    }
    assert _rows(_sections()["Numbers of an event"]) == expected


def test_the_page_has_no_collection_that_is_not_there() -> None:
    assert _sections().keys() == {f.name for f in COLLECTIONS if not f.is_scalar} | {
        "Numbers of an event"
    }
