"""The numbers of a trend: one of each LS, with its error where it has one."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.histograms import ScalarValue
from dqmstream.store.answers import ElementTrend
from services.gateway.past import Sight
from services.gateway.quantities import Quantity, quantity_of, scalar_number
from services.gateway.shares import held_of
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["TrendNumber", "numbers_in_memory", "numbers_in_store"]


class TrendNumber(NamedTuple):
    """What a trend has of one LS."""

    value: float | str | None
    error: float | None = None


def numbers_in_memory(
    part: WorkspaceRun | None, sight: Sight, element: ElementLayout, quantity: Quantity
) -> dict[int, TrendNumber]:
    """Of the LSs in sight that memory holds by themselves, by LS."""
    if part is None:
        return {}
    held = held_of(part, sight.covered.numbers, sight.records)
    if not element.planes:
        scalars = {n: part.of_lumisection(n).scalars.get(element.index) for n in held}
        return _scalar_numbers(element, scalars)
    at = slice(element.offset, element.offset + element.size)
    cells = [part.of_lumisection(number).cells[at] for number in held]
    return _numbers_of(element, held, np.array(cells, np.int64), quantity)


def numbers_in_store(
    element: ElementLayout, stored: ElementTrend, quantity: Quantity
) -> dict[int, TrendNumber]:
    """Of the LSs that the store was asked for and has, by LS."""
    numbers = [int(number) for number in stored.lumisections]
    if not element.planes:
        return _scalar_numbers(element, {n: stored.scalars.get(n) for n in numbers})
    return _numbers_of(stored.element, numbers, stored.cells, quantity)


def _scalar_numbers(
    element: ElementLayout, values: Mapping[int, ScalarValue | None]
) -> dict[int, TrendNumber]:
    """Of a scalar or text, by LS."""
    return {
        n: TrendNumber(None if v is None else scalar_number(element, v)) for n, v in values.items()
    }


def _numbers_of(
    element: ElementLayout, numbers: list[int], cells: NDArray[np.int64], quantity: Quantity
) -> dict[int, TrendNumber]:
    """A quantity by LS.

    Parameters
    ----------
    numbers
        The LSs, n of them.
    cells
        int64[n, element.size].
    """
    if not numbers:
        return {}
    values = quantity_of(element, cells, quantity).tolist()
    errors = [None] * len(numbers)
    if quantity == "mean":
        errors = quantity_of(element, cells, "error").tolist()
    return dict(zip(numbers, map(TrendNumber, values, errors), strict=True))
