"""A wrong declaration is refused before anything runs, with its path and the reason."""

import math
from collections.abc import Callable

import msgspec
import pytest

from dqmstream.booking import (
    Workspace,
    category,
    check,
    histogram,
    integer,
    profile,
    regular,
    required_columns,
    scalar,
    text,
    variable,
)
from dqmstream.errors import BookingError
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking, Element, Histogram, Regular

_AXIS = regular(10, 0, 1)

Make = Callable[[], Element]

_REFUSED: list[tuple[str, Make]] = [
    ("0 bins, expected 1 to 10000", lambda: histogram("a/b", regular(0, 0, 1), fill="x")),
    ("10001 bins", lambda: histogram("a/b", regular(10_001, 0, 1), fill="x")),
    ("not a finite, rising interval", lambda: histogram("a/b", regular(1, 1, 1), fill="x")),
    ("not a finite, rising interval", lambda: histogram("a/b", regular(1, 2, 1), fill="x")),
    ("not a finite, rising", lambda: histogram("a/b", regular(1, math.nan, 1), fill="x")),
    ("not a finite, rising", lambda: histogram("a/b", regular(1, 0, math.inf), fill="x")),
    ("not a finite, rising", lambda: histogram("a/b", regular(1, -1e308, 1e308), fill="x")),
    ("0 bins", lambda: histogram("a/b", variable([1]), fill="x")),
    ("edges must rise, 1.0 follows 1.0", lambda: histogram("a/b", variable([0, 1, 1]), fill="x")),
    ("an edge is not finite", lambda: histogram("a/b", variable([0, math.inf]), fill="x")),
    ("an edge is not finite", lambda: histogram("a/b", variable([0, math.nan, 1]), fill="x")),
    ("0 bins", lambda: histogram("a/b", integer(3, 3), fill="x")),
    ("beyond 2**31", lambda: histogram("a/b", integer(2**31, 2**31 + 1), fill="x")),
    ("1 labels for 2 bins", lambda: histogram("a/b", integer(0, 2, labels=["x"]), fill="x")),
    ("0 bins", lambda: histogram("a/b", category([]), fill="x")),
    ("a code is listed twice", lambda: histogram("a/b", category([1, 1]), fill="x")),
    ("3 labels for 1 bins", lambda: histogram("a/b", category([1], labels="abc"), fill="x")),
    ("0 axes, expected 1 to 3", lambda: histogram("a/b", fill=())),
    ("4 axes, expected 1 to 3", lambda: histogram("a/b", *[_AXIS] * 4, fill="xyzw")),
    ("3 axes, expected 1 to 2", lambda: _profile(_AXIS, _AXIS, _AXIS, fill="xyz")),
    ("1 fill expressions for 2 axes", lambda: histogram("a/b", _AXIS, _AXIS, fill="x")),
    (
        "4008004 bins with flow, at most 4000000",
        lambda: histogram("a/b", regular(2000, 0, 1), regular(2000, 0, 1), fill=("x", "y")),
    ),
    ("cannot be read", lambda: histogram("a/b", _AXIS, fill="x +")),
    (
        "select 'x + 1': expected a boolean",
        lambda: histogram("a/b", _AXIS, fill="x", select="x + 1"),
    ),
    (
        "collections jet and muon are mixed",
        lambda: histogram("a/b", _AXIS, fill="muon.pt - jet.pt"),
    ),
    (
        "collections jet and muon are mixed",
        lambda: histogram("a/b", _AXIS, fill="muon.pt", select="jet.pt > 1"),
    ),
    ("go together", lambda: histogram("a/b", _AXIS, fill="x", weight="w")),
    ("go together", lambda: histogram("a/b", _AXIS, fill="x", weight_range=(0, 1))),
    (
        "weight_range: range",
        lambda: histogram("a/b", _AXIS, fill="x", weight="w", weight_range=(math.nan, 1)),
    ),
    (
        "weight_range: range",
        lambda: histogram("a/b", _AXIS, fill="x", weight="w", weight_range=(1, 0)),
    ),
    ("value_range: range", lambda: _profile(_AXIS, fill="x", value_range=(0, math.inf))),
    ("value_range: range", lambda: scalar("a/b", "x", combine="sum", value_range=(0, 1e200))),
    ("expression '' cannot be read", lambda: _profile(_AXIS, fill="x", value="")),
    ("expression '' cannot be read", lambda: scalar("a/b", "", combine="max")),
    ("needs a value_range", lambda: scalar("a/b", "x / 2", combine="sum")),
    ("value_range is for sums", lambda: scalar("a/b", "x", combine="max", value_range=(0, 1))),
    ("not the name of a column", lambda: text("a/b", "x + y")),
    ("is per object", lambda: text("a/b", "word", select="muon.pt > 5")),
]


