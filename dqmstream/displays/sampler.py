"""Which events are shown: rules in their order, each at its own rate, all within one rate.

Equal chunks at equal times give equal events: the time is passed in, and nothing is drawn at
random. Nothing here needs every event of a run, so chunks may be left out.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from dqmstream.booking.columns import Columns
from dqmstream.displays.chunk import Candidates
from dqmstream.displays.columns import LAYERS
from dqmstream.displays.fitting import SMALLEST, fitted
from dqmstream.displays.menu import RunWords
from dqmstream.displays.pace import Pace
from dqmstream.displays.picture import layers_of, number_of, spot_of
from dqmstream.displays.rarity import Rarity
from dqmstream.displays.rule import Rule, parse_rule
from dqmstream.errors import ConfigurationError
from dqmstream.messages.display import EventDisplay
from dqmstream.messages.events import Chunk, RunStart

__all__ = ["DEFAULT_RULES", "FRESH_SECONDS", "Sampler", "SamplerSettings"]

DEFAULT_RULES: Final = ("rare@0.3", "every:1")
FRESH_SECONDS: Final = 30.0
"""How long events of a chunk are shown after it was taken, if none comes after it."""
_MOST_RUNS: Final = 4
_MOST_BLANK: Final = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplerSettings:
    """How many events are shown, how large, and which.

    Parameters
    ----------
    rate
        Events a second, at most, of all rules together.
    limit
        Bytes of one event's message, at most.
    rules
        As `parse_rule` takes them; the first that finds an event picks it.

    Raises
    ------
    ConfigurationError
        If a number is out of range, or a rule is none.
    """

    rate: float = 1.0
    limit: int = 64 * 1024
    rules: tuple[str, ...] = DEFAULT_RULES

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1e3:
            msg = f"display rate is {self.rate}, expected above 0, at most 1000 events a second"
            raise ConfigurationError(msg)
        if self.limit < SMALLEST:
            msg = f"display limit is {self.limit} bytes, expected at least {SMALLEST}"
            raise ConfigurationError(msg)
        if not self.rules:
            msg = "no display rule is given, so nothing would ever be shown: expected some"
            raise ConfigurationError(msg)
        self.parsed()

    def parsed(self) -> tuple[Rule, ...]:
        """The rules."""
        return tuple(map(parse_rule, self.rules))


class Sampler:
    """Picks events from chunks.

    Parameters
    ----------
    settings
        How many, how large, which.
    """

    def __init__(self, settings: SamplerSettings | None = None) -> None:
        settings = settings or SamplerSettings()
        self._limit = settings.limit
        self._rules = [(rule, Pace(rule.rate)) for rule in settings.parsed()]
        self._pace = Pace(settings.rate)
        # Looking costs, too: where no rule finds anything it is done twice for each event that
        # might have been shown.
        self._looks = Pace(2 * settings.rate)
        self._words = RunWords()
        self._drawable = frozenset(layer.collection for layer in LAYERS)
        self._rarity: OrderedDict[int, Rarity] = OrderedDict()
        self._blank: OrderedDict[tuple[int, str, str], None] = OrderedDict()
        self._held: Candidates | None = None
        self._held_until = 0.0
        self._looked_at = 0

    @property
    def due(self) -> float:
        """Seconds on the clock passed in before which neither a look nor an event is wanted."""
        return max(self._pace.due, self._looks.due)

    def begin(self, start: RunStart) -> None:
        """What a source says of the run it begins."""
        self._words.take(start)

    def look(self, now: float) -> None:
        """It is looked for a newer chunk now."""
        self._looks.spend(now)

    def wants(self, chunk: Chunk) -> bool:
        """Whether a chunk is worth opening: not if it is empty, or its source draws nothing."""
        source = (chunk.run, chunk.source, chunk.incarnation)
        return chunk.selected > 0 and source not in self._blank

    def take(self, chunk: Chunk, columns: Columns, *, heard: int, now: float) -> bool:
        """A newer chunk, instead of the one before, whatever of that was not shown.

        False, and the one before stays, if it has nothing that could be drawn.

        Parameters
        ----------
        heard
            When the log took it, nanoseconds since 1970.
        now
            Seconds on a clock that never goes back.
        """
        if self._drawable.isdisjoint(columns.collections):
            self._blank[chunk.run, chunk.source, chunk.incarnation] = None
            while len(self._blank) > _MOST_BLANK:
                self._blank.popitem(last=False)
            return False
        self._held = Candidates(chunk, columns, heard, self._words, self._looked_at)
        self._held_until = now + FRESH_SECONDS
        self._looked_at += len(self._held.drawable)
        self._held.learn(self._rarity_of(chunk.run))
        return True

    def next(self, now: float, wall: int) -> EventDisplay | None:
        """The next event to be shown; None if no rule has one now, or the rate admits none.

        Parameters
        ----------
        now
            Seconds on the clock of `take`.
        wall
            Nanoseconds since 1970, for `made`.
        """
        held = self._held
        if held is None or not self._pace.admits(now):
            return None
        if now > self._held_until:
            self._held = None
            return None
        for rule, pace in self._rules:
            if not pace.admits(now):
                continue
            found = _found(rule, held)
            if found is not None:
                index, why = found
                pace.spend(now)
                self._pace.spend(now)
                held.show(index)
                return fitted(_display(held, index, rule.text, why, wall), self._limit)
        return None

    def _rarity_of(self, run: int) -> Rarity:
        if run not in self._rarity:
            self._rarity[run] = Rarity()
        self._rarity.move_to_end(run)
        while len(self._rarity) > _MOST_RUNS:
            self._rarity.popitem(last=False)
        return self._rarity[run]


def _found(rule: Rule, held: Candidates) -> tuple[int, str] | None:
    """An event that a rule asks for, and why."""
    if rule.kind == "rare":
        rarest = held.rarest()
        return None if rarest is None else (rarest[0], held.why_rare(rarest[1]))
    if rule.kind == "every":
        every = (index for index, place in held.left() if place % rule.every == 0)
        index = next(every, None)
        words = "any event" if rule.every == 1 else f"one of every {rule.every} events"
        return None if index is None else (index, words)
    for index, _ in held.left():
        for path in held.paths(index):
            if rule.matches(path):
                return index, f"passed {path}"
    return None


def _display(held: Candidates, index: int, rule: str, why: str, wall: int) -> EventDisplay:
    columns, chunk = held.columns, held.chunk
    number = number_of(columns, "event", index)
    paths = held.paths(index)
    return EventDisplay(
        run=chunk.run,
        lumisection=chunk.lumisection,
        # Sources need not number their events: then their place among those looked at does.
        event=held.before + index + 1 if number is None else number,
        orbit=number_of(columns, "orbit", index),
        bunch_crossing=number_of(columns, "bunch_crossing", index),
        time=number_of(columns, "time", index),
        rule=rule,
        why=why,
        paths=paths,
        paths_passed=len(paths),
        marks=held.marks,
        layers=layers_of(columns, index),
        spot=spot_of(columns, index),
        heard=held.heard,
        made=wall,
    )
