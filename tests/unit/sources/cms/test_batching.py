"""Chunks with product columns: how many events are decoded together changes no byte of them."""

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import AUXILIARY_END, EventAuxiliary
from dqmstream.sources.cms.batching import row_bytes
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import InitMessage
from dqmstream.sources.cms.payload import Compression
from dqmstream.sources.cms.product_reader import ProductArrays
from dqmstream.sources.cms.report import OTHER_CLASSES, EventCounts
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.writer import new_event, write_streamer_file
from tests.send_events import encode_send_event

Make = Callable[[int], EventAuxiliary]

FIELDS = (
    pa.field(
        "letters",
        pa.list_(
            pa.field(
                "item",
                pa.struct(
                    [
                        pa.field("code", pa.uint16(), nullable=False),
                        pa.field("even", pa.bool_(), nullable=False),
                    ]
                ),
                nullable=False,
            )
        ),
        nullable=False,
    ),
    pa.field("length", pa.float64(), nullable=False),
    pa.field("crossing", pa.int32(), nullable=False),
)


class Letters:
    """Takes what follows the auxiliary for a product: its bytes are the objects."""

    fields = FIELDS
    fault = ""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.batches: list[int] = []
        self.payload = b""

    def reader(self, init_payload: bytes) -> "Letters":
        """Itself, for any INIT."""
        self.payload = init_payload
        return self

    def read(self, payloads: Sequence[bytes], bunch_crossings: NDArray[np.int64]) -> ProductArrays:
        """A letter is unknown if it is x, broken if it is y."""
        self.batches.append(len(payloads))
        rests = [payload[AUXILIARY_END:] for payload in payloads]
        codes = np.frombuffer(b"".join(rests), np.uint8)
        objects = pa.StructArray.from_arrays(
            [pa.array(codes.astype(np.uint16)), pa.array(codes % 2 == 0)],
            fields=list(FIELDS[0].type.value_type),
        )
        ends = np.cumsum([0, *map(len, rests)])
        arrays: list[pa.Array[Any]] = [
            pa.ListArray.from_arrays(pa.array(ends, pa.int32()), objects, type=FIELDS[0].type),
            pa.array(np.array([len(rest) for rest in rests], np.float64)),
            pa.array(bunch_crossings, pa.int32()),
        ]
        unknown = sum(b"x" in rest for rest in rests)
        broken = sum(b"y" in rest for rest in rests)
        return ProductArrays(
            arrays,
            {"reco::Letter v3": unknown} if unknown else {},
            {"vector<reco::Letter> byte_count": broken} if broken else {},
        )


@pytest.fixture
def written(
    tmp_path: Path, init: InitMessage, auxiliary: Make
) -> Callable[[Sequence[bytes]], Path]:
    """Writes events with these products."""

    def write(products: Sequence[bytes]) -> Path:
        place = LumisectionId(auxiliary(0).run, auxiliary(0).lumisection)
        events = [
            new_event(init, place, n, [1] * 5, encode_send_event(auxiliary(n), product))
            for n, product in enumerate(products)
        ]
        write_streamer_file(tmp_path / "a.dat", init, events)
        return tmp_path / "a.dat"

    return write


def bodies(file: StreamerFile) -> list[tuple[bytes, EventCounts]]:
    """What would be sent."""
    return [(encode_batch(chunk.batch), chunk.counts) for chunk in file.chunks()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    products=st.lists(st.binary(max_size=60), max_size=25),
    chunk_events=st.integers(1, 12),
    chunk_bytes=st.integers(1, 6000),
    together=st.integers(1, 30),
    batch_bytes=st.integers(1, 5000),
)
def test_what_is_decoded_together_changes_no_byte(  # noqa: PLR0917 hypothesis and fixtures
    written: Callable[[Sequence[bytes]], Path],
    products: list[bytes],
    chunk_events: int,
    chunk_bytes: int,
    together: int,
    batch_bytes: int,
) -> None:
    """Chunks end, and count, as if each event were decoded by itself."""
    path = written(products)
    read = ReadSettings(chunk_events=chunk_events, chunk_bytes=chunk_bytes)
    alone = Limits(max_batch_events=1)
    limits = Limits(max_batch_events=together, max_batch_bytes=batch_bytes)
    one_by_one = bodies(StreamerFile(path, read, limits=alone, products=Letters()))
    found = bodies(StreamerFile(path, read, limits=limits, products=Letters()))
    assert found == one_by_one
    letters = []
    for body, counts in found:
        columns = decode_batch(body, selected=counts.selected)
        letters.append(columns.collections["letters"].members["code"])
    assert np.concatenate([*letters, np.zeros(0)]).tolist() == list(b"".join(products))


