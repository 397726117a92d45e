"""HLT paths follow their prescales, and streams the paths."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.sources.synthetic import Fill, SyntheticConfig, SyntheticDetector, parse_fault
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP, PILEUP_LIFETIME
from dqmstream.sources.synthetic.hlt import PATHS, STREAMS, path_probabilities

Values = Callable[[pa.RecordBatch, str], Any]

EVENTS = 20_000


def batch_of(column: int, *faults: str) -> pa.RecordBatch:
    config = SyntheticConfig(
        run=1,
        chunk_events=EVENTS,
        subsystems=("hlt",),
        fill=Fill(prescales=((1, column),)),
        faults=tuple(map(parse_fault, faults)),
    )
    return SyntheticDetector(config).chunk(1, 0).batch


@pytest.mark.parametrize("column", [0, 2, 5])
def test_each_path_fires_as_often_as_its_prescale_allows(values: Values, column: int) -> None:
    batch = batch_of(column)
    counts = np.bincount(values(batch, "hlt.path").astype(int), minlength=len(PATHS))
    expected = EVENTS * path_probabilities(column)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert set(values(batch, "prescale_index")) == {column}


def test_prescales_halve_from_column_to_column_and_end_at_one() -> None:
    number = [path.name for path in PATHS].index("HLT_ZeroBias_v1")
    path = PATHS[number]
    shares = [path_probabilities(column)[number] / path.probability for column in range(6)]
    assert shares == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 1])


def test_probabilities_leave_room_for_the_fullest_bunch() -> None:
    """Pile-up of a bunch is up to 4 % above the mean."""
    assert all(0 < path.probability < 0.96 for path in PATHS)
    assert len({path.name for path in PATHS}) == len(PATHS)


def test_some_path_accepts_every_event(counts: Values) -> None:
    assert counts(batch_of(0), "hlt").min() == 1


def test_an_event_is_in_the_streams_of_its_paths_once(values: Values) -> None:
    batch = batch_of(0, "dead:hlt:path5")
    for paths, streams in zip(
        batch.column("hlt").to_pylist()[:2000],
        batch.column("hlt_stream").to_pylist()[:2000],
        strict=True,
    ):
        numbers = [path["path"] for path in paths]
        assert numbers == sorted(set(numbers))
        assert 5 not in numbers
        expected = sorted({STREAMS.index(PATHS[number].stream) for number in numbers})
        assert [stream["stream"] for stream in streams] == expected
    assert set(values(batch, "hlt_stream.stream")) == set(range(len(STREAMS)))


def test_only_paths_of_many_interactions_become_rarer_with_pileup(values: Values) -> None:
    config = SyntheticConfig(
        run=1,
        lumisections=1500,
        chunk_events=EVENTS,
        subsystems=("hlt",),
        fill=Fill(prescales=((1, 0),)),
    )
    late = SyntheticDetector(config).chunk(1500, 0).batch
    found = np.bincount(values(late, "hlt.path").astype(int), minlength=len(PATHS))
    pileup = INITIAL_PILEUP * math.exp(-1499 / PILEUP_LIFETIME)
    expected = EVENTS * path_probabilities(0, pileup)
    assert (abs(found - expected) < 5 * np.sqrt(expected)).all()
    first = path_probabilities(0)
    rarer = {
        path.name
        for path, one, at_first in zip(PATHS, expected, first, strict=True)
        if one < 0.9 * EVENTS * at_first
    }
    assert rarer == {path.name for path in PATHS if path.follows}


def test_labels_name_paths_and_streams() -> None:
    labels = SyntheticDetector(SyntheticConfig(run=1, subsystems=("hlt",))).labels
    assert labels["hlt.path"][0] == "HLT_ZeroBias_v1"
    assert labels["hlt_stream.stream"] == STREAMS
