"""The desk of posted workspaces: which there are, what others would show and cost, who writes
the next version."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dqmstream.clock import Clock
from dqmstream.configuration.history import History
from dqmstream.configuration.workspaces_by_run import WorkspacesByRun, kind_of_workspace
from dqmstream.errors import BookingError, ConfigurationError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from dqmstream.workspaces.trial import SampleChunk, Tried, try_workspace
from services.configuration.known import version_records
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.patience import HARMLESS, LOOK_FIRST, log_within, write_in_turn
from services.gateway.problems import ProblemError, not_found
from services.runs_begun import Begun, begun
from services.workspaces.generation_set import posted_booking
from services.workspaces.known import KnownWorkspaces
from services.workspaces.limits import PostedLimits, check_place
from services.workspaces.sample import newest_events

__all__ = ["PostedDesk"]

_PATIENCE: Final = 30.0
_TRY_SECONDS: Final = 10.0


class PostedDesk:
    """Versions of posted workspaces as this gateway knows them, and the one who writes them.

    Parameters
    ----------
    log
        Where versions and decisions are published, and events are.
    view, desk
        What is booked, and where it may be asked.
    limits
        What they may cost.
    """

    def __init__(
        self, log: Log, clock: Clock, view: LiveView, desk: Desk, limits: PostedLimits
    ) -> None:
        self._log = log
        self._clock = clock
        self._view = view
        self._desk = desk
        self._limits = limits
        self._known = KnownWorkspaces(log, "gateway", clock)
        self._read = asyncio.Event()
        self._writing = asyncio.Lock()
        self._trying = asyncio.Lock()

    async def run(self) -> None:
        """Follow the versions, for ever."""
        async with self._known.reading():
            self._read.set()
            await self._known.follow()

    async def by_run(self) -> WorkspacesByRun:
        """All that was posted; ProblemError 503 if it is not read yet."""
        async with log_within(_PATIENCE):
            await self._read.wait()
        return self._known.by_run

    async def history(self, name: str) -> History:
        """Versions of one; ProblemError 404 if it was never posted."""
        found = (await self.by_run()).histories.get(name)
        if found is None:
            known = ", ".join((await self.by_run()).histories) or "none"
            detail = f"no workspace {name!r} was ever posted; there are: {known}"
            raise not_found(detail)
        return found

    async def followed(self) -> list[dict[str, Any]]:
        """By which generation each process goes that fills them; from heartbeats."""

        def told() -> list[dict[str, Any]]:
            return [
                {
                    "process": beat.heartbeat.process,
                    "state": beat.state,
                    "generation": beat.heartbeat.counts.get("generation", 0),
                    "refused": beat.heartbeat.counts.get("refused", 0),
                }
                for beat in self._view.pulse.beats(self._clock.wall())
                if beat.heartbeat.service == "posted"
            ]

        return await self._desk.ask(told)

    # ------------------------------------------------------------------- tried

    async def dry_run(self, text: str) -> tuple[Tried, str]:
        """What a text would show and cost on the newest events; and why it cannot be activated,
        empty if it can.

        Raises
        ------
        ProblemError
            422 if it cannot be read; 503 if another is tried, or without a log.
        """
        booking = await self._booking(text)
        tried = await self._tried(booking)
        try:
            await self._check(booking, tried, unmeasured=False)
        except BookingError as error:
            return tried, str(error)
        return tried, ""

    async def activate(
        self, text: str, who: str, why: str, *, unmeasured: bool
    ) -> ConfigurationVersion:
        """Put a workspace in force, from the next run on.

        Raises
        ------
        ProblemError
            422 if it cannot be read, or costs more than it may; 409 if somebody else has put it in
            force, or for another reason; 503 if another is tried, or without a log.
        """
        booking = await self._booking(text)
        tried = await self._tried(booking)
        try:
            notes = await self._check(booking, tried, unmeasured=unmeasured)
        except BookingError as error:
            raise ProblemError(422, str(error)) from error

        def version(history: History, when: int) -> ConfigurationVersion:
            if (again := history.asked_again(who=who, why=why, text=text)) is not None:
                return again
            made = history.next_version(text, who=who, why=why, when=when)
            return msgspec.structs.replace(made, notes=notes)

        return await self._write("activate", booking.workspace, version)

    async def roll_back(
        self, name: str, to: int | None, who: str, why: str
    ) -> ConfigurationVersion:
        """Put what was in force before in force again, from the next run on.

        Raises
        ------
        ProblemError
            404 if it was never posted; 409 if there is no such version, or it cannot be read any
            more, or none is in force and this one is over a budget; 503 without a log.
        """
        await self.history(name)
        others = _others(await self.by_run(), name)

        def version(history: History, when: int) -> ConfigurationVersion:
            if (again := history.asked_again(who=who, why=why, to=to)) is not None:
                return again
            made = history.rolled_back(to=to, who=who, why=why, when=when)
            if not made.text:
                return made
            posted_booking(made.text, f"version {made.restores}")
            origin = history.get(made.restores or 0)
            if origin is not None and history.active is None:
                self._limits.check_again(name, origin, others)
            return msgspec.structs.replace(made, notes=origin.notes if origin else {})

        return await self._write(
            "rollback", name, version, HARMLESS if to is not None else LOOK_FIRST
        )

    # ------------------------------------------------------------------ inside

    async def _booking(self, text: str) -> Booking:
        try:
            return await asyncio.to_thread(posted_booking, text, "the workspace")
        except BookingError as error:
            raise ProblemError(422, str(error)) from error

    async def _tried(self, booking: Booking) -> Tried:
        # Before anything of its size is made.
        try:
            self._limits.memory.check(booking)
        except BookingError as error:
            raise ProblemError(422, str(error)) from error
        if self._trying.locked():
            detail = "another workspace is being tried: ask again"
            raise ProblemError(503, detail, {"retry-after": "2"})
        async with self._trying:
            async with log_within(_PATIENCE):
                sample = await newest_events(self._log)
            return await asyncio.to_thread(_try, booking, sample)

    async def _check(self, booking: Booking, tried: Tried, *, unmeasured: bool) -> dict[str, str]:
        by_run = await self.by_run()
        layouts = await self._desk.ask(self._booked)
        await asyncio.to_thread(check_place, booking, layouts, by_run.histories)
        others = _others(by_run, booking.workspace)
        return self._limits.check(tried, others, unmeasured=unmeasured)

    def _booked(self) -> Sequence[Layout]:
        catalogue = self._view.catalogue
        found = (catalogue.newest(name) for name in catalogue.workspaces())
        return [layout for layout in found if layout is not None]

    async def _write(
        self,
        action: str,
        name: str,
        version_of: Callable[[History, int], ConfigurationVersion],
        advice: str = HARMLESS,
    ) -> ConfigurationVersion:
        async with self._writing:
            by_run = await self.by_run()
            history = by_run.histories.get(name) or History(kind_of_workspace(name))
            try:
                made = await asyncio.to_thread(version_of, history, self._clock.wall())
            except (ConfigurationError, BookingError) as error:
                raise ProblemError(409, str(error)) from error
            if made in history.versions:
                return made
            async with log_within(_PATIENCE):
                found: Begun = await begun(self._log)
                version = msgspec.structs.replace(made, after_run=found.run, starts=found.ends)
                # No key comes twice, as of two gateways that write at once: compaction would keep
                # the later record, and where the first stands decides.
                key = f"{version.kind}/{version.number}/{version.hash}/{version.when}"
            await write_in_turn(self._log, version_records(version, action, key), _PATIENCE, advice)
            async with log_within(_PATIENCE, advice):
                while not _has(by_run.histories, name, version):
                    await self._known.changed(1.0)
            return version


def _others(by_run: WorkspacesByRun, name: str) -> dict[str, ConfigurationVersion]:
    """The versions in force of other workspaces."""
    return {
        other: history.active
        for other, history in by_run.histories.items()
        if history.active is not None and other != name
    }


def _has(histories: Mapping[str, History], name: str, version: ConfigurationVersion) -> bool:
    return name in histories and version in histories[name].versions


def _try(booking: Booking, sample: Sequence[SampleChunk]) -> Tried:
    return try_workspace(booking, sample, clock=time.thread_time, most_seconds=_TRY_SECONDS)
