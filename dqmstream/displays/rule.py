"""Rules by which events are picked: `every:50`, `path:HLT_*Muon*`, `rare`, each `@` its rate."""

import math
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from dqmstream.errors import ConfigurationError

__all__ = ["Rule", "parse_rule"]

_FORM: Final = re.compile(r"(?P<kind>every|path|rare)(?::(?P<of>[^@]+))?(?:@(?P<rate>[^@]+))?")
_PATTERN: Final = re.compile(r"[\w*?]{1,120}", re.ASCII)
_MOST_EVERY: Final = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule.

    Parameters
    ----------
    text
        As it was written: how messages name it.
    kind
        `every`: each `every`-th event; `path`: events that passed a trigger path that `pattern`
        matches; `rare`: events such as few of the run were. All of those that were looked at and
        have something to draw.
    rate
        Events a second it may pick; None leaves it to the rate of all rules together.
    """

    text: str
    kind: Literal["every", "path", "rare"]
    every: int = 1
    pattern: str = ""
    rate: float | None = None

    def matches(self, path: str) -> bool:
        """Whether the rule asks for events that passed this trigger path."""
        return fnmatchcase(path, self.pattern)


def parse_rule(text: str) -> Rule:
    """The rule that a text means.

    Raises
    ------
    ConfigurationError
        If it means none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        msg = (
            f"display rule {text!r}: expected every:N, path:GLOB or rare, and at will @ with "
            "events a second, as path:HLT_*Muon*@0.2"
        )
        raise ConfigurationError(msg)
    kind, of, rate = found["kind"], found["of"], _rate(text, found["rate"])
    if kind == "rare":
        if of is not None:
            msg = f"display rule {text!r}: rare takes nothing after a colon, got {of!r}"
            raise ConfigurationError(msg)
        return Rule(text=text, kind="rare", rate=rate)
    if kind == "path":
        if of is None or not _PATTERN.fullmatch(of):
            msg = f"display rule {text!r}: expected a path of letters, digits, _, * and ?"
            raise ConfigurationError(msg)
        return Rule(text=text, kind="path", pattern=of, rate=rate)
    if of is None or not (of.isascii() and of.isdigit() and 1 <= int(of) <= _MOST_EVERY):
        msg = f"display rule {text!r}: expected a whole number from 1 to {_MOST_EVERY} after every:"
        raise ConfigurationError(msg)
    return Rule(text=text, kind="every", every=int(of), rate=rate)


def _rate(text: str, written: str | None) -> float | None:
    if written is None:
        return None
    try:
        rate = float(written)
    except ValueError:
        rate = math.nan
    if not 1e-4 <= rate <= 1e3:  # and so it is a number
        msg = f"display rule {text!r}: rate {written!r}, expected 0.0001 to 1000 events a second"
        raise ConfigurationError(msg)
    return rate
