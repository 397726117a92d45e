"""The desk of one kind of configuration: which versions there are, and who writes the next."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from dqmstream.clock import Clock
from dqmstream.configuration.history import History
from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory, version_records
from services.gateway.followed_versions import FollowedVersions
from services.gateway.patience import HARMLESS, LOOK_FIRST, write_in_turn
from services.gateway.problems import ProblemError

__all__ = ["VersionDesk"]

Read = TypeVar("Read")

_PATIENCE: Final = 20.0


class VersionDesk(Generic[Read]):
    """Versions of one kind as this gateway knows them, and the one who writes them.

    Parameters
    ----------
    log
        Where versions and decisions are published.
    kind
        Of configuration.
    read
        What a text says, from it and its name for messages; raises ConfigurationError. Called in
        a thread.
    """

    def __init__(self, log: Log, kind: str, read: Callable[[str, str], Read], clock: Clock) -> None:
        self._log = log
        self._kind = kind
        self._read_text = read
        self._clock = clock
        self._known = KnownHistory(log, kind, "gateway")
        self._followed = FollowedVersions(self._known)
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Follow the versions, for ever."""
        await self._followed.run()

    async def history(self) -> History:
        """All versions; ProblemError 503 if they are not read yet."""
        await self._followed.read()
        return self._known.history

    async def check(self, text: str) -> Read:
        """What a text says; ProblemError 422 with the first thing wrong."""
        try:
            return await asyncio.to_thread(self._read_text, text, f"the {self._words}")
        except ConfigurationError as error:
            raise ProblemError(422, str(error)) from error

    async def in_force(self, started_with: Read) -> Read:
        """What the newest version says that can be read, as services choose it."""
        for version in reversed((await self.history()).versions):
            if version.restores == 0:
                break
            try:
                return await asyncio.to_thread(
                    self._read_text, version.text, f"version {version.number}"
                )
            except ConfigurationError:
                continue
        return started_with

    async def activate(self, text: str, who: str, why: str) -> ConfigurationVersion:
        """Put a text in force.

        Raises
        ------
        ProblemError
            422 if it cannot be read, 409 if somebody else has put it in force, or for another
            reason, 503 without a log.
        """
        await self.check(text)

        async def version(history: History) -> ConfigurationVersion:
            again = history.asked_again(who=who, why=why, text=text)
            return again or history.next_version(text, who=who, why=why, when=self._clock.wall())

        return await self._write("activate", version)

    async def roll_back(self, to: int | None, who: str, why: str) -> ConfigurationVersion:
        """Put an earlier version in force; ProblemError 409 if there is none, or it cannot be read
        any more, 503 without a log."""

        async def version(history: History) -> ConfigurationVersion:
            if (again := history.asked_again(who=who, why=why, to=to)) is not None:
                return again
            found = history.rolled_back(to=to, who=who, why=why, when=self._clock.wall())
            if found.text:
                name = f"version {found.restores}"
                await asyncio.to_thread(self._read_text, found.text, name)
            return found

        return await self._write("rollback", version, HARMLESS if to is not None else LOOK_FIRST)

    async def _write(
        self,
        action: str,
        version_of: Callable[[History], Awaitable[ConfigurationVersion]],
        advice: str = HARMLESS,
    ) -> ConfigurationVersion:
        async with self._writing:
            history = await self.history()
            try:
                version = await version_of(history)
            except ConfigurationError as error:
                raise ProblemError(409, str(error)) from error
            if version in history.versions:
                return version
            await write_in_turn(self._log, version_records(version, action), _PATIENCE, advice)
            await self._followed.until(lambda: version in history.versions, advice)
            standing = history.get(version.number)
            if standing is not None and standing != version:
                # Two gateways wrote at the same moment, and all go by the later one.
                msg = (
                    f"{self._words}: {standing.who} has put another version {version.number} in "
                    f"force meanwhile: {standing.why}"
                )
                raise ProblemError(409, msg)
            return version

    @property
    def _words(self) -> str:
        return self._kind.replace("_", " ")
