"""Chunks are the same whenever they are made, however they are cut, and cover each LS once."""

import functools
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.booking.columns import encode_batch
from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.sources.synthetic import (
    SUBSYSTEMS,
    SyntheticConfig,
    SyntheticDetector,
    parse_fault,
)
from dqmstream.sources.synthetic.detector import BLOCK_EVENTS
from dqmstream.sources.synthetic.fill import Fill

SMALL = SyntheticConfig(run=7, lumisections=5, rate=100, lumisection_seconds=1.05, chunk_events=25)


def changed(**values: object) -> SyntheticConfig:
    fields = {name: getattr(SMALL, name) for name in SMALL.__slots__}
    return SyntheticConfig(**(fields | values))  # type: ignore[arg-type]


def events(config: SyntheticConfig, lumisection: int) -> list[int]:
    chunks = SyntheticDetector(config).chunks(lumisection)
    return [event for chunk in chunks for event in chunk.batch.column("event").to_pylist()]


def test_a_lumisection_is_cut_into_chunks_by_settings_alone() -> None:
    chunks = list(SyntheticDetector(SMALL).chunks(2))
    assert [chunk.number for chunk in chunks] == [0, 1, 2, 3, 4]
    assert [len(chunk.batch) for chunk in chunks] == [25, 25, 25, 25, 5]
    assert events(SMALL, 2) == list(range(106, 211))


@settings(max_examples=20, deadline=None)
@given(
    wanted=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=5),
    seed=st.integers(0, 2**40),
)
def test_any_chunk_made_on_its_own_has_the_same_bits(
    wanted: list[tuple[int, int]], seed: int
) -> None:
    config = changed(seed=seed)
    detector = SyntheticDetector(config)
    for lumisection, number in wanted:
        alone = SyntheticDetector(config).chunk(lumisection, number).batch
        assert detector.chunk(lumisection, number).batch.equals(alone)
    again = [chunk.batch for chunk in detector.chunks(1)]
    assert again[3].equals(SyntheticDetector(config).chunk(1, 3).batch)


LARGE = changed(
    rate=2.3 * BLOCK_EVENTS,
    lumisection_seconds=1,
    faults=(parse_fault("dead:pixel:layer2@1-1"), parse_fault("hot:dt:chamber7*20")),
)


def together(config: SyntheticConfig, lumisection: int) -> pa.RecordBatch:
    """All events of a LS, written and read as chunks are."""
    tables = [
        pa.ipc.open_stream(encode_batch(chunk.batch)).read_all()
        for chunk in SyntheticDetector(config).chunks(lumisection)
    ]
    (batch,) = pa.concat_tables(tables).combine_chunks().to_batches()
    return batch


@functools.cache
def whole_lumisection() -> pa.RecordBatch:
    """What any cutting of it is compared with."""
    return together(replace(LARGE, chunk_events=LARGE.events), 1)


@settings(max_examples=10, deadline=None)
@given(
    chunk_events=st.integers(30, 3 * BLOCK_EVENTS)
    | st.sampled_from([17, 100, 250, BLOCK_EVENTS - 1, BLOCK_EVENTS, BLOCK_EVENTS + 1])
)
def test_one_seed_gives_one_run_at_any_size_of_chunks(chunk_events: int) -> None:
    """Every event, with its faults, is the same to the bit: chunks only cut."""
    cut = together(replace(LARGE, chunk_events=chunk_events), 1)
    assert cut.num_rows == LARGE.events
    assert cut.equals(whole_lumisection())


def test_chunks_of_one_event_are_the_same_events() -> None:
    few = changed(rate=40, lumisection_seconds=1)
    assert together(replace(few, chunk_events=1), 3).equals(together(few, 3))


def test_a_chunk_carries_no_more_than_its_events() -> None:
    """A cut out of a block is not sent with the rest of the block behind it."""
    small = changed(rate=BLOCK_EVENTS, lumisection_seconds=1, chunk_events=10)
    whole = replace(small, chunk_events=BLOCK_EVENTS)
    size = len(encode_batch(SyntheticDetector(whole).chunk(1, 0).batch))
    cut = len(encode_batch(SyntheticDetector(small).chunk(1, 50).batch))
    assert cut < 0.2 * size


