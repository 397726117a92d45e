"""Sources as they may behave: retries, repeats and crashes, but never a rule of theirs broken."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, TypedDict

import msgspec

from dqmstream.fold.testing.plan import Physics, Plan
from dqmstream.fold.testing.toy import toy_body
from dqmstream.identity import event_partition
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.struct import Message

__all__ = ["Life", "Said", "Station", "notes_of"]


class _Common(TypedDict):
    run: int
    source: str
    incarnation: str
    rereadable: bool
    partitions: int


class Said(NamedTuple):
    """A message on its way to a partition."""

    partition: int
    message: Message


def notes_of(run: int, lumisection: int) -> dict[str, int]:
    """What every source notes of an LS."""
    return {"truncated": 1 + (run + lumisection) % 3}


class Life:
    """One incarnation of a source in one run, from the LS of its `identity` on.

    `words` are its records in order, `done` is the last LS of which everything was said.
    """

    def __init__(
        self, plan: Plan, rng: Random, physics: Physics, identity: Chunk, *, chunk: int
    ) -> None:
        first = identity.lumisection
        self.done = first - 1
        self._plan = plan
        self._rng = rng
        self._physics = physics
        self._identity = identity
        self._chunk = chunk
        self.words = self._speak(first)

    @property
    def eye(self) -> str:
        """Whose events these are: a re-readable source always sees the same."""
        chunk = self._identity
        return chunk.source if chunk.rereadable else f"{chunk.source}/{chunk.incarnation}"

    def _common(self) -> _Common:
        chunk = self._identity
        return _Common(
            run=chunk.run,
            source=chunk.source,
            incarnation=chunk.incarnation,
            rereadable=chunk.rereadable,
            partitions=chunk.partitions,
        )

    def _may(self, fault: str, chance: float) -> bool:
        return fault in self._plan.faults and self._rng.random() < chance

    def _speak(self, first: int) -> Iterator[Said]:
        plan = self._plan
        expected = ("nobody",) if "absentee" in plan.faults else ()
        yield from self._everywhere(
            RunStart(first_lumisection=first, expected=expected, **self._common())
        )
        held: list[Said] = []
        for lumisection in range(first, plan.lumisections + 1):
            if self._may("holes", 0.15):
                continue
            words = list(self._lumisection(lumisection))
            chunks = [word for word in words if isinstance(word.message, EventBatch)]
            markers = [word for word in words if not isinstance(word.message, EventBatch)]
            cut = self._rng.randint(0, len(chunks))
            yield from chunks[:cut]
            yield from held
            if held:
                self.done = lumisection - 1
            yield from chunks[cut:]
            held = markers if self._may("ahead", 0.4) else []
            if not held:
                yield from markers
                self.done = lumisection
        yield from held
        if not self._may("lost_run_end", 0.4):
            end = RunEnd(last_lumisection=plan.lumisections, **self._common())
            yield from self._everywhere(end, "lost_run_end")
        self.done = plan.lumisections

    def _lumisection(self, lumisection: int) -> Iterator[Said]:
        events = self._physics.events(self._identity.run, lumisection, self.eye)
        cuts = [events[at : at + self._chunk] for at in range(0, len(events), self._chunk)]
        dropped = {number for number in range(len(cuts)) if self._may("drops", 0.1)}
        sends = [number for number in range(len(cuts)) if number not in dropped]
        sends += [number for number in sends if self._may("repeats", 0.3)]
        if "shuffle" in self._plan.faults:
            self._rng.shuffle(sends)
        for number in sends:
            yield from self._send(self._batch(lumisection, number, cuts[number]))
        lost = sum(len(cuts[number]) for number in dropped)
        marker = LumisectionEnd(
            lumisection=lumisection,
            chunks=len(cuts),
            seen=len(events),
            selected=len(events) - lost,
            dropped=lost,
            notes=notes_of(self._identity.run, lumisection),
            **self._common(),
        )
        yield from self._everywhere(marker, "lost_markers")

    def _batch(self, lumisection: int, number: int, events: Sequence[int]) -> EventBatch:
        body = toy_body(events)
        chunk = msgspec.structs.replace(
            self._identity,
            lumisection=lumisection,
            number=number,
            seen=len(events) + number % 2,
            selected=len(events),
            dropped=number % 2,
            checksum=body_checksum(body),
        )
        return EventBatch(chunk=chunk, body=body)

    def _send(self, batch: EventBatch) -> Iterator[Said]:
        chunk = batch.chunk
        home = event_partition(chunk.source, chunk.number, chunk.partitions)
        if self._may("broken_bodies", 0.15):
            yield Said(home, msgspec.structs.replace(batch, body=batch.body + b"!"))
        if self._may("broken_bodies", 0.05):
            body = b"odd"
            chunk = msgspec.structs.replace(chunk, checksum=body_checksum(body))
            batch = EventBatch(chunk=chunk, body=body)
        yield Said(home, batch)

    def _everywhere(self, message: Message, loss: str = "") -> Iterator[Said]:
        for partition in range(self._plan.partitions):
            if self._may(loss, 0.15):
                continue
            yield Said(partition, message)
            if self._may("repeats", 0.1):
                yield Said(partition, message)


class Station:
    """A source in a run through all its lives."""

    def __init__(
        self, plan: Plan, rng: Random, physics: Physics, name: str, run: int, *, rereadable: bool
    ) -> None:
        self.name = name
        self.run = run
        self.rereadable = rereadable
        self.lives: list[Life] = []
        self._plan = plan
        self._rng = rng
        self._physics = physics
        self._generation = 0
        self._chunk = plan.chunk
        self._life: Life | None = self._born(1)

    @property
    def speaking(self) -> bool:
        return self._life is not None

    @property
    def done(self) -> int:
        """Last LS of which it has said everything."""
        return 0 if self._life is None else self._life.done

    def say(self) -> Said | None:
        """The next record; None when it has nothing more to say."""
        word = next(self._life.words, None) if self._life is not None else None
        if word is None:
            self._life = None
        return word

    def crash(self) -> None:
        """Memory is lost. A re-readable source comes back where it was; a live one, if at all,
        as another incarnation."""
        if self._life is None:
            return
        done, rng = self._life.done, self._rng
        if self.rereadable:
            if "second_incarnation" in self._plan.faults and rng.random() < 0.5:
                self._generation += 1
                self._chunk += 1
            # One that keeps its pace goes on where it was acknowledged.
            lowest = max(1, done) if "expires" in self._plan.faults else 1
            self._life = self._born(
                rng.randint(
                    min(lowest, self._plan.lumisections), min(done + 1, self._plan.lumisections)
                )
            )
        elif rng.random() < 0.3:
            self._life = None
        else:
            self._generation += 1
            first = min(done + rng.randint(1, 2), self._plan.lumisections)
            self._life = self._born(first)

    def _born(self, first: int) -> Life:
        identity = Chunk(
            run=self.run,
            lumisection=first,
            source=self.name,
            incarnation=f"i{self._generation}",
            rereadable=self.rereadable,
            number=0,
            partitions=self._plan.partitions,
            seen=0,
            selected=0,
            dropped=0,
            checksum=0,
        )
        life = Life(self._plan, self._rng, self._physics, identity, chunk=self._chunk)
        self.lives.append(life)
        return life
