"""What happens to a system, and when: a function of a seed alone, printed for people to read.

A moment is how far a source is, not a time: a busy machine shifts everything alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

__all__ = [
    "Action",
    "Cut",
    "Freeze",
    "FullDisk",
    "Join",
    "Kill",
    "Leave",
    "Lose",
    "Schedule",
    "SourcePlan",
    "Step",
    "random_schedule",
]

PATIENT: Final = 120.0
"""Seconds of silence that no test reaches: nothing is decided by time-out."""


@dataclass(frozen=True, kw_only=True)
class SourcePlan:
    """A source: its LSs take `seconds` each. One that is not re-readable is live."""

    name: str
    seconds: float
    rereadable: bool = True

    def __str__(self) -> str:
        kind = "re-readable" if self.rereadable else "live"
        return f"{self.name}: {kind}, {self.seconds:.2f} s for an LS"


@dataclass(frozen=True)
class Kill:
    """A process gets a signal that ends it, and a supervisor starts it again."""

    service: str
    signal: Literal["KILL", "TERM"]
    away: float

    def __str__(self) -> str:
        return f"{self.service} gets SIG{self.signal}, starts again after {self.away:.2f} s"


@dataclass(frozen=True)
class Freeze:
    """A process stands still and comes back: after its session expired it is a zombie."""

    service: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.service} is frozen for {self.seconds:.2f} s"


@dataclass(frozen=True)
class Join:
    """Another filler starts: a rebalance."""

    service: str

    def __str__(self) -> str:
        return f"{self.service} joins"


@dataclass(frozen=True)
class Leave:
    """A filler is stopped for good: a rebalance."""

    service: str

    def __str__(self) -> str:
        return f"{self.service} leaves"


@dataclass(frozen=True)
class Lose:
    """A broker is lost for a while."""

    broker: int
    how: Literal["kill", "stop", "pause"]
    seconds: float

    def __str__(self) -> str:
        return f"broker {self.broker}: {self.how}, back after {self.seconds:.2f} s"


@dataclass(frozen=True)
class Cut:
    """No service reaches the broker."""

    seconds: float

    def __str__(self) -> str:
        return f"the broker cannot be reached for {self.seconds:.2f} s"


@dataclass(frozen=True)
class FullDisk:
    """The store cannot grow; if `until` is given, as long as the recorder has not printed this."""

    seconds: float
    until: str = ""

    def __str__(self) -> str:
        return f"the disk of the store is full for {self.seconds:.2f} s"


Action = Kill | Freeze | Join | Leave | Lose | Cut | FullDisk


@dataclass(frozen=True)
class Step:
    """`what` happens once the first source is `at`: 2.5 is half of LS 3."""

    at: float
    what: Action

    def __str__(self) -> str:
        return f"LS {int(self.at) + 1}, {self.at % 1:4.0%}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A world and what happens in it. Times are in seconds.

    `echo` is the time after which filler 0 sends each set of an open LS again, as a zombie does
    with what it had on its way; 0 never does. A live source keeps what the broker does not take
    for `buffer` seconds, and counts what it drops then. By `commands` services are started as a
    user starts them, with the paces of the command line. If it is `begun`, sources start once all
    services are ready and fillers share all partitions, and the first step waits until sources are
    ready too: what happens then meets their work, and not their start.
    """

    name: str
    seed: int
    sources: tuple[SourcePlan, ...]
    steps: tuple[Step, ...] = ()
    lumisections: int = 5
    partitions: int = 2
    fillers: int = 2
    max_open: int = 8
    lumisection_timeout: float = PATIENT
    run_timeout: float = PATIENT
    publish_interval: float = 0.2
    checkpoint_interval: float = 0.4
    echo: float = 0.0
    buffer: float = PATIENT
    commands: bool = False
    begun: bool = False

    @property
    def timed(self) -> bool:
        """Whether silence closes LSs and ends runs."""
        return self.lumisection_timeout < PATIENT

    @property
    def patient(self) -> bool:
        """Whether nothing can be late: no time-outs, and room for all LSs."""
        return not self.timed and self.max_open > self.lumisections

    def lines(self) -> Iterator[str]:
        """The schedule for people."""
        yield f"{self.name}: {self.lumisections} LSs, {self.partitions} partitions"
        yield f"  fillers: {self.fillers}, publishing every {self.publish_interval:.2f} s"
        yield f"  checkpoints every {self.checkpoint_interval:.2f} s, {self.max_open} LSs open"
        yield f"  time-outs: LS {self.lumisection_timeout:.1f} s, run {self.run_timeout:.1f} s"
        if self.buffer < PATIENT:
            yield f"  live sources drop what is older than {self.buffer:.1f} s"
        if self.echo:
            yield f"  filler 0 sends open sets again after {self.echo:.2f} s"
        for source in self.sources:
            yield f"  source {source}"
        for step in self.steps:
            yield f"  {step}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def random_schedule(seed: int, *, brokers: int = 0, cuts: bool = False) -> Schedule:
    """The schedule of a seed.

    Parameters
    ----------
    brokers
        How many brokers may be lost, one at a time; 0 if the broker is shared.
    cuts
        Whether the broker may become unreachable.
    """
    rng = Random(seed)
    lumisections = rng.randint(4, 6)
    pace = rng.uniform(0.4, 0.7)
    timed = rng.random() < 0.4
    live = rng.random() < 0.3
    sources = (
        SourcePlan(name="first", seconds=pace),
        SourcePlan(
            name="other", seconds=pace * rng.choice([1.0, 1.0, 1.6, 2.2]), rereadable=not live
        ),
    )
    fillers = rng.randint(1, 3)
    timeout = rng.uniform(0.8, 1.6) if timed else PATIENT
    actions = _harms(rng, fillers, timed=timed, live=live)
    if brokers:
        how = rng.choice(["kill", "stop", "pause"])
        actions.append(Lose(rng.randrange(brokers), how, rng.uniform(1.0, 4.0)))
    if cuts:
        actions.append(Cut(rng.uniform(1.0, 5.0)))
    steps = [Step(rng.uniform(0.05, lumisections - 0.05), action) for action in actions]
    return Schedule(
        name=f"seed {seed}",
        seed=seed,
        sources=sources,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        lumisections=lumisections,
        partitions=rng.randint(1, 4),
        fillers=fillers,
        max_open=rng.choice([2, 3]) if rng.random() < 0.2 else 8,
        lumisection_timeout=timeout,
        run_timeout=timeout + rng.uniform(0.5, 1.5) if timed else PATIENT,
        publish_interval=rng.uniform(0.05, 0.3),
        checkpoint_interval=rng.uniform(0.1, 0.8),
        echo=rng.uniform(0.2, 1.5) if rng.random() < 0.5 else 0.0,
    )


