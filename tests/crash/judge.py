"""Waits until nothing moves any more, and then looks at everything."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import httpx

from dqmstream.errors import LogError
from dqmstream.identity import content_hash
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunClose
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log
from tests.crash.laws import broken_laws
from tests.crash.projections import expected_reports, wrong_answers, wrong_reports, wrong_store
from tests.crash.schedule import Schedule
from tests.crash.stage import Stage
from tests.crash.truth import Truth
from tests.crash.watch import Watch
from tests.crash.world import booking_set
from tests.random_run import RandomRun

__all__ = ["Judge", "Verdict"]

_WAKES: Final = {EventBatch, LumisectionEnd}
"""A run that is over goes on with these; another RunStart or RunEnd changes nothing."""


_MOST: Final = 3
"""Times its patience is waited at most, whatever moves: checkpoints come for ever."""


class Verdict(NamedTuple):
    """What is wrong, how hard it was, and a hash of all that readers show by workspace and LS."""

    complaints: tuple[str, ...]
    met: Mapping[str, int]
    hashes: Mapping[str, str]


class Judge:
    """Judges what came of a schedule.

    Parameters
    ----------
    log, watch
        The log, and all that was ever in it.
    stage
        The services.
    url
        Of the gateway.
    patience
        Seconds of standstill after which nothing more is waited for: of the log and the services,
        until fillers are at rest, and then of what is made of what they publish. A slow machine
        takes longer for all, and stands still for no longer.
    """

    def __init__(
        self,
        schedule: Schedule,
        log: Log,
        watch: Watch,
        stage: Stage,
        *,
        url: str,
        patience: float,
    ) -> None:
        self._schedule = schedule
        self._log = log
        self._watch = watch
        self._stage = stage
        self._url = url
        self._patience = patience

    async def judge(self, runs: Iterable[RandomRun]) -> Verdict:
        """Wait for rest, then check; `runs` is filled with the lives of sources meanwhile."""
        wrong = await self._rest()
        truth = Truth(self._schedule, booking_set(self._schedule), runs, self._watch)
        wrong += await asyncio.to_thread(broken_laws, truth)
        if not wrong:
            wrong = await self._projections(truth)
        met = await asyncio.to_thread(self._met, truth)
        return Verdict(tuple(wrong), met, await asyncio.to_thread(_hashes, truth))

    def _met(self, truth: Truth) -> dict[str, int]:
        """How hard it was: what the services had to get right."""
        closed: set[object] = set()
        stale = 0
        for piece in truth.published:
            stale += piece.key in closed
            closed |= {piece.key} if piece.closed else set()
        repeats = sum(len(at) - 1 for chunks in truth.logged.values() for at in chunks.values())
        return {
            "restarts": sum(slot.lives - 1 for slot in self._stage.slots.values()),
            "repeated chunks": repeats,
            "sets after the closed one": stale,
            "late segments": sum(one.late_segments for one in truth.merged),
            "incomplete LSs": sum(not one.complete for one in truth.merged),
            "dropped events": sum(one.account.dropped for one in truth.merged),
        }

    async def _rest(self) -> list[str]:
        """Wait until sources are done and fillers stand at the end; what they did not reach."""
        lacking = ["nothing was looked at"]
        still = _Standstill(self._patience)
        while lacking and not still.is_over((self._watch.heard, self._stage.lives)):
            try:
                lacking = [sentence async for sentence in self._lacking()]
            except LogError as error:
                lacking = [str(error)]
            await asyncio.sleep(0.1)
        return [f"{still}: {sentence}" for sentence in lacking]

    async def _lacking(self) -> AsyncIterator[str]:
        for slot in self._stage.slots.values():
            if slot.name.startswith("producer") and not slot.done:
                yield f"{slot.name} is not done"
        if not await self._watch.caught_up():
            yield "the log still grows"
        for partition in range(self._schedule.partitions):
            end = (await self._log.bounds(EVENTS, partition)).end
            stands = self._watch.stands(partition)
            if stands < end:
                yield f"{EVENTS}/{partition} ends at {end}, its filler stands at {stands}"
        for partition in self._not_over():
            yield f"the run is not over on {EVENTS}/{partition}"

    def _not_over(self) -> Iterator[int]:
        """Partitions on which a run is yet to be ended by time-out."""
        if not self._schedule.timed:
            return
        for partition, records in self._watch.events.items():
            types = [CODEC.type_of(record.headers) for record in reversed(records)]
            decided = next((n for n, one in enumerate(types) if one is RunClose), len(types))
            spoken = next((n for n, one in enumerate(types) if one in _WAKES), len(types))
            if decided > spoken:
                yield partition

    async def _projections(self, truth: Truth) -> list[str]:
        """What is made of the log must become, and then is, what the log says."""
        expected = await asyncio.to_thread(expected_reports, truth)
        url = f"sqlite:///{self._stage.folder / 'store.sqlite'}"
        wrong = ["nothing was looked at"]
        still = _Standstill(self._patience)
        while wrong and not still.is_over((self._watch.heard, self._stage.lives, wrong)):
            wrong = list(wrong_reports(truth, expected))
            wrong += await asyncio.to_thread(lambda: list(wrong_store(truth, url)))
            if not wrong:
                wrong += await self._wrong_answers(truth)
            await asyncio.sleep(0.1)
        return [f"{still}: {sentence}" for sentence in wrong[:10]]

    async def _wrong_answers(self, truth: Truth) -> list[str]:
        try:
            return await wrong_answers(truth, self._url)
        except httpx.TransportError as error:
            # It may be about to start again: the last harm can be just before the end.
            return [f"gateway: no answer: {error!r}"]


class _Standstill:
    """How long a state has been the same, and how long it was looked at."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._began = self._since = time.monotonic()
        self._state: object = None

    def __str__(self) -> str:
        return f"after {time.monotonic() - self._began:.0f} s"

    def is_over(self, state: object) -> bool:
        """Whether it stands still for too long, or moves for ever without an end."""
        now = time.monotonic()
        if state != self._state:
            self._state, self._since = state, now
        return now - self._since > self._patience or now - self._began > _MOST * self._patience


def _hashes(truth: Truth) -> dict[str, str]:
    """Of on-time and late contents together: which is which may differ between two takes."""
    found = {}
    for one in truth.merged:
        contents = one.contents.copy()
        if one.late is not None:
            contents.add(one.late, same_lumisection=True)
        values = sorted((index, scalar.value) for index, scalar in contents.scalars.items())
        what = (contents.cells.tobytes(), values, sorted(contents.invalid.items()))
        found[f"{one.key.workspace} {one.key.lumisection}"] = content_hash(what)
    return found
