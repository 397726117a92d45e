"""What each kind of fault does to the events, and that it does it at any size of chunks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic import (
    SyntheticConfig,
    SyntheticDetector,
    parse_fault,
    synthetic_conditions,
)
from dqmstream.sources.synthetic.faults import KINDS, SourceTroubles, fault_of_table

Values = Callable[[pa.RecordBatch, str], Any]

EVENTS = 20_000


def broken(
    *texts: str, lumisection: int = 1, subsystems: str = "", events: int = EVENTS
) -> pa.RecordBatch:
    config = SyntheticConfig(
        run=1, chunk_events=events, lumisections=20, faults=tuple(map(parse_fault, texts))
    )
    if subsystems:
        config = replace(config, subsystems=tuple(subsystems.split()))
    return SyntheticDetector(config).chunk(lumisection, 0).batch


def test_a_share_of_a_weak_module_is_lost(healthy: pa.RecordBatch, values: Values) -> None:
    before, after = (
        np.bincount(values(batch, "bril.channel").astype(int))
        for batch in (healthy, broken("dead:bril:channel5*0.3", subsystems="bril"))
    )
    assert after[5] == pytest.approx(0.3 * before[5], abs=5 * np.sqrt(0.21 * before[5]))
    assert np.array_equal(np.delete(after, 5), np.delete(before, 5))


def test_a_burst_is_in_its_seconds_only(values: Values, counts: Values) -> None:
    batch = broken("burst:bril:channel7*200~5-6.5", subsystems="bril")
    seconds = np.repeat(values(batch, "time") * 1e-9, counts(batch, "bril").astype(int))
    noisy = values(batch, "bril.channel") == 7
    inside = (seconds >= 5) & (seconds < 6.5)
    share = 1.5 / 20  # the events of 20 of the 23 seconds are looked at
    hits = 6 / 48 * 20_000
    assert (noisy & inside).sum() == pytest.approx(200 * hits * share, rel=0.1)
    assert (noisy & ~inside).sum() == pytest.approx(hits * (1 - share), rel=0.1)


def test_times_are_shifted_at_the_address_and_nothing_else_is(
    healthy: pa.RecordBatch, values: Values
) -> None:
    batch = broken("timing:ecal:supermodule12+3.5ns", subsystems="ecal")
    there = values(batch, "ecal.supermodule") == 12
    shift = values(batch, "ecal.time") - values(healthy, "ecal.time")
    assert shift[there] == pytest.approx(3.5, abs=1e-5)
    assert not shift[~there].any()
    assert np.array_equal(values(batch, "ecal.energy"), values(healthy, "ecal.energy"))


def test_a_shift_of_a_slot_moves_the_crossing_too(healthy: pa.RecordBatch, values: Values) -> None:
    batch = broken("timing:rpc-25ns", "timing:l1t_eg+50ns", subsystems="muon l1t")
    assert set(values(batch, "rpc.bx") - values(healthy, "rpc.bx")) == {-1}
    assert values(batch, "rpc.time") - values(healthy, "rpc.time") == pytest.approx(-25, abs=1e-4)
    assert set(values(batch, "l1t_eg.bx") - values(healthy, "l1t_eg.bx")) == {2}


def test_gain_drifts_from_lumisection_to_lumisection(values: Values) -> None:
    for lumisection, scale in ((1, 1.0), (2, 0.98), (3, 0.98**2), (4, 1.0)):
        before, after = (
            broken(*faults, lumisection=lumisection, subsystems="sistrip", events=2000)
            for faults in ((), ("gain:sistrip:subdetector5-2%@2-3",))
        )
        there = values(before, "sistrip.subdetector") == 5
        for name in ("sistrip.charge", "sistrip.sn"):
            ratio = values(after, name) / values(before, name)
            assert ratio[there] == pytest.approx(scale, rel=1e-5)
            assert set(ratio[~there]) == {1.0}


def test_a_rate_drop_leaves_fewer_events_over_the_whole_lumisection() -> None:
    config = SyntheticConfig(
        run=1, rate=100, subsystems=("bril",), faults=(parse_fault("rate*0.3@2"),), lumisections=3
    )
    detector = SyntheticDetector(config)
    seen: set[int] = set()
    for lumisection, events in ((1, 2331), (2, 699), (3, 2331)):
        batches = [batch for _, batch in detector.chunks(lumisection)]
        table = pa.Table.from_batches(batches)
        assert len(batches) == config.chunks_in(lumisection)
        assert table.num_rows == config.events_in(lumisection) == events
        time = table.column("time").to_numpy() * 1e-9
        assert time.max() > 0.99 * 23.31
        seen.update(table.column("event").to_pylist())
    assert len(seen) == 2331 + 699 + 2331
    assert list(SyntheticDetector(replace(config, faults=(parse_fault("rate*0"),))).chunks(1)) == []


def test_a_prescale_change_is_in_events_and_conditions() -> None:
    config = SyntheticConfig(
        run=1,
        rate=10,
        subsystems=("hlt",),
        lumisections=4,
        faults=(parse_fault("prescale:3@2-3"), parse_fault("prescale:5@3")),
    )
    for lumisection, column in ((1, 0), (2, 3), (3, 5), (4, 0)):
        batch = SyntheticDetector(config).chunk(lumisection, 0).batch
        assert set(batch.column("prescale_index").to_pylist()) == {column}
        assert synthetic_conditions(config, lumisection).prescale_index == column


@pytest.mark.parametrize(
    ("collection", "mismatch", "subsystems"),
    [
        ("l1t_jet", "l1t_jet_mismatch", "l1t l1t_emulator"),
        ("l1t", "l1t_mismatch", "l1t l1t_emulator"),
        ("l1t_emulator_sum", "l1t_sum_mismatch", "l1t l1t_emulator"),
        ("pixel_new", "pixel_mismatch", "pixel pixel_new"),
    ],
)
def test_the_share_of_events_that_differ_is_the_stated_one(
    counts: Values, collection: str, mismatch: str, subsystems: str
) -> None:
    batch = broken(f"mismatch:{collection}*0.05", subsystems=subsystems)
    differing = int((counts(batch, mismatch) > 0).sum())
    assert differing == pytest.approx(0.05 * EVENTS, abs=5 * np.sqrt(0.05 * EVENTS))
    assert set(counts(batch, mismatch)) == {0, 1}
    batch.validate(full=True)


def test_two_readouts_of_the_same_objects_break_alike(counts: Values) -> None:
    faults = (
        f"{kind}:{name}:layer1{strength}"
        for kind, strength in (("dead", "*0.5"), ("hot", "*2"), ("burst", "*3~1-9"))
        for name in ("pixel", "pixel_new")
    )
    batch = broken(*faults, subsystems="pixel pixel_new")
    assert not counts(batch, "pixel_mismatch").any()


ALL = (
    "dead:pixel:layer2*0.4@1-1",
    "hot:dt:chamber7*20",
    "burst:bril:channel3*50~2-9",
    "timing:ecal+2ns",
    "trip:csc:endcap1~1@1-3",
    "gain:hcal-3%",
    "rate*0.7@2",
    "prescale:4@2",
    "mismatch:l1t_jet*0.1",
)


@settings(max_examples=8, deadline=None)
@given(chunk_events=st.integers(1, 3000), lumisection=st.integers(1, 3))
def test_a_broken_run_is_the_same_at_any_size_of_chunks(
    chunk_events: int, lumisection: int
) -> None:
    config = SyntheticConfig(
        run=9,
        seed=9,
        rate=60,
        lumisections=3,
        chunk_events=500,
        faults=tuple(map(parse_fault, ALL)),
    )
    one, other = (
        pa.Table.from_batches([batch for _, batch in SyntheticDetector(c).chunks(lumisection)])
        for c in (config, replace(config, chunk_events=chunk_events))
    )
    assert one.combine_chunks().equals(other.combine_chunks())


TEXTS = (
    "dead:pixel:layer1/module37*0.25@5-",
    "hot:ecal:ieta10/iphi200*50@7-7",
    "burst:hcal:iphi12*30~5-6.5@7-7",
    "timing:ecal:supermodule12+3.5ns@5-",
    "timing:l1t_eg-25ns@5-",
    "timing:dt:wheel-1-0.000001ns@1-",
    "trip:dt:wheel-1/sector4~3@5-9",
    "gain:pixel:layer1-0.5%@5-",
    "rate*0.3@5-9",
    "prescale:0@5-9",
    "mismatch:l1t_jet*0.02@5-",
    "missing:bu-2@5-",
    "late:bu2+4@5-9",
    "repeat:bu2*2@5-9",
    "altered:bu2@5-5",
)


@pytest.mark.parametrize("text", TEXTS)
def test_every_kind_reads_as_it_is_written(text: str) -> None:
    assert str(parse_fault(text)) == text


def test_every_kind_is_tried() -> None:
    assert {parse_fault(text).kind for text in TEXTS} == set(KINDS)


def test_a_table_says_what_a_text_says() -> None:
    table = {
        "kind": "timing",
        "collection": "ecal",
        "address": "supermodule12",
        "shift_ns": 3.5,
        "first": 5,
        "last": 9,
    }
    assert fault_of_table(table, "here") == parse_fault("timing:ecal:supermodule12+3.5ns@5-9")


def test_a_source_fault_is_none_of_the_detector() -> None:
    with pytest.raises(ConfigurationError, match="a source breaks, the detector does not"):
        SyntheticConfig(run=1, faults=(parse_fault("missing:bu1"),))


def test_troubles_of_a_source_are_those_of_its_faults() -> None:
    texts = ("missing:a@7-", "late:a+4@2-3", "repeat:a*3@4", "altered:a@5", "missing:b")
    faults: Any = tuple(map(parse_fault, texts))
    a, b, c = (SourceTroubles.of(name, faults) for name in "abc")
    assert (a.last(10), b.last(10), c.last(10)) == (6, 0, 10)
    assert (a.dies, b.dies, c.dies) == (True, True, False)
    assert [a.delay(n) for n in range(1, 5)] == [0, 4, 4, 0]
    assert [a.times(n) for n in (3, 4, 5)] == [1, 3, 1]
    assert [a.alters(n) for n in (4, 5, 6)] == [False, True, False]
    assert a
    assert not c