@pytest.mark.parametrize("name", ["seed", "run"])
def test_another_seed_or_run_gives_other_events(name: str) -> None:
    one = SyntheticDetector(SMALL).chunk(1, 0).batch
    other = SyntheticDetector(changed(**{name: 99})).chunk(1, 0).batch
    assert not one.column("pixel").equals(other.column("pixel"))


def test_chunks_of_a_run_all_differ() -> None:
    detector = SyntheticDetector(SMALL)
    columns = [
        chunk.batch.column("ecal").to_pylist() for ls in (1, 2) for chunk in detector.chunks(ls)
    ]
    assert all(one != other for i, one in enumerate(columns) for other in columns[:i])


def test_subsystems_left_out_do_not_change_the_others() -> None:
    whole = SyntheticDetector(SMALL).chunk(2, 1).batch
    part = SyntheticDetector(changed(subsystems=("bril", "ecal"))).chunk(2, 1).batch
    assert part.schema.names == [
        "event",
        "bunch_crossing",
        "orbit",
        "time",
        "pileup",
        "vertices",
        "ecal",
        "bril",
        "luminometer",
    ]
    assert all(part.column(name).equals(whole.column(name)) for name in part.schema.names)


def test_all_columns_are_whole_and_without_nulls(healthy: pa.RecordBatch) -> None:
    healthy.validate(full=True)
    assert healthy.schema.equals(SyntheticDetector(SMALL).columns)
    assert not any(column.null_count for column in healthy.columns)
    for field in healthy.schema:
        assert not field.nullable
        if pa.types.is_list(field.type):
            members = field.type.value_type
            assert not any(members.field(i).nullable for i in range(members.num_fields))


def test_the_hash_depends_on_all_that_chunks_depend_on() -> None:
    others = [
        changed(**change)
        for change in (
            {"seed": 2},
            {"run": 8},
            {"lumisections": 6},
            {"rate": 101.0},
            {"lumisection_seconds": 2.0},
            {"chunk_events": 26},
            {"fill": Fill(initial_pileup=50)},
            {"fill": Fill(prescales=((2, 1),))},
            {"subsystems": ("pixel",)},
            {"faults": (parse_fault("dead:pixel:layer1"),)},
            {"faults": (parse_fault("dead:pixel:layer2"),)},
        )
    ]
    hashes = {SyntheticDetector(config).config_hash() for config in (SMALL, *others)}
    assert len(hashes) == 1 + len(others)


def test_equal_configurations_have_equal_hashes_whatever_the_order_of_subsystems() -> None:
    reordered = changed(subsystems=tuple(reversed(SUBSYSTEMS)))
    hashes = {SyntheticDetector(config).config_hash() for config in (SMALL, reordered)}
    assert len(hashes) == 1


def test_labels_name_the_trigger_bits_where_they_are_read_out() -> None:
    assert SyntheticDetector(SMALL).labels["l1t.bit"][0] == "L1_ZeroBias"
    assert SyntheticDetector(changed(subsystems=("pixel",))).labels == {}


@pytest.mark.parametrize(("lumisection", "number"), [(0, 0), (6, 0), (1, -1), (1, 5)])
def test_what_the_run_does_not_have_is_refused(lumisection: int, number: int) -> None:
    with pytest.raises(SourceError, match=f"run 7 LS {lumisection}"):
        SyntheticDetector(SMALL).chunk(lumisection, number)


def test_a_rate_of_nothing_gives_no_chunks() -> None:
    assert list(SyntheticDetector(changed(rate=0)).chunks(1)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"run": 0}, "run is 0"),
        ({"lumisections": 0}, "lumisections is 0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"lumisection_seconds": 0}, "lumisection_seconds is 0"),
        ({"chunk_events": 0}, "chunk_events is 0"),
        ({"subsystems": ()}, "subsystems are none"),
        ({"subsystems": ("pixle",)}, "pixle: expected some of pixel"),
        (
            {
                "subsystems": ("ecal",),
                "faults": (parse_fault("dead:pixel:layer1"),),
            },
            "dead:pixel:layer1@1-: subsystems ecal do not read it out",
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        changed(**change)
