"""Many expressions as one program: what two elements have in common is computed once a batch."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.evaluate import (
    OPERATIONS,
    REDUCTIONS,
    ElsewhereError,
    EvaluationError,
)
from dqmstream.booking.expression import (
    EVENT,
    ColumnOf,
    Constant,
    LengthsOf,
    Level,
    MemberOf,
    Node,
    Operation,
    Reduction,
    Spread,
    spread,
)

if TYPE_CHECKING:
    from dqmstream.booking.columns import Collection, Columns

__all__ = ["Failure", "Program", "failure_of"]

Array = NDArray[Any]
_Compute = Callable[..., Array]

_FAILURES: Final = (EvaluationError, ArithmeticError, MemoryError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an expression has no value in a batch; the same for every batch of that kind.

    `elsewhere` if it needs columns that other sources of the run send.
    """

    reason: str
    elsewhere: bool = False


def failure_of(results: Sequence["Array | Failure"]) -> Failure | None:
    """What keeps that which needs all of these from a value; None if nothing does.

    Columns that are elsewhere come first: then nothing is wrong.
    """
    failures = [result for result in results if isinstance(result, Failure)]
    return max(failures, key=lambda failure: failure.elsewhere, default=None)


@dataclass(frozen=True, slots=True)
class _Step:
    compute: _Compute
    arguments: tuple[int, ...]
    reads_columns: bool


class Program:
    """Steps in an order in which each needs earlier ones only; results are known by slot number.

    Expressions are added before the first run. Equal subexpressions share a slot.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._slots: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, node: Node, level: Level) -> int:
        """Slot of the values of `node`, one for each event or object of `level`."""
        slot = self._slot(spread(node, level))
        if node.level is None:
            return self._step(("full", slot, level), _full(level or EVENT), (slot,), reads=True)
        return slot

    def add_rows(self, mask: int) -> int:
        """Slot of the indices (int64) for which the booleans in slot `mask` are true."""
        return self._step(("rows", mask), np.flatnonzero, (mask,))

    def run(self, columns: "Columns") -> list[Array | Failure]:
        """Values of all slots for one batch; what could not be computed says why."""
        results: list[Array | Failure] = []
        with np.errstate(all="ignore"):
            for step in self._steps:
                results.append(_apply(step, columns, results))
        return results

    def _slot(self, node: Node) -> int:
        match node:
            case Constant(value):
                constant: Array = np.asarray(value, type(value))
                return self._step(("constant", repr(value)), lambda: constant)
            case ColumnOf(name):
                return self._step(("column", name), _column(name), reads=True)
            case MemberOf(collection, member):
                key = ("member", collection, member)
                return self._step(key, _member(collection, member), reads=True)
            case LengthsOf(collection):
                slot = self._offsets(collection)
                return self._step(("lengths", slot), np.diff, (slot,))
            case Operation(name, arguments):
                slots = tuple(map(self._slot, arguments))
                return self._step((name, slots), OPERATIONS[name], slots)
            case Reduction(name, argument, collection):
                pair = (self._slot(argument), self._offsets(collection))
                return self._step(("reduce", name, pair), REDUCTIONS[name], pair)
            case Spread(argument, collection):
                pair = (self._slot(argument), self._slot(LengthsOf(collection)))
                return self._step(("spread", pair), np.repeat, pair)

    def _offsets(self, collection: str) -> int:
        return self._step(("offsets", collection), _offsets(collection), reads=True)

    def _step(
        self,
        key: Hashable,
        compute: _Compute,
        arguments: tuple[int, ...] = (),
        *,
        reads: bool = False,
    ) -> int:
        if key not in self._slots:
            self._slots[key] = len(self._steps)
            self._steps.append(_Step(compute, arguments, reads))
        return self._slots[key]


def _apply(step: _Step, columns: "Columns", results: list[Array | Failure]) -> Array | Failure:
    arguments: list[Any] = [results[slot] for slot in step.arguments]
    if failure := failure_of(arguments):
        return failure
    try:
        return step.compute(*([columns] if step.reads_columns else []), *arguments)
    except ElsewhereError as error:
        return Failure(str(error), elsewhere=True)
    except _FAILURES as error:
        return Failure(str(error) or type(error).__name__)


def _column(name: str) -> _Compute:
    def read(columns: "Columns") -> Array:
        if name in columns.values:
            return columns.values[name]
        if name in columns.texts or name in columns.collections:
            what = "text" if name in columns.texts else "a collection"
            msg = f"column {name} is {what}, expected numbers or booleans, one per event"
            raise EvaluationError(msg)
        raise columns.absence.error(name)

    return read


def _collection(columns: "Columns", name: str, asked: str = "") -> "Collection":
    """A collection, of which a member may be asked for, by its whole name."""
    if name not in columns.collections:
        raise columns.absence.error(asked or name, f"collection {name} is missing")
    return columns.collections[name]


def _member(collection: str, member: str) -> _Compute:
    def read(columns: "Columns") -> Array:
        name = f"{collection}.{member}"
        members = _collection(columns, collection, name).members
        if member not in members:
            raise columns.absence.error(name)
        return members[member]

    return read


def _offsets(collection: str) -> _Compute:
    return lambda columns: _collection(columns, collection).offsets


def _full(level: str) -> _Compute:
    def fill(columns: "Columns", value: Any) -> Array:
        if level == EVENT:
            return np.full(columns.events, value)
        return np.full(_collection(columns, level).offsets[-1], value)

    return fill
