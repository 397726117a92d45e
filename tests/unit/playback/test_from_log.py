"""Recording out of a log: partitions merged, repeats counted once, gaps named."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.clock import SettableClock
from dqmstream.errors import ConfigurationError, LogUnavailableError
from dqmstream.identity import event_partition
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, LumisectionEnd, RunStart
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS, EVENTS
from dqmstream.producing import produce
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Outgoing, Record, TopicPartition
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from playback.recordings import Recording, record
from playback.recordings.from_log import record_log
from playback.recordings.gathering import Gathered, Gathering, Key, Range
from tests.recorded import PARTITIONS, SmallRun, digest_of, small_log


async def _sent(*sources: SmallRun, stride: int = 1) -> MemoryLog:
    clock = SettableClock()
    log = await small_log(clock, stride)
    for source in sources:
        await produce(log, source, clock=clock)
    return log


async def _recorded(
    folder: Path, *sources: SmallRun, lumisections: tuple[int, int | None] = (1, None)
) -> Recording:
    return await asyncio.to_thread(record, sources, folder, lumisections=lumisections)


@pytest.mark.parametrize("stride", [1, 7])
async def test_what_was_replayed_and_recorded_again_has_the_same_checksums(
    tmp_path: Path, stride: int
) -> None:
    first = await _recorded(tmp_path / "first", SmallRun(), SmallRun(name="second"), SmallRun(8))
    log = await _sent(*first.sources, stride=stride)  # type: ignore[arg-type]
    again = await record_log(log, tmp_path / "again", seconds=20.0)
    assert again.contents == first.contents
    before, after = [
        {name: digest for name, digest in found.items() if name.endswith(".arrows")}
        for found in [await asyncio.to_thread(digest_of, one.folder) for one in (first, again)]
    ]
    assert after == before
    assert await asyncio.to_thread(lambda: list(again.problems())) == []
    for one, other in zip(first.sources, again.sources, strict=True):
        assert (one.run, one.name, one.marks, one.labels) == (
            other.run,
            other.name,
            other.marks,
            other.labels,
        )
        notes = [dict(lumisection.notes()) for lumisection in one.lumisections(0)]
        assert [dict(lumisection.notes()) for lumisection in other.lumisections(0)] == notes


async def test_only_the_run_and_lumisections_asked_for_are_recorded(tmp_path: Path) -> None:
    log = await _sent(SmallRun(), SmallRun(8))
    wanted = Range(8, 2, 4)
    recording = await record_log(log, tmp_path / "part", wanted=wanted, seconds=20.0)
    whole = await _recorded(tmp_path / "whole", SmallRun(8), lumisections=(2, 4))
    assert recording.contents == whole.contents
    assert recording.sources[0].first_lumisection == 2


async def test_conditions_of_the_lumisections_come_with_them_the_newest_of_each(
    tmp_path: Path,
) -> None:
    log = await _sent(SmallRun())
    told = [
        Conditions(run=7, lumisection=2, pileup=1.0),
        Conditions(run=9, lumisection=2, pileup=2.0),
        Conditions(run=7, lumisection=2, pileup=3.0),
        Conditions(run=7, lumisection=1, dcs={"bpix": True}),
    ]
    await log.send([outgoing(CONDITIONS, 0, one) for one in told])
    recording = await record_log(log, tmp_path / "recording", seconds=20.0)
    assert await asyncio.to_thread(recording.conditions) == (told[3], told[2])


async def test_offsets_choose_and_what_they_cut_off_is_noted(tmp_path: Path) -> None:
    log = await _sent(SmallRun())
    recording = await record_log(log, tmp_path / "a", seconds=20.0, offsets={1: (0, None)})
    notes = [dict(one.notes()) for one in recording.sources[0].lumisections(0)]
    missing = sum(note.get("missing_chunks", 0) for note in notes)
    have = sum(len(one.chunks) for one in recording.sources[0].entry.lumisections)
    assert have + missing == 8
    assert 0 < have < 8
    with pytest.raises(ConfigurationError, match="partitions 0 to 2, not 5"):
        await record_log(log, tmp_path / "b", seconds=20.0, offsets={5: (0, None)})


async def test_what_comes_later_is_not_recorded_by_a_second_life(tmp_path: Path) -> None:
    """An earlier life's end of the log counts: the same command gives the same recording."""
    log = await _sent(SmallRun())
    whole = await record_log(log, tmp_path / "whole", seconds=20.0, made="then")

    def stop(key: Key, _: object) -> None:
        if key.lumisection == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await record_log(log, tmp_path / "cut", seconds=20.0, made="then", told=stop)
    await produce(log, SmallRun(8), clock=SettableClock())
    again = await record_log(log, tmp_path / "cut", seconds=20.0, made="later")
    digests = [await asyncio.to_thread(digest_of, one.folder) for one in (again, whole)]
    assert digests[0] == digests[1]


