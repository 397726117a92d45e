"""Contents: sums are exact and in any order, the wire keeps them, what differs is never summed."""

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, integer, profile, scalar, text
from dqmstream.errors import BookingError, MessageError, WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import MAX_CELL_ENTRIES_WINDOW, Layout, fixed_point_bits
from dqmstream.messages.histograms import ScalarValue

_LAYOUT = Layout(
    Workspace(
        "Test",
        "",
        [
            histogram("a", integer(0, 3), fill="n"),
            profile("b", integer(0, 3), fill="n", value="x", value_range=(0, 4)),
            scalar("sum", "n", combine="sum"),
            scalar("most", "n", combine="max"),
            scalar("last", "n", combine="last"),
            text("word", "word"),
        ],
    )
)


@st.composite
def _contents(draw: st.DrawFn) -> Contents:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    number = draw(st.integers(-5, 5))
    origin = {"source": draw(st.sampled_from("pq")), "number": draw(st.integers(0, 1000))}
    scalars = {
        2: ScalarValue(value=number),
        3: ScalarValue(value=number),
        4: ScalarValue(value=f"{origin}", **origin),
        5: ScalarValue(value=f"{origin}", **origin),
    }
    kept = draw(st.sets(st.sampled_from(sorted(scalars))))
    invalid = draw(st.dictionaries(st.integers(0, 5), st.sampled_from(["why", "because"])))
    cells = rng.integers(0, 1000, _LAYOUT.cells)
    return Contents(_LAYOUT, cells, {index: scalars[index] for index in kept}, invalid)


def _sum(parts: list[Contents]) -> Contents:
    total = Contents.empty(_LAYOUT)
    for part in parts:
        total.add(part, same_lumisection=True)
    return total


@given(st.lists(_contents(), max_size=5), st.randoms())
def test_parts_of_one_lumisection_sum_to_the_same_in_any_order(
    parts: list[Contents], random: "object"
) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _sum(parts).equals(_sum(shuffled))


@given(_contents(), _contents(), _contents())
def test_sums_may_be_taken_in_parts(a: Contents, b: Contents, c: Contents) -> None:
    assert _sum([_sum([a, b]), c]).equals(_sum([a, _sum([b, c])]))


@given(_contents())
def test_the_wire_gives_back_the_same_contents(contents: Contents) -> None:
    block = contents.encode()
    back = Contents.decode(_LAYOUT, block, contents.scalars, contents.invalid)
    assert back.equals(contents)


@given(_contents())
def test_a_sum_leaves_its_parts_alone(contents: Contents) -> None:
    before = contents.copy()
    Contents.total(_LAYOUT, [contents, contents])
    assert contents.equals(before)


def test_a_later_lumisection_has_the_last_word() -> None:
    early = Contents(
        _LAYOUT, np.zeros(_LAYOUT.cells, np.int64), {4: ScalarValue(value=1, source="z", number=9)}
    )
    late = Contents(
        _LAYOUT, np.zeros(_LAYOUT.cells, np.int64), {4: ScalarValue(value=2, source="a", number=0)}
    )
    assert Contents.total(_LAYOUT, [early, late]).scalars[4].value == 2
    assert _sum([early, late]).scalars[4].value == 1


def test_contents_of_other_bookings_are_never_summed() -> None:
    other = Layout(Workspace("Test", "", [histogram("a", integer(0, 4), fill="n")]))
    with pytest.raises(WindowError, match="differ and are never summed"):
        Contents.empty(_LAYOUT).add(Contents.empty(other))


def test_cells_of_another_size_are_refused() -> None:
    with pytest.raises(WindowError, match="cells"):
        Contents(_LAYOUT, np.zeros(3, np.int64))
    with pytest.raises(WindowError, match="cells"):
        Contents(_LAYOUT, np.zeros(_LAYOUT.cells, np.float64))  # type: ignore[arg-type]


def test_a_window_whose_sums_could_overflow_is_refused_by_path() -> None:
    contents = Contents.empty(_LAYOUT)
    contents.cells[_LAYOUT["b"].offset] = MAX_CELL_ENTRIES_WINDOW
    contents.add(Contents.empty(_LAYOUT))
    contents.cells[_LAYOUT["b"].offset] += 1
    with pytest.raises(WindowError, match="b: a cell holds"):
        contents.add(Contents.empty(_LAYOUT))


def _compressed(raw: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(raw)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"not zstd at all",
        _compressed(b""),
        _compressed(bytes(_LAYOUT.cells * 8 - 8)),
        _compressed(bytes(_LAYOUT.cells * 8 + 8)),
        _compressed(bytes(2**30)),
        Contents.empty(_LAYOUT).encode()[:-3],
    ],
    ids=["empty", "noise", "no cells", "short", "long", "bomb", "cut"],
)
def test_a_broken_block_is_refused_without_being_unpacked(block: bytes) -> None:
    with pytest.raises(MessageError) as refusal:
        Contents.decode(_LAYOUT, block)
    assert refusal.value.reason == "bad_cells"


def test_scalars_of_unknown_elements_are_refused() -> None:
    block = Contents.empty(_LAYOUT).encode()
    with pytest.raises(MessageError, match="no elements"):
        Contents.decode(_LAYOUT, block, {99: ScalarValue(value=1)})
    with pytest.raises(MessageError, match="no elements"):
        Contents.decode(_LAYOUT, block, {}, {-1: "why"})


@given(st.floats(1e-90, 1e90), st.booleans())
def test_fixed_point_leaves_room_for_its_entries_and_rounds_as_promised(
    largest: float, squared: bool
) -> None:
    bits = fixed_point_bits(-largest, largest, squared=squared)
    extreme = largest * largest if squared else largest
    assert 2**29 <= extreme * 2.0**bits <= 2**30
    assert 2.0 ** -(bits + 1) <= extreme * 2**-30


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (0, float("inf")), (0, float("nan")), (0, 0)])
def test_ranges_without_a_fixed_point_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(BookingError, match="must be finite, rising"):
        fixed_point_bits(*bounds)


def test_elements_lie_one_behind_the_other_and_cover_the_buffer() -> None:
    end = 0
    for element in _LAYOUT:
        assert element.offset == end
        end += element.size
    assert end == _LAYOUT.cells
    assert [element.size for element in _LAYOUT] == [5 + 2, 3 * 5 + 2, 0, 0, 0, 0]
