"""How long runs are kept, and how finely: lumisection by lumisection, then their sum, then nothing.

Pure: what is to be removed follows from the runs, the policy and the time, and is said before
anything is touched.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from dqmstream.errors import ConfigurationError

__all__ = ["Keep", "Removal", "Retention", "StandingRun", "plan", "read_retention"]

_DAY: Final = 86_400 * 1_000_000_000


class StandingRun(NamedTuple):
    """A run as far as its keeping depends on it.

    `updated` is the wall clock of its newest closed set, nanoseconds since 1970, 0 if unknown;
    `over` once no more of it is expected; `summed` when only its sum is left.
    """

    run: int
    updated: int
    over: bool
    summed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """Which runs are kept: those younger than `days` and the newest `runs`; without either, all."""

    days: float | None = None
    runs: int | None = None

    @property
    def is_for_ever(self) -> bool:
        """Whether nothing limits it."""
        return self.days is None and self.runs is None

    def spares(self, age: float, place: int) -> bool:
        """Whether a run of that age in days, that many newer runs beside it, is kept."""
        young = self.days is not None and age < self.days
        return self.is_for_ever or young or (self.runs is not None and place < self.runs)

    def told(self) -> str:
        """The limits in words."""
        parts = []
        if self.days is not None:
            parts.append(f"younger than {self.days:g} days")
        if self.runs is not None:
            parts.append(f"among the newest {self.runs}")
        return " or ".join(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """The policy.

    Parameters
    ----------
    lumisections
        Which runs keep their contents LS by LS; without a limit all do.
    sums
        Which runs keep at least their sum; without a limit all do.
    pinned
        Runs that stay as they are, as references do.
    """

    lumisections: Keep = field(default_factory=Keep)
    sums: Keep = field(default_factory=Keep)
    pinned: frozenset[int] = frozenset()


class Removal(NamedTuple):
    """What is to be done to a run: keep its sum, or nothing; and why."""

    run: int
    kept: Literal["sum", "nothing"]
    why: str


def plan(runs: Iterable[StandingRun], policy: Retention, now: int) -> tuple[Removal, ...]:
    """What the policy removes now, oldest run first.

    A run that is not over, is pinned, or of an unknown age is left alone.

    Parameters
    ----------
    runs
        All that are stored.
    now
        Wall clock, nanoseconds since 1970.
    """
    newest_first = sorted(runs, key=lambda one: one.run, reverse=True)
    removals = []
    for place, one in enumerate(newest_first):
        if not one.over or one.run in policy.pinned or not one.updated:
            continue
        age = (now - one.updated) / _DAY
        said = f"{age:.1f} days old, {place} newer runs"
        if not policy.sums.spares(age, place):
            why = f"{said}: runs are kept while {policy.sums.told()}"
            removals.append(Removal(one.run, "nothing", why))
        elif not one.summed and not policy.lumisections.spares(age, place):
            why = f"{said}: lumisections are kept while {policy.lumisections.told()}"
            removals.append(Removal(one.run, "sum", why))
    return tuple(reversed(removals))


class _KeepTable(msgspec.Struct, forbid_unknown_fields=True):
    days: Annotated[float, msgspec.Meta(ge=0)] | None = None
    runs: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _PinnedTable(msgspec.Struct, forbid_unknown_fields=True):
    runs: list[int] = []


class _Policy(msgspec.Struct, forbid_unknown_fields=True):
    lumisections: _KeepTable = msgspec.field(default_factory=_KeepTable)
    sums: _KeepTable = msgspec.field(default_factory=_KeepTable)
    pinned: _PinnedTable = msgspec.field(default_factory=_PinnedTable)


def read_retention(file: Path) -> Retention:
    """The policy in a TOML file: tables `lumisections`, `sums` (days, runs), `pinned` (runs).

    Raises
    ------
    ConfigurationError
        If it cannot be read, or says something else.
    """
    try:
        found = msgspec.toml.decode(file.read_bytes(), type=_Policy)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, tomllib.TOMLDecodeError) as error:
        msg = f"retention policy {file}: {error}"
        raise ConfigurationError(msg) from error
    return Retention(
        lumisections=Keep(days=found.lumisections.days, runs=found.lumisections.runs),
        sums=Keep(days=found.sums.days, runs=found.sums.runs),
        pinned=frozenset(found.pinned.runs),
    )
