"""Records that nobody should send: each is refused for its reason, and the next good one works."""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dqmstream.errors import MessageError
from dqmstream.fold.merge import Merger, SetKey
from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.sets import histogram_sets
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import LAYOUTS, toy_body, toy_columns, toy_fillers
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.chunk_headers import Headers, body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, EVENTS, HISTOGRAMS
from dqmstream.messages.wire import CODEC

CORPUS = Path(__file__).parents[2] / "resources" / "hostile" / "messages"
SPEAKER: dict[str, Any] = {
    "run": 1,
    "source": "a",
    "incarnation": "i",
    "rereadable": False,
    "partitions": 1,
}
KEY = SetKey("set", 1, 1, "Toy")


class Case(NamedTuple):
    """A hostile record and why it is refused."""

    topic: str
    headers: Headers
    value: bytes | None
    expected: str


def read(path: Path) -> Case:
    found = json.loads(path.read_text())
    headers = [(name, base64.b64decode(text)) for name, text in found["headers"]]
    value = None if found["value"] is None else base64.b64decode(found["value"])
    return Case(found["topic"], headers, value, found["expected"])


CASES = {path.stem: read(path) for path in sorted(CORPUS.glob("*.json"))}


def on(*topics: str) -> Any:
    """Parameters: the cases of some topics, or all."""
    chosen = {name: case for name, case in CASES.items() if not topics or case.topic in topics}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen)


class Partition:
    """A partition with a source that has begun."""

    def __init__(self) -> None:
        settings = FoldSettings(partitions=1, max_jump=20)
        self.fold = PartitionFold(0, settings, toy_fillers(), toy_columns)
        self.put(RunStart(first_lumisection=1, **SPEAKER))
        self.chunk(0)

    def put(self, message: Message) -> Any:
        wired = CODEC.encode(message)
        return self.take(wired.headers, wired.value)

    def take(self, headers: Headers, value: bytes | None) -> Any:
        return self.fold.apply(Entry(self.fold.position, headers, value, None, honest=False))

    def chunk(self, number: int) -> Any:
        body = toy_body([3])
        chunk = Chunk(
            lumisection=1,
            number=number,
            seen=1,
            selected=1,
            dropped=0,
            checksum=body_checksum(body),
            **SPEAKER,
        )
        return self.put(EventBatch(chunk=chunk, body=body))

    def close(self) -> list[HistogramSet]:
        counts = {"chunks": 2, "seen": 2, "selected": 2, "dropped": 0}
        self.put(LumisectionEnd(lumisection=1, **counts, **SPEAKER))
        (segment,) = self.fold.closed()
        return histogram_sets(self.fold, segment, set_hash="set", writer="w")


@on(EVENTS)
def test_the_fold_refuses_it_and_good_chunks_still_fill(case: Case) -> None:
    partition = Partition()
    applied = partition.take(case.headers, case.value)
    assert applied.refused is not None
    assert applied.refused.reason == case.expected
    assert partition.chunk(1).refused is None
    toy, _ = partition.close()
    assert toy.cells
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    merger.apply(toy)
    merged = merger.merged(KEY)
    assert merged.complete
    assert merged.contents.cells[:10].sum() == 2


@on(HISTOGRAMS)
def test_readers_refuse_it_and_a_good_set_still_counts(case: Case) -> None:
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    with pytest.raises(MessageError) as raised:
        show(merger, case)
    assert raised.value.reason == case.expected
    merger.forget(KEY)
    partition = Partition()
    partition.chunk(1)
    merger.apply(partition.close()[0])
    assert merger.merged(KEY).complete


def show(merger: Merger, case: Case) -> None:
    piece = CODEC.decode(case.headers, case.value)
    assert isinstance(piece, HistogramSet)
    merger.apply(piece)
    merger.merged(KEY)


@on(CHECKPOINTS)
def test_a_filler_refuses_a_state_that_is_none(case: Case) -> None:
    checkpoint = CODEC.decode(case.headers, case.value)
    assert isinstance(checkpoint, FillerCheckpoint)
    with pytest.raises(MessageError) as raised:
        ControlState.decode(checkpoint.state)
    assert raised.value.reason == case.expected


@on(*({case.topic for case in CASES.values()} - {EVENTS, HISTOGRAMS, CHECKPOINTS}))
def test_the_codec_refuses_it(case: Case) -> None:
    with pytest.raises(MessageError) as raised:
        CODEC.decode(case.headers, case.value)
    assert raised.value.reason == case.expected


def test_the_corpus_has_a_case_for_every_reason_of_the_codec() -> None:
    reasons = {case.expected for case in CASES.values()}
    assert reasons >= {
        "no_type",
        "unknown_type",
        "bad_schema",
        "unknown_version",
        "no_body",
        "bad_body",
        "bad_headers",
        "checksum",
    }
