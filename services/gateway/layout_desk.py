"""The desk of layouts: which there are, in versions, and who writes the next."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError
from dqmstream.histograms.layout import Layout as BufferLayout
from dqmstream.layouts.check import read_layout, written
from dqmstream.layouts.layout import Layout
from dqmstream.layouts.versions import (
    LayoutConflictError,
    LayoutVersions,
    NoLayoutError,
    is_deleted,
    key_of,
    name_of,
    says_the_same,
)
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.topics import CONFIGURATION
from dqmstream.transport.log import Log, Outgoing
from services.configuration.known import KnownVersions, version_records
from services.gateway.followed_versions import FollowedVersions
from services.gateway.limits import ByteBudget
from services.gateway.patience import write_in_turn
from services.gateway.problems import ProblemError, not_found
from services.gateway.shown_layout import Shown, shown_as_shipped, version_facts

__all__ = ["LayoutDesk"]

_PATIENCE: Final = 20.0
_HELD: Final = 16 << 20
_HELD_EACH: Final = 8 << 20

Booked = Callable[[], Awaitable[Sequence[BufferLayout]]]


class LayoutDesk:
    """Versions of layouts as this gateway knows them, and the one who writes them.

    Parameters
    ----------
    log
        Where versions and decisions are published.
    booked
        What is booked in each workspace, of which shipped layouts are made.
    """

    def __init__(self, log: Log, clock: Clock, booked: Booked) -> None:
        self._log = log
        self._clock = clock
        self._booked = booked
        self._versions = LayoutVersions()
        self._followed = FollowedVersions(KnownVersions(log, self._take, "gateway"))
        self._writing = asyncio.Lock()
        self._shipped: dict[str, Shown] = {}
        self._made_of: tuple[str, ...] = ()
        self._contents: dict[str, Shown] = {}
        self.budget = ByteBudget(_HELD, _HELD_EACH)
        """Of bodies that are read."""

    async def run(self) -> None:
        """Follow the versions, for ever."""
        await self._followed.run()

    # ---------------------------------------------------------------- what there is

    async def all(self) -> Sequence[Shown]:
        """The layouts that stand: shipped ones first, the others by name."""
        await self._followed.read()
        shipped = await self.shipped()
        names = [*shipped, *(one for one in self._versions.names if one not in shipped)]
        found = [await self._standing(name, shipped) for name in names]
        return [one for one in found if one is not None]

    async def show(self, name: str, number: int | None) -> Shown:
        """A layout as it stands, or one of its versions; ProblemError 404 without it."""
        await self._followed.read()
        shipped = await self.shipped()
        if number is None:
            found = await self._standing(name, shipped)
            if found is not None:
                return found
            newest = self._versions.newest(name)
            raise not_found(_absent(name, newest))
        if number == 0:
            if name not in shipped:
                msg = f"layout {name!r} is not a shipped one: it has no version 0"
                raise not_found(msg)
            return shipped[name]
        version = self._versions.get(name, number)
        found = None if version is None else await self._content(name, version, shipped)
        if found is None:
            kept = ", ".join(str(one.number) for one in self._versions.of(name)) or "none"
            what = "holds no layout" if version is not None else "is not kept, or never was"
            msg = f"layout {name!r}: version {number} {what}; there are: {kept}"
            raise not_found(msg)
        return found

    async def versions(self, name: str) -> Sequence[ConfigurationVersion]:
        """Versions of a layout, the newest first; ProblemError 404 if nobody knows the name."""
        await self._followed.read()
        found = self._versions.of(name)
        if not found and name not in await self.shipped():
            raise not_found(_absent(name, None))
        return found[::-1]

    async def number(self, name: str) -> int:
        """Number of the newest version of a layout, 0 if none was ever written."""
        await self._followed.read()
        newest = self._versions.newest(name)
        return 0 if newest is None else newest.number

    async def shipped(self) -> Mapping[str, Shown]:
        """Layouts made of what is booked now."""
        booked = await self._booked()
        hashes = tuple(one.hash for one in booked)
        if hashes != self._made_of:
            self._shipped = await asyncio.to_thread(
                shown_as_shipped, [one.booking for one in booked]
            )
            self._made_of = hashes
        return self._shipped

    # ---------------------------------------------------------------- what is written

    async def put(self, layout: Layout, *, based_on: int | None, who: str, why: str) -> Shown:
        """Write the next version of a layout, checked before.

        Raises
        ------
        ProblemError
            409 if it was changed meanwhile, 413 if there is no room, 503 without a log.
        """
        text, name = written(layout), layout.name

        def version(shipped: Mapping[str, Shown]) -> ConfigurationVersion:
            return self._versions.put(
                name,
                text,
                who=who,
                why=why,
                when=self._clock.wall(),
                based_on=based_on,
                shipped=name in shipped,
            )

        found = await self._write("put", version)
        return Shown(layout, found, found.hash)

    async def delete(self, name: str, *, based_on: int, who: str, why: str) -> ConfigurationVersion:
        """Write that a layout is no more; ProblemError as for `put`, 404 if there is none."""

        def version(shipped: Mapping[str, Shown]) -> ConfigurationVersion:
            return self._versions.deleted(
                name,
                who=who,
                why=why,
                when=self._clock.wall(),
                based_on=based_on,
                shipped=name in shipped,
            )

        return await self._write("delete", version)

    async def restore(self, name: str, to: int, *, who: str, why: str) -> Shown:
        """Write a version with what an earlier one held; ProblemError 404 if there is none."""

        def version(shipped: Mapping[str, Shown]) -> ConfigurationVersion:
            return self._versions.restored(
                name, to, who=who, why=why, when=self._clock.wall(), shipped=name in shipped
            )

        written_ = await self._write("restore", version)
        return await self.show(name, written_.number)

    async def _write(
        self, action: str, version_of: Callable[[Mapping[str, Shown]], ConfigurationVersion]
    ) -> ConfigurationVersion:
        async with self._writing:
            await self._followed.read()
            shipped = await self.shipped()
            try:
                version = version_of(shipped)
                name = name_of(version) or ""
                if version == self._versions.newest(name):
                    return version
                excess = self._versions.in_excess(version)
            except LayoutConflictError as error:
                raise _conflict(str(error), error.newest) from error
            except NoLayoutError as error:
                raise not_found(str(error)) from error
            except ConfigurationError as error:
                raise ProblemError(413, str(error)) from error
            # Who decided first: no version stands without it, whatever dies in between.
            await write_in_turn(
                self._log, version_records(version, action, key_of(version)), _PATIENCE
            )
            await self._followed.until(lambda: self._reached(name, version.number))
            stands = self._versions.get(name, version.number)
            if stands is not None and stands != version and says_the_same(stands, version):
                # Asked again: what came of the first time was not known then, and is there now.
                await write_in_turn(self._log, [_gone(key_of(version))], _PATIENCE)
            elif stands != version:
                lost, _ = version_records(version, "lost", key_of(version))
                await write_in_turn(self._log, [lost, _gone(key_of(version))], _PATIENCE)
                msg = f"layout {name!r}: somebody else was first, at the same moment"
                raise _conflict(msg, self._versions.newest(name))
            await write_in_turn(self._log, map(_gone, excess), _PATIENCE)
            return stands

    # ---------------------------------------------------------------- inside

    def _reached(self, name: str, number: int) -> bool:
        newest = self._versions.newest(name)
        return newest is not None and newest.number >= number

    def _take(self, key: str, version: ConfigurationVersion | None) -> bool:
        if version is not None:
            return self._versions.take(version)
        self._contents.pop(key, None)
        return self._versions.drop(key)

    async def _standing(self, name: str, shipped: Mapping[str, Shown]) -> Shown | None:
        """What stands; of versions that this release cannot read any more the newest it can."""
        newest = self._versions.newest(name)
        if newest is None:
            return shipped.get(name)
        if is_deleted(newest):
            return None
        for version in reversed(self._versions.of(name)):
            if (found := await self._content(name, version, shipped)) is not None:
                return found
        return None

    async def _content(
        self, name: str, version: ConfigurationVersion, shipped: Mapping[str, Shown]
    ) -> Shown | None:
        """What a version holds; None if nothing that can be read."""
        if version.restores == 0:
            return shipped[name]._replace(version=version) if name in shipped else None
        if not version.text:
            return None
        key = key_of(version)
        if key not in self._contents:
            try:
                layout = await asyncio.to_thread(read_layout, version.text, f"layout {name!r}")
            except ConfigurationError:
                return None
            self._contents[key] = Shown(layout, version, version.hash)
        return self._contents[key]


def _conflict(detail: str, newest: ConfigurationVersion | None) -> ProblemError:
    """409, with the version that stands: 0 for a shipped one."""
    facts = version_facts(newest)
    deleted = newest is not None and is_deleted(newest)
    number = 0 if newest is None else newest.number
    return ProblemError(
        409, detail, more={"newest": {"number": number, **facts, "deleted": deleted}}
    )


def _absent(name: str, newest: ConfigurationVersion | None) -> str:
    if newest is None:
        return f"no layout {name!r}"
    return (
        f"no layout {name!r}: {newest.who} deleted it ({newest.why}); its versions can be restored"
    )


def _gone(key: str) -> Outgoing:
    return Outgoing(topic=CONFIGURATION, partition=0, key=key.encode(), value=None)
