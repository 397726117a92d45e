"""The synthetic detector as a source: re-readable, or live as a detector is."""

import pytest

from dqmstream.booking.columns import decode_batch
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource

CONFIG = SyntheticConfig(
    run=3, lumisections=4, rate=10, lumisection_seconds=1, chunk_events=4, subsystems=("bril",)
)


@pytest.fixture
def detector() -> SyntheticDetector:
    return SyntheticDetector(CONFIG)


def test_a_re_readable_source_bears_the_hash_of_its_settings(detector: SyntheticDetector) -> None:
    source = SyntheticSource(detector)
    assert source.rereadable
    assert source.incarnation == SyntheticSource(SyntheticDetector(CONFIG)).incarnation


def test_a_live_source_bears_the_name_it_was_given(detector: SyntheticDetector) -> None:
    source = SyntheticSource(detector, live_as="0f3a", first_lumisection=2)
    assert (source.rereadable, source.incarnation) == (False, "0f3a")
    assert [one.lumisection for one in source.lumisections(0)] == [2, 3, 4]
    assert [one.lumisection for one in source.lumisections(3)] == [4]


def test_chunks_come_at_the_event_time_of_their_last_event(detector: SyntheticDetector) -> None:
    (first, *_) = SyntheticSource(detector).lumisections(0)
    chunks = list(first.chunks())
    assert [chunk.selected for chunk in chunks] == [4, 4, 2]
    assert [chunk.at for chunk in chunks] == pytest.approx([0.4, 0.8, 1.0])
    assert sum(decode_batch(c.body, selected=c.selected).events for c in chunks) == CONFIG.events
