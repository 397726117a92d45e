"""Events over HTTP onto the log: what a client says is validated, written, and then answered.

A gateway in between changes nothing about who is who: the client names run, source, incarnation, LS
and number, so that sending again is harmless, through this gateway or another one. An answer leaves
when the log has acknowledged, and not before.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dqmstream.clock import Clock
from dqmstream.errors import MessageError
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, EVENTS
from dqmstream.producing.cutting import body_limit
from dqmstream.producing.outbox import EndedLumisection, NumberedChunk
from dqmstream.producing.records import SourceRecords
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.outgoing import outgoing
from services.gateway.caller import Caller
from services.gateway.ingest_body import too_large
from services.gateway.ingest_chunk import IngestSource, Sent, piece_of
from services.gateway.ingest_memory import (
    ChunkId,
    Remembered,
    SourceMemory,
    Written,
    check_kind,
)
from services.gateway.ingest_models import LONGEST_NAME, StartSource
from services.gateway.ingest_standings import SourceStandings
from services.gateway.ingest_workers import IngestWorkers
from services.gateway.limits import ByteBudget, FullError, Reservation
from services.gateway.metrics import GatewayMetrics
from services.gateway.patience import log_within
from services.gateway.problems import ProblemError
from services.gateway.settings import Limits

__all__ = ["Ingest", "Started"]

_AGAIN: Final = {"retry-after": "1"}


class Started(NamedTuple):
    """What came of a start: the last LS that the log has all of, and whose place was taken."""

    after: int
    ended: bool
    replaces: str


class Ingest:
    """The log as seen through HTTP.

    Parameters
    ----------
    log
        Not a patient one: that it is away is the client's business.
    clock, limits, metrics
        Where time comes from; bounds; what is counted.
    """

    def __init__(self, log: Log, *, clock: Clock, limits: Limits, metrics: GatewayMetrics) -> None:
        self._log = log
        self._clock = clock
        self._limits = limits
        self._metrics = metrics
        self._remembered = Remembered(sources=limits.ingest_sources, chunks=limits.ingest_chunks)
        self._standings = SourceStandings(log)
        self.workers = IngestWorkers(limits.ingest_workers)
        self.budget = ByteBudget(limits.ingest_bytes, limits.ingest_token_bytes)

    @property
    def body_limit(self) -> int:
        """Bytes of the body of a chunk, however long its names are."""
        longest = "x" * LONGEST_NAME
        most = self._log.max_message_bytes(EVENTS)
        return min(body_limit(most, longest, longest), self._limits.ingest_body)

    @property
    def partitions(self) -> int:
        """Of `dqm.events`."""
        return self._log.partitions(EVENTS)

    # ------------------------------------------------------------------ asking

    async def standings(self, run: int) -> list[SourceCheckpoint]:
        """Where the sources of a run stand; ProblemError 503 while the log is away."""
        async with log_within(self._limits.ingest_send_seconds):
            found = await self._standings.of_run(run)
        return sorted(found.values(), key=lambda one: one.source)

    async def standing(self, run: int, source: str) -> SourceCheckpoint | None:
        """Where one source of a run stands; ProblemError 503 while the log is away."""
        async with log_within(self._limits.ingest_send_seconds):
            return await self._standings.of(run, source)

    # ---------------------------------------------------------------- speaking

    async def start(self, caller: Caller, speaker: IngestSource, asked: StartSource) -> Started:
        """RunStart, and where to go on; with an audit record.

        Raises
        ------
        ProblemError
            409 if it is a second incarnation of a re-readable source; 503 while the log is away.
        """
        known = self._remembered.source(speaker.id)
        if known is not None:
            check_kind(speaker.id, known, rereadable=speaker.rereadable)
        own = await self.standing(speaker.run, speaker.name)
        resumed = own is not None and own.incarnation == speaker.incarnation
        after, replaces = asked.first_lumisection - 1, ""
        if own is not None and resumed:
            after = max(after, own.lumisection)
        elif own is not None and speaker.rereadable:
            detail = (
                f"run {speaker.run} {speaker.name!r}: incarnation {speaker.incarnation!r} of a "
                f"re-readable source, the run began with {own.incarnation!r}: its input or its "
                "settings changed"
            )
            raise ProblemError(409, detail)
        elif own is not None and not own.ended:
            replaces = own.incarnation
        ended = own is not None and resumed and own.ended
        if not ended:
            whole = replace(
                speaker,
                first_lumisection=asked.first_lumisection,
                run_type=asked.run_type,
                marks=tuple(asked.marks),
                labels={name: tuple(labels) for name, labels in asked.labels.items()},
            )
            records = SourceRecords(whole, self.partitions, None)
            expected = tuple(dict.fromkeys(asked.expected))
            start = records.run_start(expected=expected, replaces=replaces, wall=self._clock.wall())
            await self._send([*start, self._audit(caller, speaker, "start of ingest")])
            if not resumed:
                # Where it begins: others must not wait for LSs that it will never send.
                await self._send(records.checkpoint(after, ended=False))
        self._remembered.begin(
            speaker.id,
            SourceMemory(rereadable=speaker.rereadable, done=after, noted=after, run_ended=ended),
        )
        return Started(after, ended, replaces)

    async def chunk(
        self, speaker: IngestSource, lumisection: int, number: int, sent: Sent, held: Reservation
    ) -> tuple[Written, bool]:
        """A chunk, and whether it was here before.

        Raises
        ------
        ProblemError
            422 if the body is refused: nothing is written; 409 if it contradicts what was written
            before; 413 beyond the limit; 503 while the log is away.
        """
        try:
            piece = await self.workers.run(piece_of, sent, self.body_limit)
            held.grow(len(sent.raw) + len(piece.body))
        except MessageError as error:
            self._metrics.ingest_refused.labels(error.reason).inc()
            where = f"run {speaker.run} LS {lumisection} {speaker.name!r} chunk {number}"
            raise ProblemError(422, f"{where}: {error}") from error
        except FullError as error:
            raise ProblemError(429, str(error), _AGAIN) from error
        written = Written(piece.checksum, piece.seen, piece.selected, piece.dropped)
        chunk = ChunkId(speaker.id, lumisection, number)
        if self._is_repeated(speaker, chunk, written):
            return written, True
        records = SourceRecords(speaker, self.partitions, None)
        await self._send([records.chunk(NumberedChunk(lumisection, number, piece))])
        self._remembered.write(chunk, written)
        self._metrics.ingest_chunks.inc()
        self._metrics.ingest_events.inc(piece.selected)
        self._metrics.ingest_body_bytes.inc(len(piece.body))
        return written, False

    def _is_repeated(self, speaker: IngestSource, chunk: ChunkId, written: Written) -> bool:
        where = f"run {speaker.run} LS {chunk.lumisection} {speaker.name!r} chunk {chunk.number}"
        before = self._remembered.chunk(chunk)
        if before is not None and before != written:
            detail = f"{where}: came before as {before._asdict()}, now {written._asdict()}"
            raise ProblemError(409, detail)
        memory = self._remembered.source(speaker.id)
        if memory is None:
            return before is not None
        check_kind(speaker.id, memory, rereadable=speaker.rereadable)
        said = memory.ended.get(chunk.lumisection)
        if said is not None and chunk.number >= said.chunks:
            detail = f"{where}: the end of its LS announced {said.chunks} chunks"
            raise ProblemError(409, detail)
        return before is not None

    async def end_lumisection(self, speaker: IngestSource, said: EndedLumisection) -> int:
        """LumisectionEnd; the last LS up to which the log has all.

        Raises
        ------
        ProblemError
            409 if the source was never started, or contradicts itself; 503 while the log is away.
        """
        memory, lumisection = await self._memory(speaker), said.lumisection
        where = f"run {speaker.run} LS {lumisection} {speaker.name!r}"
        before, chunks = memory.ended.get(lumisection), memory.chunks.get(lumisection, 0)
        if before is not None and before != said:
            raise ProblemError(409, f"{where}: was ended before with other numbers: {before}")
        if said.chunks < chunks:
            detail = f"{where}: {said.chunks} chunks announced, number {chunks - 1} was written"
            raise ProblemError(409, detail)
        records = SourceRecords(speaker, self.partitions, None)
        if before is None:
            await self._send(records.lumisection_end(said))
            memory.end(said)
        if memory.noted < memory.done:
            done = memory.done
            await self._send(records.checkpoint(done, ended=memory.run_ended))
            memory.noted = max(memory.noted, done)
        return memory.done

    async def end_run(self, caller: Caller, speaker: IngestSource, last: int) -> None:
        """RunEnd; with an audit record.

        Raises
        ------
        ProblemError
            409 if an LS is not ended, or the source was never started; 503 while the log is away.
        """
        memory = await self._memory(speaker)
        if last != memory.done:
            detail = (
                f"run {speaker.run} {speaker.name!r}: ended after LS {last}, but all LSs are known "
                f"to be ended up to {memory.done}: end the others, again if need be"
            )
            raise ProblemError(409, detail)
        if memory.run_ended:
            return
        records = SourceRecords(speaker, self.partitions, None)
        audit = self._audit(caller, speaker, "end of ingest", last_lumisection=str(last))
        await self._send([*records.run_end(last), audit])
        await self._send(records.checkpoint(last, ended=True))
        memory.run_ended = True

    # ----------------------------------------------------------------- to the log

    async def _memory(self, speaker: IngestSource) -> SourceMemory:
        """What is known of the source: here, and by now in the log through other gateways.

        A life whose place was taken ends nothing more: its checkpoint would take the place back.
        """
        own = await self.standing(speaker.run, speaker.name)
        if own is None or own.incarnation != speaker.incarnation:
            newest = "none" if own is None else repr(own.incarnation)
            detail = (
                f"run {speaker.run} {speaker.name!r}: incarnation {speaker.incarnation!r} was "
                "never started, or another life has taken its place: the log's newest is "
                f"{newest}"
            )
            raise ProblemError(409, detail)
        done = own.lumisection
        first = SourceMemory(rereadable=speaker.rereadable, done=done, noted=done)
        memory = self._remembered.begin(speaker.id, first)
        check_kind(speaker.id, memory, rereadable=speaker.rereadable)
        memory.done = max(memory.done, done)
        memory.noted = max(memory.noted, done)
        memory.run_ended |= own.ended
        return memory

    def _audit(
        self, caller: Caller, speaker: IngestSource, action: str, **arguments: str
    ) -> Outgoing:
        """Who did it: for ever on `dqm.commands`."""
        subject = f"run {speaker.run} source {speaker.name}"
        command = Command(
            subject=subject,
            action=action,
            who=caller.name,
            why="",
            when=self._clock.wall(),
            arguments={
                "incarnation": speaker.incarnation,
                "role": str(caller.role),
                **arguments,
            },
        )
        return outgoing(COMMANDS, 0, command, subject.encode())

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            most = self._log.max_message_bytes(message.topic)
            if message.size() > most:
                whose = f"a message for {message.topic}"
                raise too_large(whose, most, f"has {message.size()}")
        async with log_within(self._limits.ingest_send_seconds):
            await self._log.send(messages)