def test_product_columns_stand_beside_those_of_headers(
    written: Callable[[Sequence[bytes]], Path], init: InitMessage, auxiliary: Make
) -> None:
    """Row by row, with the bunch crossing of the event's own auxiliary."""
    products = Letters()
    path = written([b"ab", b"", b"c"])
    (batch,) = StreamerFile(path, ReadSettings(columns=("event",)), products=products).batches()
    assert products.payload == init.payload
    assert batch.to_pylist() == [
        {
            "event": number,
            "letters": [{"code": code, "even": code % 2 == 0} for code in letters],
            "length": len(letters),
            "crossing": auxiliary(number).bunch_crossing,
        }
        for number, letters in enumerate([b"ab", b"", b"c"])
    ]


def test_chunks_are_cut_by_the_bytes_of_all_columns(
    written: Callable[[Sequence[bytes]], Path],
) -> None:
    """A chunk of large events has few of them; what is announced is about what Arrow holds."""
    path = written([b"a" * 1000] * 10)
    read = ReadSettings(columns=("event",), chunk_bytes=5000)
    file = StreamerFile(path, read, products=Letters())
    assert [chunk.batch.num_rows for chunk in file.chunks()] == [2, 2, 2, 2, 2]
    (whole,) = StreamerFile(path, ReadSettings(columns=("event",)), products=Letters()).batches()
    said = sum(int(row_bytes(whole[name]).sum()) for name in whole.schema.names)
    assert whole.nbytes <= said + 16 <= 1.5 * whole.nbytes


def test_products_that_are_left_out_are_counted_by_name(
    written: Callable[[Sequence[bytes]], Path],
) -> None:
    """Their events stay, and the notes of the LS name class, version and what is broken."""
    file = StreamerFile(written([b"x", b"xy", b"a"]), products=Letters())
    assert sum(batch.num_rows for batch in file.batches()) == 3
    report = file.report
    assert report.flaws == {"unknown_class": 2, "broken_payload": 1}
    assert report.named_flaws == {
        "unknown_class": {"reco::Letter v3": 2},
        "broken_payload": {"vector<reco::Letter> byte_count": 1},
    }
    assert report.notes() == {
        "unknown_class: reco::Letter v3": 2,
        "broken_payload: vector<reco::Letter> byte_count": 1,
    }
    assert [found.reason for found in report.findings] == ["unknown_class", "broken_payload"]


def test_names_in_notes_are_bounded(written: Callable[[Sequence[bytes]], Path]) -> None:
    """In number and in length: a file of nothing but trouble does not grow the account."""

    class Hostile(Letters):
        def read(
            self, payloads: Sequence[bytes], bunch_crossings: NDArray[np.int64]
        ) -> ProductArrays:
            found = super().read(payloads, bunch_crossings)
            names = {f"{'A' * 500}\n{number}": 1 for number in range(50)}
            return found._replace(unknown={**names, **{f"c{n}": 1 for n in range(50)}})

    file = StreamerFile(written([b"a"]), limits=Limits(max_details=3), products=Hostile())
    assert len([*file.batches()]) == 1
    names = file.report.named_flaws["unknown_class"]
    assert len(names) == 4
    assert names[OTHER_CLASSES] == 48
    assert sum(names.values()) == 100
    assert all(len(name) <= 100 and name.isprintable() for name in names)


def test_an_init_whose_products_cannot_be_read_is_a_flaw(
    written: Callable[[Sequence[bytes]], Path],
) -> None:
    """Said once for the file, with the reason."""
    file = StreamerFile(written([b"a", b"b"]), products=Letters("SendJobHeader v99"))
    assert sum(batch.num_rows for batch in file.batches()) == 2
    assert file.report.notes() == {"branches_unknown": 1}
    assert "SendJobHeader v99" in file.report.sentences()[0]


def test_memory_holds_a_batch_and_not_the_file(
    tmp_path: Path, init: InitMessage, auxiliary: Make
) -> None:
    """200 MiB of payloads, stored in a few hundred kB, are read within 20 MiB."""
    place = LumisectionId(auxiliary(0).run, auxiliary(0).lumisection)
    raw = bytes(1 << 20)
    events = (
        new_event(
            init,
            place,
            n,
            [1] * 5,
            encode_send_event(auxiliary(n), raw),
            compression=Compression.ZSTD,
        )
        for n in range(200)
    )
    write_streamer_file(tmp_path / "a.dat", init, events)

    class Lengths(Letters):
        def read(
            self, payloads: Sequence[bytes], bunch_crossings: NDArray[np.int64]
        ) -> ProductArrays:
            joined = b"".join(payloads)
            assert len(joined) <= (4 << 20) + (2 << 20)
            return super().read(
                [payload[: AUXILIARY_END + 9] for payload in payloads], bunch_crossings
            )

    limits = Limits(max_batch_bytes=4 << 20)
    file = StreamerFile(tmp_path / "a.dat", limits=limits, products=Lengths())
    tracemalloc.start()
    try:
        assert sum(batch.num_rows for batch in file.batches()) == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20
