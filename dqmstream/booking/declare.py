"""The words a workspace is written in; each makes one value of `dqmstream.messages.booking`."""

from collections.abc import Iterable
from typing import Literal

from msgspec import UNSET

from dqmstream.booking.check import check
from dqmstream.booking.memory_limit import within_own_budget
from dqmstream.identity import normal_path
from dqmstream.messages.booking import (
    Analysis,
    Axis,
    Booking,
    Category,
    Draw,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)

__all__ = [
    "Workspace",
    "analysis",
    "category",
    "histogram",
    "integer",
    "profile",
    "regular",
    "scalar",
    "text",
    "variable",
]

_PLAIN = Draw()
_Combine = Literal["sum", "last", "min", "max"]


def Workspace(
    name: str,
    description: str,
    elements: Iterable[Element],
    *,
    analysis: Analysis | None = None,
    memory: str | int | None = None,
    element_memory: str | int | None = None,
) -> Booking:
    """A checked booking.

    Parameters
    ----------
    name
        Of the workspace, as shown to the shifter.
    description
        One sentence about what it watches.
    elements
        The MonitorElements, in the order they are shown.
    analysis
        What fills them all, of which then none has an expression.
    memory, element_memory
        What all elements together, and each of them, may take of one LS: bytes, or as `2 MiB`.
        A budget for whoever changes the workspace, no part of the booking.

    Raises
    ------
    BookingError
        Naming the path and what is wrong with it.
    """
    booking = Booking(
        workspace=name,
        description=description,
        elements=tuple(elements),
        analysis=UNSET if analysis is None else analysis,
    )
    return within_own_budget(check(booking), memory, element_memory)


def analysis(name: str, *, columns: Iterable[str], **parameters: float) -> Analysis:
    """What fills a workspace from all events of a closed LS together.

    Parameters
    ----------
    name
        Of an installed analysis (entry points `dqmstream.analyses`).
    columns
        What it reads: `x` per event, `tracks.pt` per object.
    parameters
        Its numbers.
    """
    numbers = {key: float(value) for key, value in sorted(parameters.items())}
    return Analysis(name=name, columns=tuple(columns), parameters=numbers)


def regular(bins: int, lower: float, upper: float, *, label: str = "", unit: str = "") -> Regular:
    """`bins` bins of equal width over [lower, upper), in `unit`."""
    return Regular(bins=bins, lower=float(lower), upper=float(upper), label=label, unit=unit)


def variable(edges: Iterable[float], *, label: str = "", unit: str = "") -> Variable:
    """Bins between rising `edges`, in `unit`."""
    return Variable(edges=tuple(map(float, edges)), label=label, unit=unit)


def integer(
    lower: int, upper: int, *, labels: Iterable[str] = (), label: str = "", unit: str = ""
) -> Integer:
    """One bin per integer in [lower, upper); fractions are cut down to the integer below."""
    return Integer(lower=lower, upper=upper, labels=tuple(labels), label=label, unit=unit)


def category(
    codes: Iterable[int], *, labels: Iterable[str] = (), label: str = "", unit: str = ""
) -> Category:
    """One bin per integer code in this order, and one for all others."""
    return Category(codes=tuple(map(int, codes)), labels=tuple(labels), label=label, unit=unit)


def histogram(
    path: str,
    *axes: Axis,
    fill: str | Iterable[str] = (),
    select: str = "",
    weight: str = "",
    weight_range: tuple[float, float] | None = None,
    title: str = "",
    description: str = "",
    draw: Draw = _PLAIN,
) -> Histogram:
    """Counts, or weighted sums, in as many dimensions as there are axes (1 to 3).

    Parameters
    ----------
    path
        `folder/name`.
    axes
        From `regular`, `variable`, `integer` or `category`.
    fill
        One expression per axis; for one axis just the text; none if an analysis fills it.
    select
        Boolean expression; empty takes everything.
    weight, weight_range
        Expression and declared range of the weights; an entry outside it is counted, not filled.
    title, description, draw
        What the shifter sees; never part of the numbers.
    """
    return Histogram(
        path=normal_path(path),
        axes=axes,
        fill=_expressions(fill),
        select=select,
        weight=weight,
        weight_range=weight_range,
        title=title,
        description=description,
        draw=draw,
    )


def profile(
    path: str,
    *axes: Axis,
    fill: str | Iterable[str] = (),
    value: str = "",
    value_range: tuple[float, float],
    select: str = "",
    title: str = "",
    description: str = "",
    draw: Draw = _PLAIN,
) -> Profile:
    """Mean and spread of `value` in the bins of one or two axes.

    Parameters
    ----------
    value, value_range
        Expression to average and its declared range; a value outside is counted, not averaged.
    path, axes, fill, select, title, description, draw
        As for `histogram`.
    """
    return Profile(
        path=normal_path(path),
        axes=axes,
        fill=_expressions(fill),
        value=value,
        value_range=value_range,
        select=select,
        title=title,
        description=description,
        draw=draw,
    )


def scalar(
    path: str,
    value: str = "",
    *,
    combine: _Combine,
    value_range: tuple[float, float] | None = None,
    select: str = "",
    title: str = "",
    description: str = "",
    draw: Draw = _PLAIN,
) -> Scalar:
    """One number.

    Parameters
    ----------
    value
        Expression, evaluated for every event (or object) that `select` takes; none if an analysis
        fills it.
    combine
        How they come together: `sum`, `last` (by source and chunk), `min` or `max`.
    value_range
        Needed to sum anything but integers.
    path, select, title, description, draw
        As for `histogram`.
    """
    return Scalar(
        path=normal_path(path),
        value=value,
        combine=combine,
        value_range=value_range,
        select=select,
        title=title,
        description=description,
        draw=draw,
    )


def text(
    path: str,
    value: str = "",
    *,
    select: str = "",
    title: str = "",
    description: str = "",
    draw: Draw = _PLAIN,
) -> Text:
    """One string: the last value of the text column `value`; without one an analysis fills it.

    Parameters
    ----------
    path, select, title, description, draw
        As for `histogram`.
    """
    return Text(
        path=normal_path(path),
        value=value,
        select=select,
        title=title,
        description=description,
        draw=draw,
    )


def _expressions(fill: str | Iterable[str]) -> tuple[str, ...]:
    return (fill,) if isinstance(fill, str) else tuple(fill)
