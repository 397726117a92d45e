"""In which order the files of one stream in one run are read: a pure state machine.

What is seen goes in, with the time; decisions come out, one LS after the other. Files come in any
order, twice, late or never, and may go before they are read.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.sighting import Sighting
from dqmstream.sources.cms.watching.waiting import Seen, WaitingFiles
from dqmstream.sources.decisions import Decisions

__all__ = ["End", "GiveUp", "Step", "StreamOrder", "Take", "Wait"]


class Take(NamedTuple):
    """The next LS is this file."""

    lumisection: int
    sighting: Sighting


class GiveUp(NamedTuple):
    """The next LS is waited for no more; `events` were announced for it, 0 if nobody knows."""

    lumisection: int
    events: int
    why: str


class Wait(NamedTuple):
    """Nothing to do before `until` (None: before something is seen)."""

    lumisection: int
    until: float | None


class End(NamedTuple):
    """The run is over, and all of it decided."""


Step = Take | GiveUp | Wait | End


class StreamOrder:
    """Decides about the LSs of one stream in one run, in rising order.

    Every file has one fate: it is the file of its LS; it is late, for its LS is decided; or it
    went before its turn, and what it announced is lost.

    Parameters
    ----------
    settings
        Time-outs, and how far LSs may lie apart.
    joined
        The run was going on when watching began: it begins with the lowest LS that is there.
    """

    def __init__(self, settings: WatchSettings, *, joined: bool) -> None:
        self._settings = settings
        self._joined = joined
        self._seen = WaitingFiles()
        self._late: dict[Path, Seen] = {}
        self._broken: dict[Path, Seen] = {}
        self._found: dict[int, Sighting] = {}
        self._told_late: set[Path] = set()
        self._ended: float | None = None
        self._last = 0
        self._over = False
        self._left = False
        self.decisions = Decisions()
        self.skipped = 0
        """Files below the first LS, left alone for watching begins with the newest."""
        self.repeated = 0
        """Files that are there twice, in two folders: the first seen counts."""
        self.beyond = 0
        """Files too far above all others."""

    # ---------------------------------------------------------------- what is seen

    def see(self, sighting: Sighting, now: float) -> None:
        """A file, new or looked at again."""
        if self._left:
            return
        number, path = sighting.lumisection.lumisection, sighting.path
        known = self._seen.get(path) or self._late.get(path) or self._broken.get(path)
        since = known.since if known else now
        if self._is_decided(number):
            self._see_decided(sighting, since)
            return
        if known is None and number > self._known() + self._settings.most_ahead:
            self.beyond += 1
            return
        self._seen.add(Seen(sighting, since))

    def _see_decided(self, sighting: Sighting, since: float) -> None:
        number, path = sighting.lumisection.lumisection, sighting.path
        if path in self._broken and sighting.trouble:
            return
        self._broken.pop(path, None)
        if not self._is_late(sighting):
            self._found[number] = sighting
        elif path not in self._told_late:
            self._late[path] = Seen(sighting, since)

    def vanish(self, path: Path, now: float) -> None:
        """A file has gone."""
        self._late.pop(path, None)
        self._broken.pop(path, None)
        self._told_late.discard(path)
        self._seen.lose(path, now)

    def end(self, last: int, now: float) -> None:
        """The end-of-run file is there, or the run is left: nothing comes beyond LS `last`, the
        highest that any stream of the run has."""
        self._ended = now if self._ended is None else self._ended
        self._last = last

    def close(self) -> None:
        """The run has been sent to its end: whatever comes now is late."""
        self._over = True
        self._found.clear()
        for one in self._seen.take_all(self.decisions.last):
            self._see_decided(one.sighting, one.since)

    def leave(self) -> None:
        """It cannot be sent: nothing of it is handed out, as late neither, now or later."""
        self._left = self._over = True
        self._seen = WaitingFiles()
        for files in (self._late, self._broken, self._found):
            files.clear()

    @property
    def ended(self) -> bool:
        """Whether no more LSs than those seen are expected."""
        return self._ended is not None

    @property
    def highest(self) -> int:
        """The highest LS known of."""
        return max(self.decisions.last, self._seen.highest)

    @property
    def waiting(self) -> int:
        """Files that are not decided about, or late and not handed out."""
        return len(self._seen) + len(self._late)

    @property
    def has_files(self) -> bool:
        """Whether a file that can be read is there, so that the run can begin."""
        return any(not seen.sighting.trouble for seen in self._seen)

    def troubled(self) -> list[Path]:
        """Files to be looked at again."""
        all_seen = (*self._seen, *self._late.values(), *self._broken.values())
        return [seen.sighting.path for seen in all_seen if seen.sighting.trouble]

    def files(self) -> list[Path]:
        """Files not decided about that can be read, by LS."""
        return [seen.sighting.path for seen in self._ready(self._seen)]

    def late(self, now: float) -> list[Sighting]:
        """Files for LSs that are decided, each once; with trouble when they had their time."""
        found = [
            seen.sighting
            for seen in self._late.values()
            if not seen.sighting.trouble or now >= seen.since + self._settings.broken_timeout
        ]
        for sighting in found:
            del self._late[sighting.path]
            self._told_late.add(sighting.path)
        return sorted(found, key=lambda one: (one.lumisection, one.path.name))

    def _is_decided(self, number: int) -> bool:
        decided = bool(self.decisions.first) and number <= self.decisions.last
        return decided or self._over

    def _is_late(self, sighting: Sighting) -> bool:
        number = sighting.lumisection.lumisection
        if number < self.decisions.first and self._settings.newest:
            self.skipped += 1
            return False
        return self.decisions.ending(number) != sighting.ending

    def _known(self) -> int:
        if not self.decisions.first and self._joined and not self._seen:
            # Where a run stands is not known before its first file.
            return 0xFFFFFFFF
        return self.highest

    def _ready(self, seen: Iterable[Seen]) -> list[Seen]:
        """Those that can be read: by LS, the first seen first."""
        ready = [one for one in seen if not one.sighting.trouble]
        return sorted(
            ready, key=lambda one: (one.sighting.lumisection, one.since, one.sighting.path)
        )

    # --------------------------------------------------------------- what is decided

    def resume(self, decisions: Decisions, after: int) -> None:
        """What was decided in an earlier life stays: files of LSs up to `after` are done."""
        self.decisions = decisions.acknowledged(after)
        if not decisions.first:
            self.decisions = decisions.begin(self._first())
        for one in self._seen.take_all(self.decisions.last):
            self.see(one.sighting, one.since)

    def _first(self) -> int:
        numbers = self._seen.numbers
        if self._settings.newest:
            return max(numbers, default=1)
        return min(numbers, default=1) if self._joined else 1

    def found(self, number: int) -> Sighting | None:
        """The file that an earlier life took an LS from, if it is still there and can be read."""
        sighting = self._found.get(number)
        return sighting if sighting is not None and not sighting.trouble else None

    def lose(self, number: int) -> None:
        """The file of a taken LS went before all of it was read and acknowledged."""
        self.decisions = self.decisions.lose(number)

    def acknowledged(self, number: int) -> None:
        """The log has all of the LSs up to this one."""
        self.decisions = self.decisions.acknowledged(number)
        for done in [one for one in self._found if one <= number]:
            del self._found[done]

    def step(self, now: float) -> Step:
        """What to do about the next LS; what is decided stays decided."""
        number = self.decisions.last + 1
        here = self._seen.at(number)
        ready = self._ready(here)
        if ready:
            return self._take(number, ready[0].sighting)
        if here:
            return self._troubled(number, here, now)
        gone = self._seen.gone(number)
        if gone is not None:
            return self._give_up(number, gone.sighting.events, "file_gone")
        # All that waits is beyond this LS.
        later = [self._seen.oldest]
        if self._ended is not None and number <= self._last:
            later.append(self._ended)
        since = min((one for one in later if one is not None), default=None)
        if since is not None:
            until = since + self._settings.missing_timeout
            if now >= until:
                return self._give_up(number, 0, "file_missing")
            return Wait(number, until)
        return Wait(number, None) if self._ended is None else End()

    def _troubled(self, number: int, here: Collection[Seen], now: float) -> Step:
        until = max(seen.since for seen in here) + self._settings.broken_timeout
        if now < until:
            return Wait(number, until)
        first = min(here, key=lambda seen: (seen.since, seen.sighting.path))
        return self._give_up(number, first.sighting.events, first.sighting.trouble)

    def _take(self, number: int, sighting: Sighting) -> Take:
        self.decisions = self.decisions.take(number, sighting.ending, sighting.events)
        self._decided(number, sighting.path)
        return Take(number, sighting)

    def _give_up(self, number: int, events: int, why: str) -> GiveUp:
        self.decisions = self.decisions.give_up(number, events, why)
        self._decided(number, None)
        return GiveUp(number, events, why)

    def _decided(self, number: int, taken: Path | None) -> None:
        for seen in self._seen.take(number):
            path = seen.sighting.path
            if seen.sighting.trouble:
                # Told of already; it comes late if somebody mends it.
                self._broken[path] = seen
            elif self._is_late(seen.sighting):
                self._late[path] = seen
            elif path != taken:
                self.repeated += 1