def _harms(rng: Random, fillers: int, *, timed: bool, live: bool) -> list[Action]:
    """What befalls the services of a world."""
    names = [f"filler {number}" for number in range(fillers)]
    others = ["producer first", "producer other", "recorder", "comparator", "gateway"]
    actions: list[Action] = []
    if timed:
        # Without it nothing would ever be late: sources of a run wait for each other.
        actions.append(Freeze(rng.choice(others[:2]), rng.uniform(1.0, 3.0)))
    if live and rng.random() < 0.7:
        actions.append(Kill("producer other", "KILL", rng.uniform(0.0, 1.0)))
    if rng.random() < 0.2:
        actions.append(FullDisk(rng.uniform(0.5, 2.0)))
    if rng.random() < 0.5:
        actions.append(Join(f"filler {fillers}"))
    if fillers > 1 and rng.random() < 0.3:
        actions.append(Leave(names.pop()))
    for _ in range(rng.randint(2, 6)):
        # Fillers hold the state: they are hit as often as all others together.
        service = rng.choice(names) if rng.random() < 0.5 else rng.choice(others)
        actions.append(_harm(rng, service))
    return actions


def _harm(rng: Random, service: str) -> Action:
    match rng.choice(["KILL", "KILL", "TERM", "STOP", "STOP"]):
        case "STOP":
            return Freeze(service, rng.choice([rng.uniform(0.2, 1.0), rng.uniform(2.0, 5.0)]))
        case "TERM":
            return Kill(service, "TERM", rng.uniform(0.0, 1.0))
        case _:
            return Kill(service, "KILL", rng.uniform(0.0, 1.0))
