"""A whole system in one thread: sources, partitions, fillers, zombies, checkpoints, time.

`World.play` lets a plan's faults happen in a random order, then lets everything come to rest.
"""

from bisect import bisect_left
from collections.abc import Sequence
from random import Random

from dqmstream.fold.testing.hostile import hostile_record
from dqmstream.fold.testing.owner import Checkpoint, Entry, KilledError, Owner, Rules
from dqmstream.fold.testing.plan import Physics, Plan
from dqmstream.fold.testing.sources import Station
from dqmstream.fold.testing.toy import POISON
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import EventBatch
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC, Wired

__all__ = ["World"]

_MOST_STEPS = 4000
_QUIET_ROUNDS = 80
_DEATHS = 3


class World:
    """Everything there is.

    `logs` are the partitions of `dqm.events`, `histograms` all pieces ever published, in order,
    `checkpoints` all ever written, `dead` the refused offsets with reasons, per partition.
    """

    def __init__(self, plan: Plan, rules: Rules | None = None) -> None:
        self.plan = plan
        self.rules = rules if rules is not None else Rules()
        self.now = 0.0
        self.logs: list[list[Entry]] = [[] for _ in range(plan.partitions)]
        self.histograms: list[HistogramSet] = []
        self.checkpoints: list[Checkpoint] = []
        self.dead: list[dict[int, set[str]]] = [{} for _ in range(plan.partitions)]
        self.starts = [0] * plan.partitions
        self._deaths: dict[tuple[int, int], int] = {}
        self._away: dict[int, int] = {}
        self.rng = Random(plan.seed)  # noqa: S311 a schedule, no secret
        poison = POISON if "poison" in plan.faults else 5
        self.physics = Physics(plan.seed, plan.events, poison)
        self.stations = [
            self._station(name, run, rereadable)
            for run in range(1, plan.runs + 1)
            for rereadable, count in ((True, plan.rereadable), (False, plan.live))
            for name in [f"{'file' if rereadable else 'live'}{i}" for i in range(count)]
        ]
        self._writers = 0
        self._offsets: list[list[int]] = [[] for _ in range(plan.partitions)]
        self._said: list[list[Message]] = [[] for _ in range(plan.partitions)]
        self.owners = [self._new_owner(partition) for partition in range(plan.partitions)]
        self.zombies: list[Owner] = []

    def _station(self, name: str, run: int, rereadable: bool) -> Station:
        return Station(self.plan, self.rng, self.physics, name, run, rereadable=rereadable)

    # ------------------------------------------------------------------- shore

    def entries(self, partition: int, position: int) -> Sequence[Entry]:
        """Records of a partition from an offset on."""
        return self.logs[partition][bisect_left(self._offsets[partition], position) :]

    def tell(self, partition: int, message: Message, *, honest: bool = True) -> None:
        """Append a message to a partition of the events."""
        self._append(partition, CODEC.encode(message), message, honest)
        sound = not isinstance(message, EventBatch) or (
            body_checksum(message.body) == message.chunk.checksum and len(message.body) % 2 == 0
        )
        if sound:
            self._said[partition].append(message)

    def _append(self, partition: int, wired: Wired, message: Message | None, honest: bool) -> None:
        offsets = self._offsets[partition]
        offset = (offsets[-1] if offsets else -1) + self.rng.choice([1, 1, 1, 3])
        offsets.append(offset)
        deadly = self._on("deadly") and isinstance(message, EventBatch) and self.rng.random() < 0.05
        entry = Entry(offset, wired.headers, wired.value, message, honest, deadly=deadly)
        self.logs[partition].append(entry)

    def publish(self, piece: HistogramSet) -> None:
        """Append a piece to the histograms."""
        self.histograms.append(piece)

    def keep(
        self, partition: int, epoch: int, offset: int, state: bytes, skip: frozenset[int]
    ) -> None:
        """Append a checkpoint."""
        count = len(self.histograms)
        self.checkpoints.append(Checkpoint(partition, epoch, offset, state, count, skip))

    def _begin_epoch(
        self,
        partition: int,
        before: Checkpoint | None,
        offset: int,
        state: bytes,
        *,
        skip: int | None = None,
        hole: tuple[int, int] | None = None,
    ) -> None:
        """Write the first checkpoint of a new epoch, before anybody acts on it."""
        skipped = frozenset() if before is None else before.skip
        self.checkpoints.append(
            Checkpoint(
                partition,
                1 if before is None else before.epoch + 1,
                offset,
                state,
                len(self.histograms),
                skipped if skip is None else skipped | {skip},
                begins=True,
                hole=hole,
            )
        )

    def bury(self, partition: int, offset: int, reason: str) -> None:
        """A record goes to the dead topic."""
        self.dead[partition].setdefault(offset, set()).add(reason)

    # -------------------------------------------------------------------- play

    def play(self) -> "World":
        """All of it."""
        for _ in range(_MOST_STEPS):
            if not any(station.speaking for station in self.stations):
                break
            self._step()
        self._rest()
        return self

    def _on(self, fault: str) -> bool:
        return fault in self.plan.faults

    def _step(self) -> None:
        rng = self.rng
        roll = rng.random()
        for partition, steps in list(self._away.items()):
            self._away[partition] = steps - 1
            if not steps:
                del self._away[partition]
                self._expire(partition)
        if roll < 0.45:
            self._speak()
        elif roll < 0.80:
            self._work(rng.choice([*self.owners, *self.zombies]))
        elif roll < 0.85:
            rng.choice(self.owners).checkpoint()
        elif roll < 0.88:
            self.now += 1.0 if self._on("timeouts") else 0.0
        elif roll < 0.91:
            rng.choice([*self.owners, *self.zombies]).decide()
        else:
            self._misfortune()

    def _speak(self) -> None:
        talking = [station for station in self.stations if self._may_speak(station)]
        # The first run usually comes first.
        first = [station for station in talking if station.run == talking[0].run]
        station = self.rng.choice(first if self.rng.random() < 0.8 else talking)
        said = station.say()
        if said is not None:
            self.tell(said.partition, said.message)

    def _may_speak(self, station: Station) -> bool:
        """Whether it has something to say; where input expires, sources keep their pace."""
        if not station.speaking or not self._on("expires"):
            return station.speaking
        others = [one for one in self.stations if one.speaking and one.run == station.run]
        return (station.done - min(one.done for one in others)) * 2 < self.plan.max_open

    def _read(self, owner: Owner) -> int:
        """Let an owner read; the dead ones are replaced. How many records were folded."""
        try:
            return owner.read(self.plan.fetch)
        except KilledError as error:
            self._bury_owner(owner, error.offset)
            return 1

    def _bury_owner(self, owner: Owner, offset: int) -> None:
        """A record that killed three is skipped in a new epoch, from the same checkpoint on."""
        partition = owner.partition
        if owner in self.zombies:
            self.zombies.remove(owner)
            return
        self._deaths[partition, offset] = self._deaths.get((partition, offset), 0) + 1
        if self._deaths[partition, offset] >= _DEATHS:
            before = self._newest(partition)
            if before is None:
                state = self.rules.new_fold(self.plan, partition).control.state.encode()
                self._begin_epoch(partition, None, 0, state, skip=offset)
            else:
                self._begin_epoch(partition, before, before.offset, before.state, skip=offset)
        self.owners[partition] = self._new_owner(partition)

    def _work(self, owner: Owner) -> None:
        rng = self.rng
        if owner.partition in self._away:
            return
        self._read(owner)
        if rng.random() < 0.6:
            owner.queue_closed()
        if rng.random() < 0.3:
            owner.queue_open()
        owner.send(rng.randint(0, 30))
        if rng.random() < 0.6:
            owner.hear()
        if rng.random() < 0.2:
            owner.checkpoint()

    def _misfortune(self) -> None:
        rng = self.rng
        partition = rng.randrange(self.plan.partitions)
        match rng.choice(
            [
                "source_crashes",
                "filler_crashes",
                "filler_crashes",
                "zombies",
                "hostile",
                "refills",
                "expires",
            ]
        ):
            case "source_crashes" if self._on("source_crashes") and rng.random() < 0.4:
                rng.choice(self.stations).crash()
            case "filler_crashes" if self._on("filler_crashes"):
                self.owners[partition] = self._new_owner(partition)
            case "zombies" if self._on("zombies"):
                self._rebalance(partition)
            case "hostile" if self._on("hostile") and self._said[partition]:
                wired = hostile_record(rng, self.plan, partition, self._said[partition])
                self._append(partition, wired, _message(wired), honest=False)
            case "refills" if self._on("refills"):
                self._refill(partition)
            case "expires" if self._on("expires"):
                self._away.setdefault(partition, rng.randint(0, 60))

    def _rebalance(self, partition: int) -> None:
        """The owner becomes a zombie; a new one begins, or an old one goes on from memory."""
        before = self.owners[partition]
        kept = [zombie for zombie in self.zombies if zombie.partition == partition]
        newest = self._newest(partition)
        usable = [
            zombie
            for zombie in kept
            if newest is not None
            and zombie.epoch == newest.epoch
            and zombie.fold.position >= newest.offset
            and zombie.fold.skip == newest.skip
        ]
        if usable and self.rng.random() < 0.5:
            back = self.rng.choice(usable)
            self.zombies.remove(back)
            self.owners[partition] = back
        else:
            self.owners[partition] = self._new_owner(partition)
        self.zombies.append(before)
        if len(self.zombies) > 3:
            self.zombies.pop(0)

    def _refill(self, partition: int) -> None:
        """An operator's reset: a new epoch, written down before anybody acts on it."""
        start = self.starts[partition]
        state = self.rules.new_fold(self.plan, partition).control.state.encode()
        hole = None
        if start:
            hole = (0, start)
            state = self.rules.hole(None, *hole)
        newest = self._newest(partition)
        self._begin_epoch(partition, newest, start, state, hole=hole)
        self.owners[partition] = self._new_owner(partition)

    def _expire(self, partition: int) -> None:
        """After a while away old records are gone; who stands among them cannot go on.

        Memory is no help: what it holds besides the checkpoint would be lost by a crash.
        """
        start = self.rng.choice([entry.offset for entry in self.logs[partition]] or [0])
        if start <= self.starts[partition]:
            return
        self.starts[partition] = start
        kept = [z for z in self.zombies if z.partition != partition or z.fold.position >= start]
        self.zombies[:] = kept
        if self.owners[partition].fold.position < start:
            self.owners[partition] = self._new_owner(partition)

    def _new_owner(self, partition: int) -> Owner:
        """Memory is lost: begin at the best checkpoint that compaction left."""
        self._writers += 1
        writer = f"w{self._writers}"
        newest = self._newest(partition)
        start = self.starts[partition]
        if start > (0 if newest is None else newest.offset):
            first = 0 if newest is None else newest.offset
            state = self.rules.hole(None if newest is None else newest.state, first, start)
            self._begin_epoch(partition, newest, start, state, hole=(first, start))
            newest = self._newest(partition)
        return self.rules.owner(self, self.rules, partition, writer, newest)

    def _newest(self, partition: int) -> Checkpoint | None:
        """Highest (epoch, C) that is left: each epoch has a key of its own, and of each
        compaction keeps the last, and what it has not reached yet."""
        written = [c for c in self.checkpoints if c.partition == partition]
        if not written:
            return None
        epoch = max(checkpoint.epoch for checkpoint in written)
        written = [checkpoint for checkpoint in written if checkpoint.epoch == epoch]
        left = 1
        if self._on("stale_checkpoints"):
            left = self.rng.randint(1, len(written))
        return max(written[-left:], key=lambda checkpoint: checkpoint.offset)

    # -------------------------------------------------------------------- rest

    def _rest(self) -> None:
        """Sources are silent, nothing breaks any more: everything must close."""
        self.zombies.clear()
        self._away.clear()
        for _ in range(_QUIET_ROUNDS):
            size = (sum(map(len, self.logs)), len(self.histograms))
            for partition in range(self.plan.partitions):
                while self._read(self.owners[partition]):
                    self.owners[partition].queue_closed()
                owner = self.owners[partition]
                owner.queue_closed()
                owner.send(1 << 30)
                owner.hear()
                owner.decide()
            self.now += 1.0
            still = size == (sum(map(len, self.logs)), len(self.histograms))
            self._silence = self._silence + 1 if still else 0
            if self._silence > 8:
                break
        for owner in self.owners:
            owner.checkpoint()

    _silence = 0


def _message(wired: Wired) -> Message | None:
    try:
        return CODEC.decode(wired.headers, wired.value)
    except ValueError:
        return None
