"""Two readouts, and data and emulator: equal when healthy, and every difference is named."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector, parse_fault
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.comparison import Mismatch

Values = Callable[[pa.RecordBatch, str], Any]

PAIRS = {
    "pixel": "pixel_new",
    "pixel_disk": "pixel_new_disk",
    "l1t": "l1t_emulator",
    "l1t_jet": "l1t_emulator_jet",
    "l1t_eg": "l1t_emulator_eg",
    "l1t_tau": "l1t_emulator_tau",
    "l1t_muon": "l1t_emulator_muon",
    "l1t_sum": "l1t_emulator_sum",
}


def broken(*texts: str) -> pa.RecordBatch:
    faults = tuple(map(parse_fault, texts))
    config = SyntheticConfig(run=1, chunk_events=2000, faults=faults)
    return SyntheticDetector(config).chunk(1, 0).batch


@pytest.mark.parametrize(("first", "second"), PAIRS.items())
def test_both_show_the_same_objects_of_every_event_when_healthy(
    healthy: pa.RecordBatch, first: str, second: str
) -> None:
    assert healthy.column(first).equals(healthy.column(second))
    assert len(healthy.column(first).flatten()) > 0
    assert len(healthy.column(f"{first}_mismatch").flatten()) == 0


@pytest.mark.parametrize(
    ("fault", "side"),
    [("dead:pixel_new:layer1/module37", -1), ("dead:pixel:layer1/module37", 1)],
)
def test_what_one_chain_loses_is_listed_for_the_other(
    healthy: pa.RecordBatch, values: Values, fault: str, side: int
) -> None:
    batch = broken(fault)
    clusters = healthy.slice(0, 2000).column("pixel").to_pylist()
    lost = [[c for c in event if (c["layer"], c["module"]) == (1, 37)] for event in clusters]
    found = batch.column("pixel_mismatch").to_pylist()
    assert sum(map(len, lost)) > 50
    keys = ("layer", "module", "row", "col", "charge")
    for wanted, listed in zip(lost, found, strict=True):
        expected = [{key: cluster[key] for key in keys} | {"side": side} for cluster in wanted]
        assert listed == expected


def test_noise_of_the_sensor_is_the_same_in_both_chains() -> None:
    both = broken("hot:pixel:layer2/module5*30", "hot:pixel_new:layer2/module5*30")
    one = broken("hot:pixel:layer2/module5*30")
    assert len(both.column("pixel_mismatch").flatten()) == 0
    assert len(one.column("pixel_mismatch").flatten()) > 100


def test_bits_the_emulator_lacks_are_listed_by_event(values: Values) -> None:
    batch = broken("dead:l1t_emulator:bit4")
    missing = [[bit["bit"] for bit in event].count(4) for event in batch.column("l1t").to_pylist()]
    listed = batch.column("l1t_mismatch")
    assert listed.value_lengths().to_pylist() == missing
    assert set(values(batch, "l1t_mismatch.bit")) == {4}
    assert set(values(batch, "l1t_mismatch.side")) == {-1}


def test_without_both_sides_nothing_is_compared() -> None:
    config = SyntheticConfig(run=1, subsystems=("pixel_new", "l1t_emulator"))
    names = SyntheticDetector(config).columns.names
    assert "pixel_new" in names
    assert not [name for name in names if name.endswith("mismatch")]


class _Pairs(Mismatch):
    name = "pairs"
    inputs = ("one", "other")
    compared: ClassVar[Mapping[str, pa.DataType]] = {"a": pa.int8(), "b": pa.float32()}
    kept = ("a", "b")


Events = list[list[tuple[int, float]]]
OBJECTS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.5])), max_size=5)


def rows(events: Events) -> Rows:
    flat = [one for event in events for one in event]
    return Rows(
        np.array([len(event) for event in events], np.int64),
        {
            "a": np.array([a for a, _ in flat], np.int8),
            "b": np.array([b for _, b in flat], np.float32),
        },
    )


@given(events=st.lists(st.tuples(OBJECTS, OBJECTS), min_size=1, max_size=6))
def test_what_is_listed_is_the_difference_of_the_two_multisets(
    events: list[tuple[list[tuple[int, float]], list[tuple[int, float]]]],
) -> None:
    """In any order of the objects, with equal ones among them."""
    first, second = [one for one, _ in events], [other for _, other in events]
    found = _Pairs().array(_Pairs().rows(rows(first), rows(second))).to_pylist()
    for mine, others, listed in zip(first, second, found, strict=True):
        expected = [
            (a, b, side)
            for side, more, less in ((-1, mine, others), (1, others, mine))
            for a, b in set(more)
            for _ in range(more.count((a, b)) - less.count((a, b)))
        ]
        assert sorted((one["a"], one["b"], one["side"]) for one in listed) == sorted(expected)
