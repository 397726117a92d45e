"""What the operations of the expression language compute, on NumPy arrays.

Elementwise operations take float64, int64 or boolean arrays (or scalars, for constants) and give
the same; reductions take the values of all objects and their offsets. Callers silence NumPy's
floating-point warnings: division by zero is an answer here.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["OPERATIONS", "REDUCTIONS", "ElsewhereError", "EvaluationError"]

Array = NDArray[Any]
Offsets = NDArray[np.int64]

_MAX_INTEGER: Final = 2**63 - 1


class EvaluationError(Exception):
    """Columns are not what an expression needs; the message does not depend on the chunk."""


class ElsewhereError(EvaluationError):
    """Other sources of the run send these columns, so this chunk has no part in what needs them."""


def _number(values: Array) -> Array:
    """int64 or float64, whatever the width it came in."""
    match values.dtype.kind:
        case "f":
            return values.astype(np.float64, copy=False)
        case "u" if values.dtype.itemsize == 8 and bool((values > _MAX_INTEGER).any()):
            msg = "an unsigned integer is above 2**63 - 1"
            raise EvaluationError(msg)
        case _:
            return values.astype(np.int64, copy=False)


def _boolean(values: Array) -> Array:
    if values.dtype != np.bool_:
        msg = f"expected booleans, got {values.dtype}; write a comparison such as x != 0"
        raise EvaluationError(msg)
    return values


def _bitwise(operate: Callable[..., Array]) -> Callable[..., Array]:
    """On booleans as they are, on integers in 64 bits; nothing else, and not mixed."""

    def apply(*operands: Array) -> Array:
        kinds = {operand.dtype.kind for operand in operands}
        if kinds == {"b"}:
            return operate(*operands)
        if not kinds <= {"i", "u"}:
            types = " and ".join(str(operand.dtype) for operand in operands)
            msg = f"bitwise operators take booleans or integers, got {types}"
            raise EvaluationError(msg)
        return operate(*map(_number, operands))

    return apply


def _floor_divide(a: Array, b: Array) -> Array:
    return _nan_where_zero(np.floor_divide(a, b), b)


def _remainder(a: Array, b: Array) -> Array:
    return _nan_where_zero(np.remainder(a, b), b)


def _nan_where_zero(result: Array, divisor: Array) -> Array:
    """NumPy divides integers by zero to 0, an ordinary value: say NaN instead, as for floats."""
    if result.dtype.kind != "i":
        return result
    zero = divisor == 0
    return np.where(zero, np.nan, result) if np.any(zero) else result


def _power(base: Array, exponent: int) -> Array:
    """By multiplication: a library's pow may differ in the last bit between machines."""
    result = np.ones_like(base, np.float64)
    for _ in range(int(exponent)):
        result = result * base
    return result


def _floor(values: Array) -> Array:
    return np.floor(values.astype(np.float64, copy=False))


OPERATIONS: Final[Mapping[str, Callable[..., Array]]] = {
    "number": _number,
    "boolean": _boolean,
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": _floor_divide,
    "%": _remainder,
    "**": _power,
    "negative": np.negative,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": lambda *terms: reduce(np.logical_and, terms),
    "or": lambda *terms: reduce(np.logical_or, terms),
    "not": np.logical_not,
    "&": _bitwise(np.bitwise_and),
    "|": _bitwise(np.bitwise_or),
    "~": _bitwise(np.invert),
    "abs": np.absolute,
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "floor": _floor,
    "atan2": np.arctan2,
    "min": np.minimum,
    "max": np.maximum,
    "where": np.where,
}


def _reduced(ufunc: np.ufunc, values: Array, offsets: Offsets, empty: Any) -> Array:
    """`ufunc` over the objects of each event, `empty` where it has none."""
    filled = offsets[1:] > offsets[:-1]
    if filled.all() and filled.size:
        return ufunc.reduceat(values, offsets[:-1])
    result = np.full(filled.size, empty, values.dtype)
    if filled.any():
        # Events without objects take no part: reduceat would give them their neighbour's value.
        result[filled] = ufunc.reduceat(values, offsets[:-1][filled])
    return result


def _sum(values: Array, offsets: Offsets) -> Array:
    return _reduced(np.add, values, offsets, 0)


def _mean(values: Array, offsets: Offsets) -> Array:
    return _sum(values.astype(np.float64, copy=False), offsets) / np.diff(offsets)


def _extremum(ufunc: np.ufunc) -> Callable[[Array, Offsets], Array]:
    return lambda values, offsets: _reduced(
        ufunc, values.astype(np.float64, copy=False), offsets, np.nan
    )


REDUCTIONS: Final[Mapping[str, Callable[[Array, Offsets], Array]]] = {
    "count": lambda values, offsets: _sum(values.astype(np.int64), offsets),
    "sum": _sum,
    "mean": _mean,
    "min": _extremum(np.minimum),
    "max": _extremum(np.maximum),
    "any": lambda values, offsets: _reduced(np.logical_or, values, offsets, False),
    "all": lambda values, offsets: _reduced(np.logical_and, values, offsets, True),
}
