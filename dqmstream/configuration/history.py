"""The history of one kind of configuration: which version is in force, and which was before.

Versions are only ever added. The order in which they are read, and how often, changes nothing.
"""

from collections.abc import Sequence
from typing import Final

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.messages.configuration import ConfigurationVersion

__all__ = ["ALARM_RULES", "LARGEST", "NOTIFICATIONS", "QUALITY_TESTS", "History"]

QUALITY_TESTS: Final = "quality_tests"
"""The kind whose text is a file of quality tests."""
ALARM_RULES: Final = "alarm_rules"
"""The kind whose text is a file of what holds for all alarms."""
NOTIFICATIONS: Final = "notifications"
"""The kind whose text says who is told of which alarms: receivers and subscriptions."""
LARGEST: Final = 1 << 20
"""Characters of a text."""


class History:
    """Versions of one kind.

    Parameters
    ----------
    kind
        Versions of others are not taken.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._versions: dict[tuple[int, int, str], ConfigurationVersion] = {}

    @property
    def versions(self) -> Sequence[ConfigurationVersion]:
        """All of them, the oldest first."""
        return [self._versions[key] for key in sorted(self._versions)]

    @property
    def active(self) -> ConfigurationVersion | None:
        """The version in force; None for what processes were started with."""
        last = self._last
        return None if last is None or last.restores == 0 else last

    @property
    def number(self) -> int:
        """Of the last version; 0 if there is none."""
        return 0 if self._last is None else self._last.number

    def take(self, version: ConfigurationVersion) -> bool:
        """Add a version; whether it is of this kind and new."""
        key = version.number, version.when, version.hash
        if version.kind != self.kind or key in self._versions:
            return False
        self._versions[key] = version
        return True

    def get(self, number: int) -> ConfigurationVersion | None:
        """The version of a number; of two that were made at the same moment the later."""
        found = [one for one in self.versions if one.number == number]
        return found[-1] if found else None

    def next_version(self, text: str, *, who: str, why: str, when: int) -> ConfigurationVersion:
        """What puts a text in force.

        Raises
        ------
        ConfigurationError
            If it is in force already, or too long.
        """
        if len(text) > LARGEST:
            msg = f"{self.kind}: {len(text)} characters, expected at most {LARGEST}"
            raise ConfigurationError(msg)
        if self.active is not None and self.active.text == text:
            msg = f"{self.kind}: version {self.active.number} in force says the same"
            raise ConfigurationError(msg)
        return self._version(text, who, why, when, None)

    def rolled_back(
        self, *, who: str, why: str, when: int, to: int | None = None
    ) -> ConfigurationVersion:
        """What puts an earlier version in force again.

        Parameters
        ----------
        to
            Its number, 0 for what processes were started with; by default the one that was in
            force before. Rolled back again and again, that goes further back each time.

        Raises
        ------
        ConfigurationError
            If there is none of that number, or nothing to go back from.
        """
        if to is None:
            if not self._standing:
                msg = f"{self.kind}: nothing was ever activated, there is nothing to go back from"
                raise ConfigurationError(msg)
            to = self._before(self._standing)
        if to == 0:
            if not self._standing:
                msg = f"{self.kind}: what processes were started with is in force already"
                raise ConfigurationError(msg)
            return self._version("", who, why, when, 0)
        found = self.get(to)
        if found is None:
            msg = f"{self.kind}: there is no version {to}, the last is {self.number}"
            raise ConfigurationError(msg)
        origin = to if found.restores is None else found.restores
        if origin == self._standing:
            msg = f"{self.kind}: version {origin} is in force already"
            raise ConfigurationError(msg)
        return self._version(found.text, who, why, when, origin)

    def asked_again(
        self, *, who: str, why: str, text: str | None = None, to: int | None = None
    ) -> ConfigurationVersion | None:
        """The last version, if the same person now asks for it once more, for the same reason: who
        was given no answer cannot know that it was made.

        Parameters
        ----------
        text
            What is to be put in force; or else
        to
            the number of what is to be put in force again. Without one it is never known: who goes
            back twice goes further back.
        """
        last = self._last
        if last is None or (last.who, last.why) != (who, why):
            return None
        if text is not None:
            return self.active if last.text == text else None
        found = self.get(to) if to else None
        origin = to if found is None or found.restores is None else found.restores
        return last if origin is not None and last.restores == origin else None

    # ------------------------------------------------------------------ inside

    @property
    def _last(self) -> ConfigurationVersion | None:
        return self._versions[max(self._versions)] if self._versions else None

    @property
    def _standing(self) -> int:
        """Number of the version whose text is in force: of the one restored, if it was."""
        last = self._last
        if last is None:
            return 0
        return last.number if last.restores is None else last.restores

    def _before(self, number: int) -> int:
        """What was in force before the version of that number was first put in force."""
        before = self.get(number - 1)
        if before is None:
            return 0
        return before.number if before.restores is None else before.restores

    def _version(
        self, text: str, who: str, why: str, when: int, restores: int | None
    ) -> ConfigurationVersion:
        return ConfigurationVersion(
            kind=self.kind,
            number=self.number + 1,
            text=text,
            hash=content_hash(text),
            who=who,
            why=why,
            when=when,
            restores=restores,
        )