async def test_records_that_are_no_events_are_passed_over_and_counted(tmp_path: Path) -> None:
    log = await _sent(SmallRun())
    (good,) = [
        record
        for record in await _records(log)
        if dict(record.headers).get("lumisection") == b"4" and b"EventBatch" in _types(record)
    ]
    strange = [
        Outgoing(topic=EVENTS, partition=0, value=b"\x00\xff"),
        Outgoing(topic=EVENTS, partition=1, value=None, headers=(("type", b"Nonsense"),)),
        Outgoing(topic=EVENTS, partition=2, value=b"changed", headers=good.headers),
        Outgoing(topic=EVENTS, partition=2, value=good.value, headers=good.headers),
    ]
    await log.send(strange)
    recording = await record_log(log, tmp_path / "a", seconds=20.0)
    assert recording.contents == (await _recorded(tmp_path / "b", SmallRun())).contents
    assert recording.sources[0].entry.refused == {"checksum": 1}


async def test_nothing_to_record_is_an_error(tmp_path: Path) -> None:
    log = await _sent(SmallRun())
    with pytest.raises(ConfigurationError, match="nothing to record"):
        await record_log(log, tmp_path / "a", wanted=Range(99), seconds=20.0)
    with pytest.raises(ConfigurationError, match="nothing to record"):
        await record_log(await _sent(), tmp_path / "b", seconds=20.0)


def _types(record: object) -> bytes:
    return dict(getattr(record, "headers", ())).get("type", b"")


async def _records(log: MemoryLog) -> list[Outgoing]:
    found = []
    async with log.reader({(EVENTS, number): 0 for number in range(PARTITIONS)}) as reader:
        while records := await reader.read(timeout=0):
            found += [
                Outgoing(topic=EVENTS, partition=r.partition, value=r.value, headers=r.headers)
                for r in records
            ]
    return found


# ------------------------------------------------------------------------------- the pure part

LIVES = st.sampled_from([("as-it-is",), ("first-life", "second-life")])


@given(st.integers(0, 2**32), LIVES, st.integers(0, 4))
def test_the_mixture_of_partitions_does_not_matter(
    seed: int, lives: tuple[str, ...], repeats: int
) -> None:
    """Whatever comes first, an LS has its chunks in the order of lives and numbers, each once."""
    chosen = random.Random(seed)
    partitions = _partitions(lives, repeats, chosen)
    mixed: list[RunStart | Chunk | LumisectionEnd] = []
    while any(partitions):
        mixed.append(chosen.choice([one for one in partitions if one]).pop(0))
    got = _gathered(mixed)
    assert sorted(got) == [1, 2, 3]
    for lumisection, (numbers, notes) in got.items():
        expected = [(life, number) for life in lives for number in range(lumisection + 1)]
        assert numbers == expected
        assert notes == {}


@given(st.integers(0, 2**32))
def test_of_a_source_that_can_be_read_again_one_incarnation_counts(seed: int) -> None:
    chosen = random.Random(seed)
    (first,) = _partitions(("one",), 0, chosen, partitions=1, rereadable=True)
    (second,) = _partitions(("two",), 0, chosen, partitions=1, rereadable=True)
    gathering = Gathering(Range())
    assert [
        life for numbers, _ in _gathered(first + second, gathering).values() for life, _ in numbers
    ] == ["one"] * 9
    assert dict(gathering.refused()[7, "s"]) == {"second_incarnation": 9}


