"""Which rows of a table are taken: by trigger paths, by an expression, by prescale."""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns
from dqmstream.booking.expression import EVENT, Node, as_boolean, columns_of
from dqmstream.booking.parse import parse
from dqmstream.booking.program import Failure, Program
from dqmstream.errors import BookingError, ConfigurationError, SourceError
from dqmstream.mixing import mixed

__all__ = ["RowSelection", "TableSelection"]

_ENTRY: Final = re.compile(r"!?[\w*?]+", re.ASCII)

Mask = NDArray[np.bool_]


class TableSelection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Selection at the source, before anything of a row is sent.

    Parameters
    ----------
    paths
        Names of boolean columns with the wildcards `*` and `?`, as `HLT_IsoMu*`; a leading `!`
        negates. A row is taken when **any** entry is met: `NAME` when a matching column is true,
        `!NAME` when all matching ones are false. None: every row.
    expression
        A booking's expression of the columns, as `count(Muon.pt > 20) >= 2`, that must be true
        besides; empty: no such condition.
    prescale
        Keep about one of this many of those; which ones depends on the event number alone.

    Raises
    ------
    ConfigurationError
        If an entry is no name, the expression is none of events or no condition, or the prescale
        is below 1.
    """

    paths: tuple[str, ...] = ()
    expression: str = ""
    prescale: int = 1

    def __post_init__(self) -> None:
        for entry in self.paths:
            if not _ENTRY.fullmatch(entry):
                msg = f"path {entry!r}: expected letters, digits, _, wildcards * ?, leading !"
                raise ConfigurationError(msg)
        if self.prescale < 1:
            msg = f"prescale is {self.prescale}, expected 1 (all events) or more"
            raise ConfigurationError(msg)
        if self.expression:
            self.condition()

    @property
    def takes_all(self) -> bool:
        """Whether every row is kept."""
        return not self.paths and not self.expression and self.prescale == 1

    def condition(self) -> Node:
        """The expression, parsed: a boolean for each event."""
        try:
            node = as_boolean(parse(self.expression))
        except BookingError as error:
            msg = f"selection {self.expression!r}: {error}"
            raise ConfigurationError(msg) from None
        if node.level != EVENT:
            what = f"the objects of {node.level}" if node.level else "nothing"
            msg = f"selection {self.expression!r} is of {what}: expected one of events, as any(...)"
            raise ConfigurationError(msg)
        return node


class RowSelection:
    """A selection resolved to the columns of one table.

    Parameters
    ----------
    selection
        What to take.
    booleans
        Names of all per-event columns of booleans.
    names
        Of all columns, as `required_columns` names them.
    event
        Column of the event number, for the prescale; empty if there is none.

    Raises
    ------
    ConfigurationError
        If a path matches no column, or a column that is needed is not there.
    """

    def __init__(
        self,
        selection: TableSelection,
        booleans: Collection[str],
        names: Collection[str],
        event: str,
    ) -> None:
        self._prescale = selection.prescale
        self._event = event
        self._met: set[str] = set()
        self._failed: list[tuple[str, ...]] = []
        for entry in selection.paths:
            matched = _matching(entry.removeprefix("!"), booleans)
            if not matched:
                msg = f"path {entry!r} matches none of {len(booleans)} columns of booleans"
                raise ConfigurationError(msg)
            if entry.startswith("!"):
                self._failed.append(matched)
            else:
                self._met.update(matched)
        self._program, self._slot = Program(), -1
        self.columns = frozenset(self._met).union(*self._failed)
        """Columns it reads."""
        if selection.expression:
            node = selection.condition()
            self._slot = self._program.add(node, EVENT)
            self.columns |= columns_of(node)
        if selection.prescale > 1:
            if not event:
                msg = "a prescale needs a column of event numbers: name it"
                raise ConfigurationError(msg)
            self.columns |= {event}
        lacking = sorted(self.columns.difference(names))
        if lacking:
            msg = f"the selection needs {', '.join(lacking)}, which the file does not have"
            raise ConfigurationError(msg)

    def mask(self, columns: Columns) -> Mask:
        """Which events are taken."""
        kept = np.full(columns.events, not (self._met or self._failed))
        for name in self._met:
            kept |= columns.values[name]
        for group in self._failed:
            kept |= ~np.any([columns.values[name] for name in group], axis=0)
        if self._slot >= 0:
            found = self._program.run(columns)[self._slot]
            if isinstance(found, Failure):
                raise SourceError("bad_selection", f"the selection fails: {found.reason}")
            kept &= found
        if self._prescale > 1:
            kept &= kept_by_prescale(columns.values[self._event], self._prescale)
        return kept


def _matching(pattern: str, names: Collection[str]) -> tuple[str, ...]:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    matches = re.compile(expression).fullmatch
    return tuple(name for name in names if matches(name))


def kept_by_prescale(events: NDArray[Any], prescale: int) -> Mask:
    """Which event numbers a prescale keeps: the same as of streamer files.

    The number is mixed first; see `sources.cms.selection`.
    """
    numbers = events.astype(np.int64 if events.dtype.kind == "f" else events.dtype)
    kept: Mask = mixed(numbers.astype(np.uint64)) % np.uint64(prescale) == 0
    return kept
