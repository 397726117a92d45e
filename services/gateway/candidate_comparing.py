"""All elements of a run in production and in a candidate, bin by bin, as `deploy compare` does."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dqmstream.client.element import Element
from dqmstream.client.reading import elements_of
from dqmstream.clock import Clock
from services.deploying.beside import AT_ONCE, Pair, counted, pair, rank
from services.gateway.candidate_reading import (
    Known,
    booked_by,
    contents_of,
    known_of,
    lumisections_of,
)
from services.gateway.candidate_relay import CandidateRelay, Running
from services.gateway.catalogue import Found, find
from services.gateway.formats.encoding import Encoding
from services.gateway.formats.table import FORMATS, Sheet
from services.gateway.library import Library
from services.gateway.place import Place, Reading
from services.gateway.problems import ProblemError
from services.gateway.readings import Readings
from services.gateway.windows import MAX_LUMISECTION, Window

__all__ = ["Compared", "Comparing", "shared_stretch"]

_KEPT: Final = 8
_SECONDS_KEPT: Final = 15.0


class Compared(NamedTuple):
    """Elements of both, what differs first; `lumisections` is empty if no LS is closed in both.

    `made` is nanoseconds since 1970.
    """

    lumisections: str
    pairs: tuple[Pair, ...]
    counts: Mapping[str, int]
    made: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    candidate: Running
    run: int
    lumisections: str | None


def shared_stretch(ours: Known, theirs: Known) -> tuple[int, int] | None:
    """The newest LSs one after another that are closed in both, first and last; None if none is.

    LSs that neither knows do not interrupt it; one that is open, or in one of both only, does.
    """
    shared = ours.closed & theirs.closed
    if not shared:
        return None
    first = last = max(shared)
    for number in sorted(ours.numbers | theirs.numbers, reverse=True):
        if number > last:
            continue
        if number not in shared:
            break
        first = number
    return first, last


class Comparing:
    """Compares, one question after another, and keeps the last answers for some seconds.

    Parameters
    ----------
    most
        Elements that are compared; of more none is.
    seconds
        That one comparison may take.
    waiting
        Comparisons that wait for one that is being made; more are refused.
    """

    def __init__(
        self,
        relay: CandidateRelay,
        library: Library,
        readings: Readings,
        encoding: Encoding,
        clock: Clock,
        *,
        most: int = 5_000,
        seconds: float = 60.0,
        waiting: int = 8,
    ) -> None:
        self._relay = relay
        self._library = library
        self._readings = readings
        self._encoding = encoding
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._waiting = waiting
        self._turn = asyncio.Lock()
        self._asked = 0
        self._kept: OrderedDict[_Wish, tuple[float, Compared]] = OrderedDict()

    async def compared(self, candidate: Running, run: int, lumisections: str | None) -> Compared:
        """Each element of a run in both.

        Parameters
        ----------
        lumisections
            As `5-10`; None takes the newest stretch of LSs that are closed in both, since what is
            still filled is at different places in both.

        Raises
        ------
        ProblemError
            As of `CandidateRelay.get`; 413 for too many elements, 503 if too many wait, 504 if it
            takes too long.
        """
        wish = _Wish(candidate=candidate, run=run, lumisections=lumisections)
        if self._asked > self._waiting:
            detail = f"{self._asked} comparisons are asked for, at most {self._waiting + 1}"
            raise ProblemError(503, detail, {"retry-after": "5"})
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                made, found = self._kept.get(wish, (0.0, None))
                if found is None or self._clock.monotonic() - made > _SECONDS_KEPT:
                    found = await self._compare(wish)
                    self._keep(wish, found)
                return found
        except TimeoutError as error:
            detail = (
                f"run {run} of candidate {candidate.name} and of production was not compared in "
                f"{self._seconds:g} s: name fewer LSs, or use dqmstream deploy compare"
            )
            raise ProblemError(504, detail) from error
        finally:
            self._asked -= 1

    def _keep(self, wish: _Wish, found: Compared) -> None:
        self._kept[wish] = self._clock.monotonic(), found
        self._kept.move_to_end(wish)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    async def _compare(self, wish: _Wish) -> Compared:
        stretch = wish.lumisections or await self._stretch(wish)
        if not stretch:
            return Compared("", (), {}, self._clock.wall())
        ours = {found.path: found for found in find(await self._library.layouts(wish.run))}
        theirs = await self._booked(wish)
        paths = sorted({*ours, *theirs})
        self._check(len(paths))
        pairs: list[Pair] = []
        for first in range(0, len(paths), AT_ONCE):
            some = paths[first : first + AT_ONCE]
            pairs += await self._pairs(wish, stretch, some, ours, theirs)
        pairs.sort(key=lambda one: (rank(one), one.path))
        return Compared(stretch, tuple(pairs), counted(pairs), self._clock.wall())

    def _check(self, elements: int) -> None:
        if elements > self._most:
            detail = (
                f"both together book {elements} elements or more, at most {self._most} are "
                "compared here: dqmstream deploy compare takes any number"
            )
            raise ProblemError(413, detail)

    async def _stretch(self, wish: _Wish) -> str:
        rows = await self._library.lumisections(wish.run, 0, MAX_LUMISECTION)
        ours = known_of((row["lumisection"], row["closed"]) for row in rows)
        theirs = await lumisections_of(self._relay, wish.candidate, wish.run)
        found = shared_stretch(ours, theirs)
        return "" if found is None else f"{found[0]}-{found[1]}"

    async def _booked(self, wish: _Wish) -> set[str]:
        found: set[str] = set()
        after: int | None = 0
        while after is not None:
            page = await booked_by(self._relay, wish.candidate, wish.run, after=after)
            found |= {one["path"] for one in page["elements"]}
            after = page["after"]
            self._check(max(len(found), after or 0))
        return found

    async def _pairs(
        self,
        wish: _Wish,
        stretch: str,
        paths: Sequence[str],
        ours: Mapping[str, Found],
        theirs: Collection[str],
    ) -> list[Pair]:
        there = [path for path in paths if path in theirs]
        beside: list[Element] = []
        if there:
            beside = await contents_of(self._relay, wish.candidate, wish.run, there, stretch)
        here = await self._read(wish.run, [ours[path] for path in paths if path in ours], stretch)
        try:
            return await asyncio.to_thread(_paired, paths, here, beside)
        except (KeyError, ValueError, TypeError) as error:
            detail = (
                f"candidate {wish.candidate.name} answers cells that are not those of its axes: "
                f"{error!s:.200}"
            )
            raise ProblemError(502, detail) from error

    async def _read(self, run: int, found: Sequence[Found], stretch: str) -> list[Element]:
        """Elements of production in the same form as the candidate's come in."""
        window = Window.parse(stretch)
        readings: list[Reading] = []
        for workspace in sorted({one.layout.workspace for one in found}):
            mine = [one.element for one in found if one.layout.workspace == workspace]
            readings += await self._readings.read(Place(run, workspace), mine, window)
        return await self._encoding.run(_elements, readings, window)


def _elements(readings: Sequence[Reading], window: Window) -> list[Element]:
    if not readings:
        return []
    return elements_of(FORMATS["arrow"].encode(Sheet(readings=readings, window=window)))


def _paired(paths: Sequence[str], ours: Sequence[Element], theirs: Sequence[Element]) -> list[Pair]:
    here, beside = ({one.path: one for one in side} for side in (ours, theirs))
    return [pair(path, here.get(path), beside.get(path)) for path in paths]
