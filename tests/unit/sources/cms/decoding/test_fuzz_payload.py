"""Payloads that were good once, through decoder and columns: nothing raises, hangs or grows.

The bound on memory: what is allocated at once, by the decoder and for the columns, is at most
`MOST_PER_BYTE` times the bytes of the payloads, and `ALWAYS` besides. Five bytes of a payload can
be the length and the only byte of a FED, which become two records of the walk (64 bytes) with room
for as many again, and a row of columns.
"""

import tracemalloc
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.kernels.payload.buffer import KINDS
from dqmstream.kernels.payload.walking import walk
from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.encoding.events import encode_event_payload, encode_job_header
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Written
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.madeup.plan import ONLINE_BRANCHES, TRACKING_BRANCHES, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.product_columns import ProductColumns
from dqmstream.sources.cms.products import ProductPlan, products_of
from tests.mutated import mutated

# The first test that decodes may have to compile the decoder.
pytestmark = pytest.mark.timeout(300)

MOST_PER_BYTE: Final = 64
ALWAYS: Final = 1_000_000
RAW: Final = Branch("FEDRawDataCollection", "hltFEDSelectorL1", "", "HLT")

per_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Stream(NamedTuple):
    """Two good events of a stream, and how to read them."""

    payloads: tuple[bytes, ...]
    plan: ProductPlan
    decoder: PayloadDecoder

    def columns(self, payloads: Sequence[bytes]) -> tuple[Decoded, pa.RecordBatch]:
        decoded = self.decoder.decode(payloads)
        crossings = np.ones(len(payloads), np.int32)
        made = self.plan.build(decoded, bunch_crossing=crossings, events=len(payloads))
        return decoded, pa.RecordBatch.from_arrays(made, schema=pa.schema(self.plan.fields))

    def allocated(self, payloads: Sequence[bytes]) -> int:
        """Most bytes that were allocated at once, compiled kernels aside."""
        self.columns(self.payloads)
        pool = pa.default_memory_pool()
        before = pool.bytes_allocated()
        tracemalloc.start()
        try:
            made = self.columns(payloads)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # What Arrow allocated is still there; what it took of NumPy is counted already.
        grown = pool.bytes_allocated() - before
        del made
        return peak + grown


def _stream(branches: Sequence[Branch], payloads: Sequence[bytes]) -> Stream:
    offered = products_of(branches)
    plan = offered.plan(offered.columns, feds=(1404,))
    return Stream(tuple(payloads), plan, PayloadDecoder(branches, plan.wanted))


@lru_cache(maxsize=2)
def made_up(kind: str) -> Stream:
    branches, written = {
        "tracking": (TRACKING_BRANCHES, WRITTEN_2021),
        "online": (ONLINE_BRANCHES, WRITTEN_2025),
    }[kind]
    run = MadeUpRun(Plan(events=2, filled=1, tracks=3), branches, written=written)
    return _stream(branches, [run.payload(1, number) for number in (0, 1)])


def assert_only_the_first_is_changed(stream: Stream, changed: bytes) -> None:
    """All columns are made, faults have names, and the event behind it is as it was."""
    decoded, both = stream.columns([changed, stream.payloads[1]])
    both.validate(full=True)
    assert {label.rpartition(" ")[2] for label in decoded.broken} <= set(KINDS) - {"", "full"}
    assert all(0 < n <= 2 for n in (*decoded.broken.values(), *decoded.unknown.values()))
    _, alone = stream.columns([stream.payloads[1]])
    assert both.slice(1).equals(alone) or both.slice(1).to_pylist() == alone.to_pylist()


@pytest.mark.parametrize("kind", ["tracking", "online"])
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_made_up_payload_spoils_nothing_else(kind: str, data: st.DataObject) -> None:
    """Bytes flipped, set to extremes, cut, inserted, doubled."""
    stream = made_up(kind)
    assert_only_the_first_is_changed(stream, data.draw(mutated(stream.payloads[0])))


@pytest.mark.parametrize("kind", ["tracking", "online"])
@settings(max_examples=40)
@given(data=st.data())
def test_a_four_byte_field_that_lies_spoils_nothing_else(kind: str, data: st.DataObject) -> None:
    """Counts, lengths, versions and class tags, a little wrong or hugely."""
    stream = made_up(kind)
    changed = bytearray(stream.payloads[0])
    place = data.draw(st.integers(0, len(changed) - 4))
    was = int.from_bytes(changed[place : place + 4])
    wrong = data.draw(
        st.one_of(
            st.integers(-8, 8).map(lambda step: was + step),
            st.sampled_from([0, 1, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE]),
            st.integers(0, 400).map(lambda offset: 0x80000000 | offset),
        )
    )
    changed[place : place + 4] = (wrong & 0xFFFFFFFF).to_bytes(4)
    assert_only_the_first_is_changed(stream, bytes(changed))


