"""Recording what a log holds: `dqm.events` up to where it ends now, and conditions of its LSs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.chunk_headers import check_body, chunk_of
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunStart
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Record, TopicPartition
from dqmstream.transport.standstill import LOOK, Standstill
from playback.recordings.gathering import Gathered, Gathering, Key, Range
from playback.recordings.manifest import LumisectionEntry
from playback.recordings.recording import Recording
from playback.recordings.spool import Spool
from playback.recordings.writer import RecordingWriter

__all__ = ["Offsets", "record_log"]

Offsets = Mapping[int, tuple[int, int | None]]
"""First offset, and the one after the last, of partitions; None: where the log ends now."""


async def record_log(
    log: Log,
    folder: Path,
    *,
    wanted: Range | None = None,
    offsets: Offsets | None = None,
    seconds: float,
    made: str = "",
    told: Callable[[Key, LumisectionEntry], None] | None = None,
) -> Recording:
    """Record events out of the log, partitions merged; going on where an earlier life stopped.

    It ends where the log ended when it was begun first. Memory holds one read of the log, and where
    each chunk of LSs lies that are not whole.

    Parameters
    ----------
    wanted
        Run and LSs; default: all.
    offsets
        What of which partitions is read; default: all that is kept of all.
    seconds
        Length of an LS in seconds of data taking, which does not travel on the log.
    made
        As `RecordingWriter` takes it.
    told
        Called with each LS that is on the disk.

    Raises
    ------
    ConfigurationError
        If there is no such partition, or nothing to record.
    OffsetExpiredError
        If the log removes records before they are read.
    LogUnavailableError
        If nothing comes for a minute before the end; the same call goes on from there.
    """
    wanted = wanted or Range()
    starts, ends = await _bounds(log, offsets)
    shown = {str(p): [begin, end] for p, (begin, end) in sorted((offsets or {}).items())}
    words = ["the log", f"run {wanted.run}" if wanted.run else "all runs"]
    words.append(f"LS {wanted.first} to {wanted.last or 'the last'}")
    request = [log.identity, list(wanted), shown, seconds]
    writer = await asyncio.to_thread(
        lambda: RecordingWriter(
            folder, request=request, origin=(", ".join(words),), made=made, ends=ends
        )
    )
    with writer:
        reading = _Reading(writer, wanted, seconds, told)
        positions = {
            (EVENTS, partition): begin
            for partition, begin in starts.items()
            if begin < writer.ends[partition]
        }
        await _read(log, positions, writer.ends, reading)
        await asyncio.to_thread(reading.rest)
        conditions = await _conditions(log, reading.recorded())
        return await asyncio.to_thread(reading.finish, conditions)


class _Reading:
    """What is read goes to the spool, and from there in order into the recording. Blocks."""

    def __init__(
        self,
        writer: RecordingWriter,
        wanted: Range,
        seconds: float,
        told: Callable[[Key, LumisectionEntry], None] | None,
    ) -> None:
        self._writer = writer
        self._gathering = Gathering(wanted)
        self._spool = Spool(writer.folder)
        self._seconds = seconds
        self._told = told
        self._places = 0

    def take(self, records: Sequence[Record]) -> None:
        """Records of partitions of events, in any mixture."""
        for record in records:
            with suppress(MessageError):  # a filler refuses and buries it; it is no event
                self._take(record)
        for gathered in self._gathering.whole():
            self._write(gathered)

    def rest(self) -> None:
        """There is nothing more to read."""
        for gathered in self._gathering.rest():
            self._write(gathered)

    def recorded(self) -> set[tuple[int, int]]:
        """Run and LS of all that is recorded."""
        return set(self._writer.recorded())

    def finish(self, conditions: Sequence[Conditions]) -> Recording:
        """The recording."""
        for run, entry in self._gathering.sources():
            self._writer.add_source(run, entry)
        return self._writer.finish(conditions, refused=self._gathering.refused())

    def _take(self, record: Record) -> None:
        if CODEC.type_of(record.headers) is EventBatch:
            self._take_chunk(record)
            return
        message = CODEC.decode(record.headers, record.value)
        if isinstance(message, RunStart):
            self._gathering.start(message)
        elif isinstance(message, LumisectionEnd):
            self._gathering.end(message)

    def _take_chunk(self, record: Record) -> None:
        chunk = chunk_of(record.headers)
        try:
            body = check_body(chunk, record.value)
        except MessageError as error:
            self._gathering.refuse(chunk.run, chunk.source, error.reason)
            return
        at = Key(chunk.run, chunk.source, chunk.lumisection)
        if self._writer.entry(*at) is not None:
            self._gathering.skip(at)
        key = self._gathering.chunk(chunk, self._places)
        if key is not None:
            self._spool.put(key, self._places, chunk, body)
            self._places += 1

    def _write(self, gathered: Gathered) -> None:
        key = gathered.key
        entry = self._writer.entry(*key)
        if entry is None:
            one = self._spool.take(gathered, self._seconds)
            entry = self._writer.add(key.run, key.source, one)
        self._spool.drop(gathered)
        if self._told is not None:
            self._told(key, entry)


async def _bounds(log: Log, offsets: Offsets | None) -> tuple[dict[int, int], dict[int, int]]:
    """Where to begin and to end in each partition."""
    there = range(log.partitions(EVENTS))
    unknown = sorted(set(offsets or ()) - set(there))
    if unknown:
        msg = f"{EVENTS} has partitions 0 to {there[-1]}, not {unknown[0]}"
        raise ConfigurationError(msg)
    starts, ends = {}, {}
    for partition in there if offsets is None else sorted(offsets):
        bounds = await log.bounds(EVENTS, partition)
        first, last = (offsets or {}).get(partition, (bounds.start, None))
        starts[partition] = max(first, bounds.start) if offsets is None else first
        ends[partition] = bounds.end if last is None else min(last, bounds.end)
    return starts, ends


async def _read(
    log: Log,
    positions: Mapping[TopicPartition, int],
    ends: Mapping[int, int],
    reading: _Reading,
) -> None:
    """Read partitions up to their ends."""
    left = dict(positions)
    if not left:
        return
    standstill = Standstill(EVENTS)
    async with log.reader(left) as reader:
        while left:
            records = await reader.read(timeout=LOOK)
            standing = [reader.position(*place) for place in positions]
            standstill.look(came=bool(records), positions=standing)
            wanted = [one for one in records if one.offset < ends[one.partition]]
            await asyncio.to_thread(reading.take, wanted)
            for topic, partition in list(left):
                if reader.position(topic, partition) >= ends[partition]:
                    reader.pause(topic, partition)
                    del left[topic, partition]


async def _conditions(log: Log, recorded: set[tuple[int, int]]) -> tuple[Conditions, ...]:
    """The newest of each LS that is recorded, by run and LS."""
    found: dict[tuple[int, int], Conditions] = {}
    async for record in read_to_end(log, CONDITIONS):
        with suppress(MessageError, msgspec.MsgspecError):
            message = CODEC.decode(record.headers, record.value)
            if isinstance(message, Conditions):
                found[message.run, message.lumisection] = message
    return tuple(found[key] for key in sorted(found) if key in recorded)
