"""What all faults have: a schedule, a text form, and what they are made of."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from dqmstream.errors import ConfigurationError

__all__ = ["NUMBER", "SOURCE_NAME", "Fault", "SourceFault", "checked_range", "number"]

NUMBER = r"[0-9]+(?:\.[0-9]+)?"
"""A number without sign in a text form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(ABC):
    """Something broken from `first_lumisection` to `last_lumisection`.

    Parameters
    ----------
    first_lumisection, last_lumisection
        When, both included; None: to the end of the run.

    Raises
    ------
    ConfigurationError
        If the lumisections are not in order.
    """

    first_lumisection: int = 1
    last_lumisection: int | None = None

    kind: ClassVar[str]
    form: ClassVar[str]
    """How its text is written, for messages."""
    pattern: ClassVar[re.Pattern[str]]
    """What stands between kind and schedule: groups are named as the parameters."""

    def __post_init__(self) -> None:
        first, last = self.first_lumisection, self.last_lumisection
        if first < 1 or (last is not None and last < first):
            msg = (
                f"lumisections {first} to {last}: expected a first from 1 on "
                "and a last not before it"
            )
            raise ConfigurationError(msg)

    def active(self, lumisection: int) -> bool:
        """Whether it is there in that lumisection."""
        last = self.last_lumisection
        return self.first_lumisection <= lumisection and (last is None or lumisection <= last)

    def within(self, lumisections: int) -> tuple[int, int] | None:
        """First and last LS that have it in a run of so many; None if it comes after the end."""
        last = lumisections if self.last_lumisection is None else self.last_lumisection
        found = (self.first_lumisection, min(last, lumisections))
        return found if found[0] <= found[1] else None

    def __str__(self) -> str:
        last = "" if self.last_lumisection is None else str(self.last_lumisection)
        return f"{self.kind}{self._what()}@{self.first_lumisection}-{last}"

    @abstractmethod
    def _what(self) -> str:
        """The text between kind and schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFault(Fault):
    """Something wrong with a source of the run: its events are good, what becomes of them is not.

    Parameters
    ----------
    source
        Name of the source.
    """

    source: str

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not re.fullmatch(SOURCE_NAME, self.source):
            msg = f"source {self.source!r}: expected letters, digits, '_' and '-'"
            raise ConfigurationError(msg)


SOURCE_NAME = r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*"
"""Names of sources, in settings of scenarios and texts of faults."""


def number(value: float) -> str:
    """A number as short as it reads back to the same."""
    text = repr(float(value))
    if "e" in text:
        text = f"{value:.12f}".rstrip("0")
    return text.removesuffix(".0").removesuffix(".")


def checked_range(name: str, value: float, lower: float, upper: float, expected: str) -> None:
    """Raise a ConfigurationError unless lower <= value <= upper."""
    if not lower <= value <= upper:
        msg = f"{name} {value}: expected {expected}"
        raise ConfigurationError(msg)
