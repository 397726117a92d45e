"""What a random schedule is made of: its size, and which faults may happen in it."""

from dataclasses import dataclass, field
from random import Random
from typing import Final, Self

from dqmstream.fold.state import FoldSettings

__all__ = ["FAULTS", "Physics", "Plan"]

FAULTS: Final = (
    "absentee",  # an expected source that never comes
    "ahead",  # chunks of the next LS before this one's marker
    "broken_bodies",  # bodies that are not what their headers say
    "deadly",  # records that kill whoever folds them
    "drops",  # chunks that the source lost knowingly
    "expires",  # records that nobody has read yet
    "filler_crashes",
    "holes",  # LSs that a source says nothing of
    "hostile",  # records that nobody should send
    "lost_markers",  # a LumisectionEnd that reaches only some partitions
    "lost_run_end",
    "poison",  # events at which a workspace throws
    "refills",  # an operator starts over in a new epoch
    "repeats",  # records sent twice
    "second_incarnation",  # a re-readable source comes back with other settings
    "shuffle",  # retries out of order
    "source_crashes",
    "stale_checkpoints",
    "timeouts",
    "zombies",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One schedule: equal plans give equal schedules, record by record.

    Parameters
    ----------
    seed
        Of everything drawn at random.
    partitions, max_open, ended_runs
        P, M and R of the protocol.
    runs, lumisections, rereadable, live
        How many runs of how many LSs, played by how many sources of which kind.
    events, chunk, fetch
        At most so many events per LS and source, so many in a chunk, so many records in a read.
    faults
        Names out of `FAULTS`.
    """

    seed: int
    partitions: int = 2
    max_open: int = 4
    ended_runs: int = 8
    runs: int = 1
    lumisections: int = 4
    rereadable: int = 1
    live: int = 1
    events: int = 6
    chunk: int = 2
    fetch: int = 7
    faults: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def drawn(cls, seed: int, rng: Random) -> Self:
        """Any plan."""
        return cls(
            seed=seed,
            partitions=rng.randint(1, 3),
            max_open=rng.randint(2, 6),
            ended_runs=rng.choice([1, 8, 8]),
            runs=rng.randint(1, 2),
            lumisections=rng.randint(1, 5),
            rereadable=rng.randint(0, 2),
            live=rng.randint(0, 2),
            events=rng.randint(1, 8),
            chunk=rng.randint(1, 4),
            fetch=rng.randint(1, 12),
            faults=frozenset(fault for fault in FAULTS if rng.random() < 0.5),
        )

    @property
    def settings(self) -> FoldSettings:
        """What the fold is told."""
        return FoldSettings(
            partitions=self.partitions,
            max_open=self.max_open,
            max_jump=20,
            ended_runs=self.ended_runs,
        )


class Physics:
    """What happened in the detector: the same events however they are cut and sent."""

    def __init__(self, seed: int, most: int, poison: int) -> None:
        self._seed = seed
        self._most = most
        self._poison = poison

    def events(self, run: int, lumisection: int, eye: str) -> list[int]:
        """Events that `eye` (a source, or one life of a live one) saw in an LS, in order."""
        rng = Random(f"{self._seed}/{run}/{lumisection}/{eye}")  # noqa: S311 a schedule, no secret
        events = [rng.randint(-1, 9) for _ in range(rng.randint(0, self._most))]
        if events and rng.random() < 0.2:
            events[rng.randrange(len(events))] = self._poison
        return events
