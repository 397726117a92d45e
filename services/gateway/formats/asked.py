"""Parameters of contents besides element and window: moment, bins, format."""

import re
from typing import Annotated, Final, Literal

from fastapi import Depends, Query

from dqmstream.histograms.reshape import Reshape
from services.gateway.moments import Moment
from services.gateway.problems import ProblemError

__all__ = ["ChosenMoment", "ChosenReshape", "FormatWord", "parse_reshape"]

_AXES: Final = "xyz"
_AXIS: Final = "[xyz0-2]"
_KEPT: Final = re.compile(rf"{_AXIS}(,{_AXIS}){{0,2}}")
_BINS: Final = re.compile(rf"({_AXIS}):([0-9]{{1,5}})(?:-([0-9]{{1,5}}))?")
_FACTORS: Final = re.compile(r"[0-9]{1,5}(,[0-9]{1,5}){0,2}")

FormatWord = Annotated[
    str | None,
    Query(
        alias="format",
        max_length=40,
        description="Name of the format; decides over the Accept header.",
        examples=["root"],
    ),
]


def _chosen_moment(
    as_of: Annotated[
        str | None,
        Query(
            max_length=60,
            description="Only what was stored then: ISO 8601 (UTC without a zone), nanoseconds "
            "since 1970, or `offset:N` of the workspace's partition of `dqm.histograms`.",
            examples=["2026-11-22T09:30:00Z"],
        ),
    ] = None,
    late: Annotated[
        Literal["include"] | None,
        Query(description="Add what came after its lumisection had closed."),
    ] = None,
) -> Moment:
    try:
        return Moment.parse(as_of, late=late is not None)
    except ValueError as error:
        raise ProblemError(422, str(error)) from error


def _chosen_reshape(
    axes: Annotated[
        str | None,
        Query(
            max_length=5,
            description="Axes that stay, in this order; the others are summed over, flow and all.",
            examples=["y", "x,z"],
        ),
    ] = None,
    bins: Annotated[
        list[str],
        Query(
            max_length=3,
            description="First and last bin of an axis that count, from 1, as `x:3-7`; may be "
            "repeated. Others of an axis that stays go to its flow.",
        ),
    ] = [],  # noqa: B006 FastAPI copies it
    rebin: Annotated[
        str | None,
        Query(
            max_length=20,
            description="How many bins become one, for each axis that stays.",
            examples=["2", "5,2"],
        ),
    ] = None,
) -> Reshape:
    try:
        return parse_reshape(axes, bins, rebin)
    except ValueError as error:
        raise ProblemError(422, str(error)) from error


ChosenMoment = Annotated[Moment, Depends(_chosen_moment)]
ChosenReshape = Annotated[Reshape, Depends(_chosen_reshape)]


def parse_reshape(axes: str | None, bins: list[str], rebin: str | None) -> Reshape:
    """The reshape of a request's words.

    Raises
    ------
    ValueError
        Naming the word and what was expected.
    """
    kept = None
    if axes is not None:
        if not _KEPT.fullmatch(axes):
            msg = f"axes is {axes!r}, expected some of x, y, z (or 0, 1, 2), separated by commas"
            raise ValueError(msg)
        kept = tuple(map(_axis, axes.split(",")))
    ranges = {}
    for word in bins:
        found = _BINS.fullmatch(word)
        if not found or _axis(found[1]) in ranges:
            msg = f"bins is {word[:40]!r}, expected axis:a-b such as x:3-7, each axis once"
            raise ValueError(msg)
        ranges[_axis(found[1])] = (int(found[2]), int(found[3] or found[2]))
    if rebin is not None and not _FACTORS.fullmatch(rebin):
        msg = f"rebin is {rebin!r}, expected factors such as 2 or 5,2"
        raise ValueError(msg)
    factors = () if rebin is None else tuple(map(int, rebin.split(",")))
    return Reshape(axes=kept, ranges=ranges, rebin=factors)


def _axis(word: str) -> int:
    return _AXES.index(word) if word in _AXES else int(word)