def test_an_lumisection_that_nobody_ended_comes_last_and_says_so() -> None:
    (records,) = _partitions(("one",), 0, random.Random(1), partitions=1)
    kept = [r for r in records if not (isinstance(r, LumisectionEnd) and r.lumisection == 2)]
    kept = [r for r in kept if not (isinstance(r, Chunk) and (r.lumisection, r.number) == (3, 1))]
    got = _gathered(kept)
    assert list(got) == [1, 2, 3]
    assert got[2] == ([("one", 0), ("one", 1), ("one", 2)], {"no_lumisection_end": 1})
    assert got[3] == ([("one", 0), ("one", 2), ("one", 3)], {"missing_chunks": 1})


def _partitions(
    lives: tuple[str, ...],
    repeats: int,
    chosen: random.Random,
    *,
    partitions: int = PARTITIONS,
    rereadable: bool = False,
) -> list[list[RunStart | Chunk | LumisectionEnd]]:
    """What each partition holds of three LSs of 2, 3 and 4 chunks, some of them twice."""
    found: list[list[RunStart | Chunk | LumisectionEnd]] = [[] for _ in range(partitions)]
    who = {"run": 7, "source": "s", "rereadable": rereadable, "partitions": partitions}
    for life in lives:
        for one in found:
            one.append(RunStart(**who, incarnation=life, first_lumisection=1))  # type: ignore[arg-type]
    for lumisection in (1, 2, 3):
        for life in lives:
            chunks = [
                Chunk(
                    **who,  # type: ignore[arg-type]
                    incarnation=life,
                    lumisection=lumisection,
                    number=number,
                    seen=1,
                    selected=1,
                    dropped=0,
                    checksum=body_checksum(f"{life} {lumisection} {number}".encode()),
                )
                for number in range(lumisection + 1)
            ]
            for chunk in chunks + chosen.choices(chunks, k=repeats):
                found[event_partition("s", chunk.number, partitions)].append(chunk)
            counts = {"chunks": len(chunks), "seen": 0, "selected": 0, "dropped": 0}
            for one in found:
                one.append(
                    LumisectionEnd(**who, incarnation=life, lumisection=lumisection, **counts)  # type: ignore[arg-type]
                )
    return found


def _gathered(
    records: list[RunStart | Chunk | LumisectionEnd], gathering: Gathering | None = None
) -> dict[int, tuple[list[tuple[str, int]], dict[str, int]]]:
    """Incarnation and number of the chunks of each LS, and its notes."""
    gathering = gathering or Gathering(Range())
    places: list[Chunk] = []
    out: list[Gathered] = []
    for one in records:
        if isinstance(one, RunStart):
            gathering.start(one)
        elif isinstance(one, LumisectionEnd):
            gathering.end(one)
        else:
            gathering.chunk(one, len(places))
            places.append(one)
        out += gathering.whole()
    out += gathering.rest()
    assert len({one.key for one in out}) == len(out)
    return {
        one.key.lumisection: (
            [(places[place].incarnation, places[place].number) for place in one.places],
            dict(one.notes),
        )
        for one in out
    }


class _Mute:
    """A log of which readers get a few records, and then nothing, as of one that hangs."""

    def __init__(self, log: MemoryLog, records: int) -> None:
        self._log, self._records = log, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[Any]:
        async with self._log.reader(positions) as reader:
            read, left = reader.read, self._records

            async def few(timeout: float) -> Sequence[Record]:
                nonlocal left
                found = await read(max_records=1, timeout=0) if left else ()
                left -= len(found)
                return found

            yield SimpleNamespace(read=few, position=reader.position, pause=reader.pause)


@pytest.mark.parametrize("records", [0, 3])
async def test_a_log_of_which_nothing_comes_is_given_up_and_recorded_later(
    tmp_path: Path, records: int
) -> None:
    log = await _sent(SmallRun())
    mute: Any = _Mute(log, records)
    with pytest.raises(
        LogUnavailableError, match=r"dqm\.events cannot be read to its end: nothing"
    ):
        await record_log(mute, tmp_path / "recording", seconds=20.0)
    with pytest.raises(LogUnavailableError, match="nothing came for 60 s"):
        _ = [one async for one in read_to_end(mute, EVENTS)]
    again = await record_log(log, tmp_path / "recording", seconds=20.0)
    whole = await _recorded(tmp_path / "whole", SmallRun())
    assert again.contents == whole.contents
