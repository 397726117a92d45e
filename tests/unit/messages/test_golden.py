"""Bytes of all messages ever released decode today, and damaged ones are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dqmstream.booking.columns import decode_batch
from dqmstream.errors import DqmError, MessageError
from dqmstream.fold.merge import Merger
from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import toy_columns, toy_fillers
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.chunk_headers import Headers
from dqmstream.messages.events import EventBatch
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC, MESSAGES

GOLDEN = Path(__file__).parents[2] / "resources" / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.bin"))


def golden(case: str) -> tuple[Headers, bytes, dict[str, object]]:
    """Headers, value and readable form."""
    readable = json.loads((GOLDEN / f"{case}.json").read_text())
    headers = [(name, text.encode()) for name, text in readable["headers"]]
    return headers, (GOLDEN / f"{case}.bin").read_bytes(), readable


def test_every_message_of_today_has_golden_bytes() -> None:
    current = {f"{message.__name__}.v{message.version}" for message in MESSAGES}
    missing = current - set(CASES)
    assert not missing, f"copy schemas/golden/{{{','.join(missing)}}}.* to {GOLDEN}"


@pytest.mark.parametrize("case", CASES)
def test_golden_bytes_decode_to_what_stands_beside_them(case: str) -> None:
    headers, value, readable = golden(case)
    message = CODEC.decode(headers, value)
    assert message == msgspec.convert(readable["message"], type(message), str_keys=True)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_golden_bytes_of_today_encode_to_themselves(message: type) -> None:
    headers, value, _ = golden(f"{message.__name__}.v{message.version}")
    encoded = CODEC.encode(CODEC.decode(headers, value))
    assert (list(encoded.headers), encoded.value) == (headers, value)


# ------------------------------------------------------------------- damage


def damaged(value: bytes) -> Iterator[bytes]:
    """Every shorter version of some bytes, and every one with one bit flipped."""
    for size in range(len(value)):
        yield value[:size]
    for position in range(len(value) * 8):
        flipped = bytearray(value)
        flipped[position // 8] ^= 1 << position % 8
        yield bytes(flipped)


@pytest.mark.parametrize("case", CASES)
def test_damage_is_refused_and_nothing_else_is_raised(case: str) -> None:
    headers, value, _ = golden(case)
    reasons = [reason_of(headers, broken) for broken in damaged(value)]
    assert set(reasons) <= {"", "bad_body", "checksum"}
    assert "" not in reasons[: len(value)], "whatever is cut short is refused"


def test_damaged_headers_are_refused_and_nothing_else_is_raised() -> None:
    headers, value, _ = golden("EventBatch.v1")
    reasons = {
        reason_of([*headers[:place], (name, broken), *headers[place + 1 :]], value)
        for place, (name, text) in enumerate(headers)
        for broken in damaged(text)
    }
    assert reasons == {
        "",  # another good number
        "bad_headers",
        "bad_schema",
        "checksum",
        "unknown_type",
        "unknown_version",
    }


def reason_of(headers: Headers, value: bytes) -> str:
    """Why the codec refuses a record; empty if it does not."""
    try:
        CODEC.decode(headers, value)
    except MessageError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("case", [case for case in CASES if EVENTS in golden(case)[2]["topics"]])
def test_the_fold_survives_every_damaged_record(case: str) -> None:
    """What still decodes is folded or refused; and the sets can still be published."""
    headers, value, _ = golden(case)
    fold = PartitionFold(0, FoldSettings(partitions=4), toy_fillers(), toy_columns)
    for offset, broken in enumerate(damaged(value)):
        fold.apply(Entry(offset, headers, broken, None, honest=False))
        for segment in list(fold.closed()):
            fold.acknowledge(segment.id)
    encoded = fold.control.state.encode()
    assert ControlState.decode(encoded).encode() == encoded


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("HistogramSet.")])
def test_readers_survive_every_damaged_set(case: str) -> None:
    headers, value, _ = golden(case)
    booking = EXAMPLES["Booking"]
    assert isinstance(booking, Booking)
    layout = Layout(booking)
    for broken in damaged(value):
        try:
            piece = CODEC.decode(headers, broken)
            assert isinstance(piece, HistogramSet)
            merger = Merger({layout.hash: layout}.get)
            key = merger.apply(piece)
            if key is not None:
                merger.merged(key)
        except DqmError:
            continue


# ----------------------------------------------------------------- one story


def test_the_example_set_is_the_example_batch_filled_as_the_example_booking_says() -> None:
    booking, batch, piece = (EXAMPLES[name] for name in ("Booking", "EventBatch", "HistogramSet"))
    assert isinstance(booking, Booking)
    assert isinstance(batch, EventBatch)
    assert isinstance(piece, HistogramSet)
    layout = Layout(booking)
    assert piece.booking == layout.hash
    columns = decode_batch(batch.body, selected=batch.chunk.selected)
    pts = columns.collections["muon"].members["pt"]
    assert pts.tolist() == [12.5, 3.0, 40.0]
    contents = Contents.decode(layout, piece.cells, piece.scalars)
    assert cells(contents, "Muon/pt") == [0, 1, 1, 0, 1, 0]
    # Orbits 7, 8, 9 with 1, 0 and 2 muons: rows with flow, and in each the bins with flow.
    empty = [0, 0, 0, 0]
    assert cells(contents, "Muon/size_by_orbit") == [
        *empty,
        *[0, 0, 1, 0],
        *[0, 1, 0, 0],
        *[0, 0, 1, 0],
        *empty,
    ]
    bits, square_bits = layout["Muon/pt_by_orbit"].bits, layout["Muon/pt_by_orbit"].square_bits
    sums = [round(value * 2**bits) for value in (0, 12.5, 0, 43.0, 0)]
    squares = [round(value * value * 2**square_bits) for value in (0, 12.5, 0, 43.0, 0)]
    assert cells(contents, "Muon/pt_by_orbit") == [0, 1, 1, 1, 0, *sums, *squares]
    assert contents.scalars[4].value == 3
    assert contents.scalars[5].value == "collisions"


def cells(contents: Contents, path: str) -> list[int]:
    """Cells of one element, without its counters."""
    place = contents.layout[path]
    return contents.cells[place.offset : place.nan].tolist()


def test_the_example_checkpoint_holds_a_state() -> None:
    checkpoint = EXAMPLES["FillerCheckpoint"]
    assert isinstance(checkpoint, FillerCheckpoint)
    assert ControlState.decode(checkpoint.state) == ControlState()
