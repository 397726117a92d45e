"""Scalar and text elements of a workspace: a few numbers beside the flat buffer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns
from dqmstream.booking.evaluate import ElsewhereError, EvaluationError
from dqmstream.booking.fill import fill_of
from dqmstream.booking.program import Failure, Program, failure_of
from dqmstream.histograms.contents import Contents, combine_scalars
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Scalar, Text
from dqmstream.messages.histograms import ScalarValue

__all__ = ["MAX_SUMMAND", "MAX_TEXT", "ValueReader"]

Array = NDArray[Any]
_Results = Sequence[Array | Failure]
_Number = int | float

MAX_SUMMAND: Final = 2**31
"""Integers summed as they are stay within it, so that 2**32 of them fit 64 bits."""

MAX_TEXT: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Reader:
    """One element: slots of its values and of the rows it selects."""

    place: ElementLayout
    value: int | None
    rows: int | None


class ValueReader:
    """Reads the scalars and texts of a layout; its expressions are added to `program`.

    NaN is no value: `last`, `min` and `max` pass over it. A sum must not, so an entry that is NaN
    or out of range leaves the sum of the others and makes the element invalid.
    """

    def __init__(self, layout: Layout, program: Program) -> None:
        self._layout = layout
        self._readers: list[_Reader] = []
        for place in layout:
            if not isinstance(place.element, Scalar | Text):
                continue
            fill = fill_of(place.element)
            value = rows = None
            if fill.value is not None:
                value = program.add(fill.value, fill.level)
            if fill.select is not None:
                rows = program.add_rows(program.add(fill.select, fill.level))
            self._readers.append(_Reader(place, value, rows))

    def read(
        self, contents: Contents, columns: Columns, results: _Results, source: str, number: int
    ) -> Iterator[tuple[int, str]]:
        """Put one chunk's values into `contents`; yields (element, why) where one is invalid."""
        found: dict[int, ScalarValue] = {}
        for reader in self._readers:
            index = reader.place.index
            element = reader.place.element
            try:
                if isinstance(element, Text):
                    text = _last_text(columns, element.value, _rows(reader, results))
                    if text is not None:
                        found[index] = ScalarValue(value=text, source=source, number=number)
                    continue
                value, problem = _scalar(reader.place, _selected(reader, results))
            except ElsewhereError:
                continue
            except EvaluationError as error:
                yield index, str(error)
                continue
            if problem:
                yield index, problem
            if value is not None and isinstance(element, Scalar):
                last = element.combine == "last"
                found[index] = ScalarValue(
                    value=value, source=source if last else "", number=number if last else -1
                )
        contents.scalars = combine_scalars(
            self._layout, contents.scalars, found, same_lumisection=True
        )


def _rows(reader: _Reader, results: _Results) -> Array | None:
    return None if reader.rows is None else _values([results[reader.rows]])[0]


def _values(results: _Results) -> list[Array]:
    if failure := failure_of(results):
        raise (ElsewhereError if failure.elsewhere else EvaluationError)(failure.reason)
    return [result for result in results if not isinstance(result, Failure)]


def _selected(reader: _Reader, results: _Results) -> Array:
    slots = [reader.value or 0, *(() if reader.rows is None else (reader.rows,))]
    values, *rows = _values([results[slot] for slot in slots])
    return values[rows[0]] if rows else values


def _last_text(columns: Columns, name: str, rows: Array | None) -> str | None:
    if name not in columns.texts:
        if name not in columns.values and name not in columns.collections:
            raise columns.absence.error(name)
        msg = f"column {name} is not text"
        raise EvaluationError(msg)
    entries = columns.events if rows is None else rows.size
    if not entries:
        return None
    text: str = columns.texts[name][entries - 1 if rows is None else int(rows[-1])].as_py()
    if len(text) > MAX_TEXT:
        msg = f"a text has more than {MAX_TEXT} characters"
        raise EvaluationError(msg)
    return text


def _scalar(place: ElementLayout, values: Array) -> tuple[_Number | None, str]:
    """Value of one chunk, None if it has none; and what is wrong with it."""
    element = place.element
    if not isinstance(element, Scalar):
        raise TypeError(place)
    if element.combine == "sum":
        if element.value_range is None:
            return _whole_sum(values)
        return _fixed_point_sum(values, element.value_range, place.bits)
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    if not values.size:
        return None, ""
    if element.combine == "last":
        value = values[-1]
    else:
        value = values.min() if element.combine == "min" else values.max()
    # Of 0.0 and -0.0 either is the smaller one; adding 0.0 leaves only one of them.
    number: _Number = (value + 0.0).item() if values.dtype.kind == "f" else int(value)
    return number, ""


def _whole_sum(values: Array) -> tuple[_Number, str]:
    if values.dtype.kind == "f":
        msg = f"the sum of {values.dtype} values needs a value_range"
        raise EvaluationError(msg)
    numbers = values.astype(np.int64) if values.dtype.kind == "b" else values
    good = (numbers >= -MAX_SUMMAND) & (numbers <= MAX_SUMMAND)
    total = int(numbers[good].astype(np.int64).sum())
    problem = "" if good.all() else "a value is beyond 2**31; declare a value_range"
    return total, problem


def _fixed_point_sum(values: Array, bounds: tuple[float, float], bits: int) -> tuple[_Number, str]:
    lower, upper = bounds
    numbers = values.astype(np.float64)
    good = (numbers >= lower) & (numbers <= upper)
    total = int(np.rint(numbers[good] * 2.0**bits).astype(np.int64).sum())
    problem = "" if good.all() else f"a value is NaN or outside ({lower}, {upper})"
    return total, problem
