"""Faults: what they do to the columns, on schedule, and how they are written."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic import (
    DeadModule,
    Fault,
    HotChannel,
    SyntheticConfig,
    SyntheticDetector,
    parse_fault,
)

Values = Callable[[pa.RecordBatch, str], Any]

EVENTS = 20_000


def broken(*texts: str, lumisection: int = 1) -> pa.RecordBatch:
    """The same events as the healthy batch, with faults."""
    faults = tuple(map(parse_fault, texts))
    config = SyntheticConfig(run=1, chunk_events=EVENTS, faults=faults)
    return SyntheticDetector(config).chunk(lumisection, 0).batch


def occupancy(values: Values, batch: pa.RecordBatch, layer: int) -> Any:
    modules = values(batch, "pixel.module")[values(batch, "pixel.layer") == layer]
    return np.bincount(modules.astype(int))


def test_a_dead_module_is_empty_and_nothing_else_changes(
    healthy: pa.RecordBatch, values: Values
) -> None:
    batch = broken("dead:pixel:layer1/module37")
    before, after = occupancy(values, healthy, 1), occupancy(values, batch, 1)
    assert before[37] > 500
    assert after[37] == 0
    assert np.array_equal(np.delete(after, 37), np.delete(before, 37))
    assert np.array_equal(occupancy(values, batch, 2), occupancy(values, healthy, 2))
    assert batch.column("ecal").equals(healthy.column("ecal"))
    batch.validate(full=True)


def test_the_clusters_left_stay_in_their_events(healthy: pa.RecordBatch) -> None:
    batch = broken("dead:pixel:layer1")
    for before, after in zip(
        healthy.column("pixel")[:300].to_pylist(),
        batch.column("pixel")[:300].to_pylist(),
        strict=True,
    ):
        assert after == [cluster for cluster in before if cluster["layer"] != 1]


def test_a_hot_channel_counts_its_factor_times_its_share(
    healthy: pa.RecordBatch, values: Values
) -> None:
    batch = broken("hot:pixel:layer4/module100*20")
    before, after = occupancy(values, healthy, 4), occupancy(values, batch, 4)
    expected = 20 * 6 * EVENTS / 512
    assert after[100] == pytest.approx(expected, abs=5 * np.sqrt(expected))
    assert np.array_equal(np.delete(after, 100), np.delete(before, 100))
    batch.validate(full=True)


def test_noise_is_spread_over_all_events_and_looks_like_hits(values: Values) -> None:
    batch = broken("hot:ecal:ieta10/iphi200*5000")
    crystals = batch.column("ecal").to_pylist()
    with_noise = [
        event
        for event, hits in enumerate(crystals)
        if any((hit["ieta"], hit["iphi"]) == (10, 200) for hit in hits)
    ]
    assert np.mean(with_noise) == pytest.approx(EVENTS / 2, rel=0.05)
    noise = [hit for hits in crystals for hit in hits if (hit["ieta"], hit["iphi"]) == (10, 200)]
    assert {hit["supermodule"] for hit in noise} == {10}
    assert np.mean([hit["energy"] for hit in noise]) == pytest.approx(0.75, rel=0.05)


def test_a_hot_trigger_bit_still_fires_once_an_event(
    healthy: pa.RecordBatch, values: Values
) -> None:
    batch = broken("hot:l1t:bit3*20")
    bits = [[bit["bit"] for bit in event] for event in batch.column("l1t").to_pylist()]
    assert all(len(set(event)) == len(event) for event in bits)
    before = np.bincount(values(healthy, "l1t.bit").astype(int))
    after = np.bincount(values(batch, "l1t.bit").astype(int))
    assert after[3] > 10 * before[3]
    assert np.array_equal(np.delete(after, 3), np.delete(before, 3))


@pytest.mark.parametrize(
    ("schedule", "lumisections"),
    [("@3-", [3, 4, 5]), ("@2-3", [2, 3]), ("@4", [4]), ("", [1, 2, 3, 4, 5])],
)
def test_a_fault_is_there_on_its_schedule_only(schedule: str, lumisections: list[int]) -> None:
    fault = parse_fault(f"dead:bril:channel5{schedule}")
    config = SyntheticConfig(run=1, lumisections=5, rate=100, faults=(fault,))
    detector = SyntheticDetector(config)
    dead = [
        lumisection
        for lumisection in range(1, 6)
        if 5
        not in detector.chunk(lumisection, 0)
        .batch.column("bril")
        .flatten()
        .field("channel")
        .to_pylist()
    ]
    assert dead == lumisections


def test_two_faults_of_one_collection_are_both_there(values: Values) -> None:
    batch = broken("dead:bril:channel5", "hot:bril:channel7*10")
    counts = np.bincount(values(batch, "bril.channel").astype(int))
    assert counts[5] == 0
    assert counts[7] > 5 * counts[8]


ADDRESSES = st.sampled_from(
    [("pixel", "layer2/module0"), ("ecal", "ieta-85/iphi360"), ("dt", "wheel-2"), ("l1t", "bit1")]
)


@given(
    where=ADDRESSES,
    first=st.integers(1, 10**6),
    length=st.none() | st.integers(0, 10**6),
    factor=st.none() | st.integers(2, 1000).map(float),
)
def test_a_fault_reads_as_it_is_written(
    where: tuple[str, str], first: int, length: int | None, factor: float | None
) -> None:
    last = None if length is None else first + length
    fault: Fault
    if factor is None:
        fault = DeadModule(
            collection=where[0], address=where[1], first_lumisection=first, last_lumisection=last
        )
    else:
        fault = HotChannel(
            collection=where[0],
            address=where[1],
            first_lumisection=first,
            last_lumisection=last,
            factor=factor,
        )
    assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected one of 'dead:COLLECTION"),
        ("deaf:pixel:layer1", "expected one of 'dead:COLLECTION"),
        ("dead:pixel", "expected 'dead:COLLECTION"),
        ("hot:pixel:layer1", "expected 'hot:COLLECTION:ADDRESS*FACTOR'"),
        ("dead:pixel:layer1*3", "efficiency 3.0"),
        ("dead:pixel:layer1@", "a schedule as @5-9, @5- or @5"),
        ("burst:ecal:ieta1*5~3-2", "seconds 3.0 to 2.0"),
        ("trip:dt:wheel1~3@5-", "ramp 3"),
        ("trip:dt:wheel1~3@5-7", "ramp 3"),
        ("timing:pixel+3ns", "expected a collection with time"),
        ("timing:l1t_eg+3ns", "at least half a crossing"),
        ("gain:csc+1%", "expected a collection with charge, energy"),
        ("gain:muon:charge1+1%", "expected no address at all"),
        ("gain:ecal+60%", "-50 to 50 %"),
        ("rate*1", "share 1.0"),
        ("rate:l1t*0.5", "expected 'rate*SHARE'"),
        ("prescale:6", "column 6: expected 0 to 5"),
        ("mismatch:ecal*0.1", "is compared with none: expected one of l1t"),
        ("mismatch:l1t*0", "share 0.0"),
        ("missing:bu2@3-5", "does not come back"),
        ("late:bu2+0", "delay 0"),
        ("repeat:bu2*1", "times 1"),
        ("altered:", "expected 'altered:SOURCE'"),
        ("dead:pixel:layer1@5-2", "lumisections 5 to 2"),
        ("dead:pixel:layer1@0-2", "lumisections 0 to 2"),
        ("dead:pixie:layer1", "'pixie': expected one of pixel"),
        ("dead:pixel:layer5", "nothing is at 'layer5': expected layer 1 to 4, module 0 to 511"),
        ("dead:pixel:layer1/module96", "nothing is at 'layer1/module96'"),
        ("dead:pixel:row3", "nothing is at 'row3'"),
        ("dead:pixel:layer1/layer2", "each name once"),
        ("dead:pixel:layer", "expected parts like 'layer1/module37'"),
        ("dead:muon:charge1", "expected no address at all"),
        ("hot:ecal:ieta1*1", "factor 1.0"),
        ("hot:ecal:ieta1*1.2.3", "1.2.3"),
    ],
)
def test_a_wrong_text_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_fault(text)
    assert said in str(caught.value)
    assert repr(text) in str(caught.value)