def _profile(
    *axes: Regular,
    fill: str,
    value: str = "z",
    value_range: tuple[float, float] = (0, 1),
) -> Element:
    return profile("a/b", *axes, fill=tuple(fill), value=value, value_range=value_range)


@pytest.mark.parametrize(("reason", "make"), _REFUSED, ids=[reason for reason, _ in _REFUSED])
def test_a_bad_element_is_refused_with_path_and_reason(reason: str, make: Make) -> None:
    with pytest.raises(BookingError) as refusal:
        Workspace("Pixel", "", [make()])
    message = str(refusal.value)
    assert message.startswith("workspace 'Pixel': a/b: ")
    assert reason in message


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (("a/b", "/a//b/"), "a/b: booked twice"),
        (("a", "a/b"), "a: is an element and also the folder of a/b"),
        (("a/b/c/d", "a/b"), "a/b: is an element and also the folder of a/b/c/d"),
    ],
)
def test_paths_are_unique_and_no_path_is_a_folder(paths: tuple[str, ...], reason: str) -> None:
    with pytest.raises(BookingError, match=reason):
        Workspace("w", "", [histogram(path, _AXIS, fill="x") for path in paths])


def test_a_path_written_otherwise_than_normal_is_refused_with_the_normal_one() -> None:
    booked = Histogram(path="/a/b", axes=(_AXIS,), fill=("x",))
    with pytest.raises(BookingError, match="must be written 'a/b'"):
        check(Booking(workspace="w", elements=(booked,)))


@pytest.mark.parametrize("name", ["", " x", "a/b", "x" * 65, "a\nb"])
def test_a_workspace_has_a_plain_name(name: str) -> None:
    with pytest.raises(BookingError, match="name"):
        Workspace(name, "", [])


def test_a_workspace_has_a_bounded_size() -> None:
    axes = [regular(1990, 0, 1), regular(1990, 0, 1)]
    big = [histogram(f"h{number}", *axes, fill=("x", "y")) for number in range(17)]
    with pytest.raises(BookingError, match="cells in all, at most 64000000"):
        Workspace("w", "", big)


def test_a_value_of_the_wrong_type_is_named_with_its_place() -> None:
    axis = Regular(bins="ten", lower=0, upper=1)  # type: ignore[arg-type]
    booked = Histogram(path="a", axes=(axis,), fill=("x",))
    with pytest.raises(BookingError, match=r"Expected `int`, got `str`.*elements"):
        check(Booking(workspace="w", elements=(booked,)))


def test_equal_declarations_have_equal_hashes_also_after_the_wire() -> None:
    booking = Workspace("w", "", [histogram("a", regular(2, 0, 1), fill="x")])
    same = Workspace("w", "", [histogram("a", regular(2, 0.0, 1.0), fill=("x",))])
    wired = msgspec.msgpack.decode(msgspec.msgpack.encode(booking), type=Booking)
    assert content_hash(booking) == content_hash(same) == content_hash(wired)
    assert check(booking) == booking


def test_required_columns_are_those_any_expression_reads() -> None:
    booking = Workspace(
        "w",
        "",
        [
            histogram("a", _AXIS, fill="muon.pt * scale", select="good and count(jet) > 1"),
            profile("b", _AXIS, fill="x", value="max(muon.eta)", value_range=(0, 1)),
            histogram("c", _AXIS, fill="x", weight="w", weight_range=(0, 1)),
            scalar("d", "1", combine="sum"),
            text("e", "word", select="flag"),
        ],
    )
    assert required_columns(booking) == {
        *("muon", "muon.pt", "muon.eta", "scale", "good", "jet", "x", "w", "word", "flag"),
    }