@pytest.fixture(scope="module")
def real(real_data: Path) -> dict[str, Stream]:
    """Events of real files: the first with tracks, and two of scouting."""
    streams = {}
    for name, beginning in (("tracks", "run346373_ls0027"), ("scouting", "run392642")):
        (path,) = (real_data / "cms-streamer").glob(f"{beginning}*.dat")
        file = StreamerFile(path)
        payloads = sorted((event.payload or b"" for event in file.events()), key=len)
        assert file.init is not None
        chosen = payloads[-1:-3:-1] if name == "tracks" else payloads[:2]
        streams[name] = _stream(read_branches(file.init.payload), chosen)
    return streams


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["tracks", "scouting"])
@settings(parent=per_example, max_examples=40)
@given(data=st.data())
def test_a_changed_real_payload_spoils_nothing_else(
    name: str, data: st.DataObject, real: dict[str, Stream]
) -> None:
    stream = real[name]
    assert_only_the_first_is_changed(stream, data.draw(mutated(stream.payloads[0])))


@pytest.mark.parametrize("kind", ["tracking", "online"])
@settings(max_examples=30)
@given(data=st.data())
def test_a_changed_payload_allocates_no_more_than_its_bytes_allow(
    kind: str, data: st.DataObject
) -> None:
    stream = made_up(kind)
    changed = data.draw(mutated(stream.payloads[0]))
    assert stream.allocated([changed]) <= ALWAYS + MOST_PER_BYTE * len(changed)


@pytest.mark.parametrize("sizes", [[0], [1], [1, 0], [1, 2], [0, 0, 3]])
def test_what_allocates_most_for_its_bytes_stays_within_the_bound(sizes: list[int]) -> None:
    """Many times as many FEDs as there are, with hardly a byte each."""
    number = 60_000
    entries = [{"data_": [7] * sizes[i % len(sizes)]} for i in range(number)]
    run = MadeUpRun(Plan(events=1), [RAW])
    payload = encode_event_payload(run.auxiliary(1, 0), [(RAW, {"data_": entries})])
    stream = _stream([RAW], [payload])
    decoded, _ = stream.columns([payload])
    assert decoded.products[0].counts.tolist() == [number]
    assert stream.allocated([payload]) <= ALWAYS + MOST_PER_BYTE * len(payload)


REPEATED: Final = (0, 1, 0x40000006, 0x40090014, 0xFFFFFFFF)


@pytest.mark.parametrize("kind", ["tracking", "online"])
def test_a_megabyte_of_any_repeated_field_comes_to_an_end(kind: str) -> None:
    """Behind a good beginning: no count, tag or header makes the walk go back."""
    stream = made_up(kind)
    begin = stream.payloads[0][: len(stream.payloads[0]) // 2]
    for field in REPEATED:
        changed = begin + field.to_bytes(4) * 250_000
        whole = (0x40000000 | len(changed) - 4).to_bytes(4) + changed[4:]
        assert_only_the_first_is_changed(stream, whole)


def read_with(init: bytes, payloads: Sequence[bytes]) -> None:
    """Read events behind any INIT: all columns are there, whatever it says."""
    columns = ProductColumns(["tracks.pt", "vertices.z", "fed.id", "trigger_results.path"])
    reader = columns.reader(init)
    found = reader.read(payloads, np.ones(len(payloads), np.int64))
    assert [array.type for array in found.arrays] == [field.type for field in columns.fields]
    assert {len(array) for array in found.arrays} == {len(payloads)}


@pytest.mark.parametrize("written", [WRITTEN_2021, WRITTEN_2025])
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_init_is_read_or_its_products_are_left_out(
    written: Written, data: st.DataObject
) -> None:
    good = encode_job_header(TRACKING_BRANCHES, branch_ids=[1, 2, 3], written=written)
    read_with(data.draw(mutated(good)), made_up("tracking").payloads)


names = st.one_of(
    st.sampled_from(["", "recoTracks", "vector<", "<<>>", "vector<vector<reco::Track>>", ">"]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
branches_of_any_kind = st.builds(
    Branch,
    st.one_of(names, st.sampled_from([branch.class_name for branch in ONLINE_BRANCHES])),
    *(names, names, names, names),
)


@settings(max_examples=40)
@given(st.lists(st.one_of(branches_of_any_kind, st.sampled_from(TRACKING_BRANCHES)), max_size=8))
def test_any_list_of_branches_can_be_announced(branches: list[Branch]) -> None:
    """Classes that are none, names that are empty, the same branch twice."""
    read_with(encode_job_header(branches), made_up("tracking").payloads)


def test_the_walk_counts_no_references() -> None:
    """Which would take longer than the walk itself: see `lean_kernel`."""
    made_up("tracking").columns(made_up("tracking").payloads)
    assert walk.signatures
    assert not walk.targetoptions["_nrt"]
