"""Versions of all layouts as a pure fold over the records of `dqm.configuration`.

A layout is a kind of configuration of its own, `layout/NAME`: its text is the layout as JSON, or
empty where it was deleted. Of two versions of one number the one that is first in the log counts:
so of two people who change the same version at the same moment, through whichever gateways, one
is told that the other was first, and every reader says the same.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.messages.configuration import ConfigurationVersion

__all__ = [
    "MOST_BYTES",
    "MOST_NAMES",
    "MOST_VERSIONS",
    "LayoutConflictError",
    "LayoutVersions",
    "NoLayoutError",
    "is_deleted",
    "key_of",
    "name_of",
    "says_the_same",
]

_PREFIX: Final = "layout/"

MOST_VERSIONS: Final = 50
"""Of one layout; the oldest go."""
MOST_NAMES: Final = 500
"""Of layouts; those go that were deleted longest ago."""
MOST_BYTES: Final = 64 << 20
"""Of all texts; the oldest versions go that are not the newest of their layout."""
_REFUSED_KEPT: Final = 1_000


class LayoutConflictError(ConfigurationError):
    """Somebody else was first: `newest` is the version that stands, None for a shipped layout."""

    def __init__(self, message: str, newest: ConfigurationVersion | None) -> None:
        super().__init__(message)
        self.newest = newest


class NoLayoutError(ConfigurationError):
    """There is no layout, or no version, of that name."""


def name_of(version: ConfigurationVersion) -> str | None:
    """Name of the layout; None if it is another kind of configuration."""
    return version.kind.removeprefix(_PREFIX) if version.kind.startswith(_PREFIX) else None


def key_of(version: ConfigurationVersion) -> str:
    """Key of the record. The moment is in it: equal texts of one number are two records."""
    return f"{version.kind}/{version.number}/{version.hash}/{version.when}"


def is_deleted(version: ConfigurationVersion) -> bool:
    """Whether it says that there is no such layout."""
    return not version.text and version.restores is None


def says_the_same(one: ConfigurationVersion, other: ConfigurationVersion) -> bool:
    """Whether two versions are one change that was asked for twice: of one number, which follows
    the same version, by the same person, with the same contents. When and why may differ."""
    return replace(one, when=other.when, why=other.why) == other


class LayoutVersions:
    """Versions of layouts, by name; fed with records in the order of the log."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, ConfigurationVersion]] = {}
        self._refused: dict[str, tuple[str, int]] = {}
        self.bytes = 0
        """Of all texts, about."""
        self.changes = 0
        """Rises with all that changes an answer."""

    @property
    def names(self) -> Sequence[str]:
        """Of all layouts of which there are versions, deleted ones among them; sorted."""
        return sorted(self._versions)

    def of(self, name: str) -> Sequence[ConfigurationVersion]:
        """Versions of a layout that are kept, the oldest first."""
        found = self._versions.get(name, {})
        return [found[number] for number in sorted(found)]

    def newest(self, name: str) -> ConfigurationVersion | None:
        """The last version of a layout; None if there never was one."""
        found = self._versions.get(name)
        return found[max(found)] if found else None

    def get(self, name: str, number: int) -> ConfigurationVersion | None:
        """One version; None if it is not kept, or never was."""
        return self._versions.get(name, {}).get(number)

    def take(self, version: ConfigurationVersion) -> bool:
        """Add what the log says; whether it counts.

        A number that is not above the last one has come before, or lost against another.
        """
        name = name_of(version)
        if name is None:
            return False
        newest = self.newest(name)
        if newest is not None and version.number <= newest.number:
            if version != self.get(name, version.number):
                self._refuse(name, version)
            return False
        self._versions.setdefault(name, {})[version.number] = version
        self.bytes += len(version.text)
        self.changes += 1
        return True

    def drop(self, key: str) -> bool:
        """Forget the version of a key, whose record is no more; whether there was one."""
        self._refused.pop(key, None)
        name = key.removeprefix(_PREFIX).rsplit("/", 3)[0]
        found = self._versions.get(name, {})
        version = next((one for one in found.values() if key_of(one) == key), None)
        if version is None:
            return False
        del found[version.number]
        if not found:
            del self._versions[name]
        self.bytes -= len(version.text)
        self.changes += 1
        return True

    # -------------------------------------------------------------- what comes next

    def put(
        self,
        name: str,
        text: str,
        *,
        who: str,
        why: str,
        when: int,
        based_on: int | None,
        shipped: bool = False,
    ) -> ConfigurationVersion:
        """The version that holds a text; the newest itself if it says the same.

        Parameters
        ----------
        based_on
            Number of the version that was changed, 0 for the shipped one; None if there should be
            none.
        shipped
            Whether a layout of this name is shipped.

        Raises
        ------
        LayoutConflictError
            If the newest version is another one.
        """
        newest = self.newest(name)
        if newest is not None and newest.text == text:
            return newest
        is_gone = is_deleted(newest) if newest is not None else not shipped
        if not (based_on is None and is_gone):
            self._check_base(name, based_on, newest)
        return self._next(name, text, who=who, why=why, when=when)

    def deleted(
        self, name: str, *, who: str, why: str, when: int, based_on: int, shipped: bool = False
    ) -> ConfigurationVersion:
        """The version that says that a layout is no more.

        Raises
        ------
        LayoutConflictError
            If the newest version is another one; NoLayoutError if there is nothing to delete.
        """
        newest = self.newest(name)
        if (newest is None and not shipped) or (newest is not None and is_deleted(newest)):
            msg = f"no layout {name!r} to delete"
            raise NoLayoutError(msg)
        self._check_base(name, based_on, newest)
        return self._next(name, "", who=who, why=why, when=when)

    def restored(
        self, name: str, to: int, *, who: str, why: str, when: int, shipped: bool = False
    ) -> ConfigurationVersion:
        """The version with what an earlier one held; 0 stands for what is shipped.

        Raises
        ------
        NoLayoutError
            If there is no such version, or it held nothing.
        LayoutConflictError
            If that stands already.
        """
        newest = self.newest(name)
        if newest is None:
            msg = f"no layout {name!r} was ever written: there is nothing to restore"
            raise NoLayoutError(msg)
        if to == 0:
            if not shipped:
                msg = f"layout {name!r} is not a shipped one: it has no version 0"
                raise NoLayoutError(msg)
            if newest.restores == 0:
                msg = f"layout {name!r}: what is shipped stands already"
                raise LayoutConflictError(msg, newest)
            return self._next(name, "", who=who, why=why, when=when, restores=0)
        found = self.get(name, to)
        if found is None or is_deleted(found):
            kept = [str(one.number) for one in self.of(name) if not is_deleted(one)]
            what = "deleted it" if found is not None else "is not kept, or never was"
            msg = f"layout {name!r}: version {to} {what}; there are: {', '.join(kept) or 'none'}"
            raise NoLayoutError(msg)
        if (found.text, found.restores == 0) == (newest.text, newest.restores == 0):
            msg = f"layout {name!r}: version {newest.number}, which stands, says the same as {to}"
            raise LayoutConflictError(msg, newest)
        origin = to if found.restores is None else found.restores
        return self._next(name, found.text, who=who, why=why, when=when, restores=origin)

    def in_excess(self, version: ConfigurationVersion) -> Sequence[str]:
        """Keys of the records that have to go for a version that comes, the oldest first.

        Raises
        ------
        ConfigurationError
            If there is no room even without them.
        """
        name = name_of(version) or ""
        going: dict[str, int] = {}
        of_name = [*self.of(name), version]
        for old in of_name[: max(0, len(of_name) - MOST_VERSIONS)]:
            going[key_of(old)] = len(old.text)
        if name not in self._versions and len(self._versions) >= MOST_NAMES:
            for old in self._deleted_longest_ago():
                going[key_of(old)] = len(old.text)
        room = MOST_BYTES - self.bytes - len(version.text) + sum(going.values())
        for old in self._by_age(now=name) if room < 0 else ():
            if room >= 0:
                break
            if going.setdefault(key_of(old), len(old.text)):
                room += len(old.text)
        if room < 0:
            msg = f"layouts take {self.bytes} bytes, expected at most {MOST_BYTES}: delete some"
            raise ConfigurationError(msg)
        lost = [key for key, (of, _) in self._refused.items() if of == name]
        return [*going, *lost]

    # -------------------------------------------------------------- inside

    def _refuse(self, name: str, version: ConfigurationVersion) -> None:
        self._refused[key_of(version)] = name, version.number
        while len(self._refused) > _REFUSED_KEPT:
            del self._refused[next(iter(self._refused))]

    def _check_base(
        self, name: str, based_on: int | None, newest: ConfigurationVersion | None
    ) -> None:
        number = 0 if newest is None else newest.number
        if based_on == number:
            return
        what = "no layout of that name" if based_on is None else f"version {based_on}"
        if newest is None:
            stands = "none was ever written" if based_on else "a shipped one is there"
        else:
            said = "deleted" if is_deleted(newest) else "written"
            stands = f"version {number} was {said} by {newest.who}: {newest.why}"
        msg = f"layout {name!r}: your change is based on {what}, but {stands}"
        raise LayoutConflictError(msg, newest)

    def _deleted_longest_ago(self) -> Sequence[ConfigurationVersion]:
        gone = {
            name: last
            for name in self._versions
            if (last := self.newest(name)) is not None and is_deleted(last)
        }
        if not gone:
            msg = f"there are {len(self._versions)} layouts, expected at most {MOST_NAMES}"
            raise ConfigurationError(msg)
        return self.of(min(gone, key=lambda name: (gone[name].when, name)))

    def _by_age(self, *, now: str) -> Sequence[ConfigurationVersion]:
        """Versions that are not the newest of their layout; of one that is written now, all."""
        found: list[ConfigurationVersion] = []
        for name in self._versions:
            versions = self.of(name)
            found += versions if name == now else versions[:-1]
        return sorted(found, key=lambda one: (one.when, one.kind, one.number))

    def _next(
        self,
        name: str,
        text: str,
        *,
        who: str,
        why: str,
        when: int,
        restores: int | None = None,
    ) -> ConfigurationVersion:
        newest = self.newest(name)
        return ConfigurationVersion(
            kind=f"{_PREFIX}{name}",
            number=1 if newest is None else newest.number + 1,
            text=text,
            hash=content_hash(text),
            who=who,
            why=why,
            when=when,
            restores=restores,
        )
