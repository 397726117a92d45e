"""One number of an element in a whole run: the points of a trend over runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Element, Histogram, Profile
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from services.gateway.quantities import Quantity, live_seconds, quantity_of, scalar_number

__all__ = ["Booked", "Measure", "Row", "Taken", "booked_as", "point"]

Row = Mapping[str, Any]
"""A run in a list of runs."""

Booked = Literal["same", "redefined", "rebinned", "absent"]

_WORDS: Final = ("title", "description", "draw")
_AXIS_WORDS: Final = ("label", "unit", "labels")


class Measure(NamedTuple):
    """What is taken of each run.

    Parameters
    ----------
    element
        As it is booked where it is asked for: what other runs are compared with.
    quantity
        Which number.
    every
        Whether to tell the numbers of other bookings as well.
    """

    element: ElementLayout
    quantity: Quantity
    every: bool = False


class Taken(NamedTuple):
    """What there is of a run: the element alone, over the LSs that count."""

    contents: Contents
    lumisections: Sequence[int]
    conditions: Mapping[int, Conditions]


def booked_as(asked: Element, found: Element | None) -> Booked:
    """How a run has booked an element: `rebinned` with other axes, storage or ranges; `redefined`
    with the same ones, filled by other expressions. Words, labels and hints do not count."""
    if found is None:
        return "absent"
    if type(asked) is not type(found) or _bins(asked) != _bins(found):
        return "rebinned"
    return "same" if _filled(asked) == _filled(found) else "redefined"


def _bins(element: Element) -> object:
    if not isinstance(element, Histogram | Profile):
        return None
    axes = [
        {k: v for k, v in msgspec.to_builtins(axis).items() if k not in _AXIS_WORDS}
        for axis in element.axes
    ]
    if isinstance(element, Profile):
        return axes, element.value_range
    return axes, bool(element.weight), element.weight_range


def _filled(element: Element) -> dict[str, Any]:
    """Everything else that its contents depend on."""
    fields = msgspec.structs.asdict(element)
    return {name: value for name, value in fields.items() if name not in {*_WORDS, "axes"}}


def point(
    row: Row,
    measure: Measure,
    booked: Booked,
    taken: Taken | None,
    *,
    outcome: Outcome | None,
    problem: str = "",
) -> dict[str, Any]:
    """The point of a run.

    Parameters
    ----------
    row
        Of the run in a list of runs.
    taken
        What there is of it; None if nothing is, or nothing could be read: `problem` says why.
    outcome
        How it was judged; None if that is not known.
    """
    made: dict[str, Any] = {
        "run": row["run"],
        "run_type": row["run_type"],
        "began": row["started"] or row["began"],
        "ended": row["ended"],
        "booked": booked,
        "value": None,
        "error": None,
        "entries": None,
        "lumisections": 0,
        "outcome": outcome,
        "problem": problem,
    }
    if taken is None:
        return made
    element = next(iter(taken.contents.layout))
    made["lumisections"] = sum(1 for number in taken.lumisections if number)
    made["problem"] = problem or taken.contents.invalid.get(0, "")
    if element.planes:
        made["entries"] = int(taken.contents.cells[: element.cells].sum())
    if booked == "same" or (measure.every and bool(element.planes) == bool(measure.element.planes)):
        made |= _numbers(element, taken, measure.quantity, made["problem"])
    return made


def _numbers(
    element: ElementLayout, taken: Taken, quantity: Quantity, problem: str
) -> dict[str, Any]:
    if not taken.lumisections:
        return {}
    if not element.planes:
        value = taken.contents.scalars.get(0)
        return {"value": None if value is None else scalar_number(element, value)}
    cells = taken.contents.cells[np.newaxis]
    found = _number(quantity_of(element, cells, quantity))
    if quantity == "mean":
        return {"value": found, "error": _number(quantity_of(element, cells, "error"))}
    if quantity != "rate" or found is None:
        return {"value": found}
    each = [live_seconds(taken.conditions.get(number)) for number in taken.lumisections]
    known = [seconds for seconds in each if seconds]
    if len(known) == len(each):
        return {"value": found / sum(known)}
    told = f"the live time is known of {len(known)} of {len(each)} LSs: no rate"
    return {"value": None, "problem": problem or told}


def _number(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """The only one; None where it is undefined."""
    value = float(values[0])
    return value if np.isfinite(value) else None
