"""Where contents are asked for, and what is read there."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dqmstream.export.about import About
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking
from services.gateway.records import Covered

__all__ = ["Place", "Reading", "Trend", "alone"]


class Place(NamedTuple):
    """A workspace of a run: under a set, or under the one that readers show."""

    run: int
    workspace: str
    set: str | None = None


class Reading(NamedTuple):
    """One element over a window, in contents that hold nothing else, and what it covers."""

    element: ElementLayout
    contents: Contents
    covered: Covered
    labels: Mapping[str, Sequence[str]]
    about: About


class Trend(NamedTuple):
    """One number per LS (rising), and its error; NaN or None where it is undefined."""

    lumisections: list[int]
    values: list[Any]
    errors: list[float | None]
    closed: list[bool]


def alone(element: ElementLayout, layout: Layout, contents: Contents) -> Contents:
    """A copy of one element's part of some contents, as the store answers with it."""
    single = Layout(Booking(workspace=layout.workspace, elements=(element.element,)))
    at, index = element.offset, element.index
    return Contents(
        single,
        contents.cells[at : at + element.size].copy(),
        {0: contents.scalars[index]} if index in contents.scalars else {},
        {0: contents.invalid[index]} if index in contents.invalid else {},
    )
