"""What an exported element says of itself, in every format: run, lumisections, how far to trust."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement, axis_edges
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.identity import compact_ranges
from dqmstream.messages.booking import Axis, Category, Element, Histogram, Integer, Profile

__all__ = [
    "About",
    "Exported",
    "axis_words",
    "bin_names",
    "element_words",
    "filled_axes",
    "metadata",
    "safe_name",
    "storage_of",
    "title_of",
]

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Which lumisections some numbers cover, and how far they can be trusted.

    Parameters
    ----------
    run
        Run number.
    window
        The window asked for, in a word: `run`, `last-10`, `12-40`.
    lumisections
        Those covered, rising.
    closed, complete, whole
        Whether all of them are (see the glossary).
    late_events
        Events that came late for these LSs; they are in the numbers only if `late` is not None.
    late
        LSs whose late segments were added because that was asked for; None if it was not.
    as_of
        The moment whose knowledge was asked for, in words; empty for now.
    replaced
        LSs whose contents of that moment were replaced since, so that they are not in the numbers.
    marks
        What the run is not, as a detector took it: `simulated`, `imported`, ...
    shape
        What was done to the bins, in words; empty for nothing.
    booking
        Hash of the booking that the contents were made with; empty if it is not known.
    """

    run: int
    window: str
    lumisections: tuple[int, ...]
    closed: bool
    complete: bool
    whole: bool
    late_events: int = 0
    late: tuple[int, ...] | None = None
    as_of: str = ""
    replaced: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    shape: str = ""
    booking: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """First and last LS; (0, 0) if there is none."""
        return (self.lumisections[0], self.lumisections[-1]) if self.lumisections else (0, 0)

    def words(self) -> dict[str, Any]:
        """As JSON types."""
        first, last = self.span
        return {
            "run": self.run,
            "window": self.window,
            "first": first,
            "last": last,
            "lumisections": len(self.lumisections),
            "covered": compact_ranges(self.lumisections),
            "closed": self.closed,
            "complete": self.complete,
            "whole": self.whole,
            "late_events": self.late_events,
            "late": None if self.late is None else compact_ranges(self.late),
            "as_of": self.as_of,
            "replaced": compact_ranges(self.replaced),
            "marks": list(self.marks),
            "reshaped": self.shape,
            "booking": self.booking,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """One element with its contents, and what is known of them.

    Parameters
    ----------
    place, contents
        The element, in contents that may hold others.
    about
        What the contents cover.
    labels
        Of the run: names of the values of columns (see `bin_names`).
    """

    place: ElementLayout
    contents: Contents
    about: About
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def element(self) -> MonitorElement:
        """The numbers."""
        return MonitorElement(self.contents, self.place)

    @property
    def path(self) -> str:
        return self.place.element.path

    @property
    def title(self) -> str:
        """Its title, or the last part of its path."""
        return title_of(self.place)

    def words(self) -> dict[str, Any]:
        """What it is and what it covers, with totals and axes but without bins, as JSON types."""
        element = self.element
        return {
            **element_words(self.place, self.contents.layout.workspace, self.labels),
            "entries": element.entries,
            "nan": element.nan,
            "outside": element.outside,
            "value": element.value,
            "invalid": element.invalid,
            **self.about.words(),
        }


def element_words(
    place: ElementLayout, workspace: str, labels: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What an element is, as JSON types; nothing of its contents.

    `storage` says what its bins hold: `count`, `weighted`, `profile`; `value` of scalars and
    texts. `shape` are the extents of its axes, flow included.
    """
    booked = place.element
    return {
        "path": booked.path,
        "workspace": workspace,
        "kind": booked.__struct_config__.tag,
        "storage": storage_of(place),
        "title": title_of(place),
        "description": booked.description,
        "axes": [axis_words(axis, labels.get(fill, ())) for axis, fill in filled_axes(booked)],
        "shape": list(place.extents),
    }


def filled_axes(booked: Element) -> list[tuple[Axis, str]]:
    """Axes, each with the expression it is filled with; empty for what is filled elsewhere."""
    if not isinstance(booked, Histogram | Profile):
        return []
    fill = (*booked.fill, *[""] * (len(booked.axes) - len(booked.fill)))
    return list(zip(booked.axes, fill, strict=True))


def title_of(place: ElementLayout) -> str:
    """An element's title, or the last part of its path."""
    return place.element.title or place.element.path.rsplit("/", 1)[-1]


def storage_of(place: ElementLayout) -> str:
    """What an element's bins hold: `count`, `weighted` or `profile`; `value` if it has none."""
    if not place.planes:
        return "value"
    if isinstance(place.element, Profile):
        return "profile"
    return "count" if place.planes == 1 else "weighted"


def axis_words(axis: Axis, names: Sequence[str] = ()) -> dict[str, Any]:
    """An axis as JSON types: type, label, unit, edges of the bins without flow, their labels.

    `flow` says which cells stand beside the bins: `both` (the first and the last cell) or `other`
    (the last cell alone: all codes that are not listed).
    """
    category = isinstance(axis, Category)
    return {
        "type": axis.__struct_config__.tag,
        "label": axis.label,
        "unit": axis.unit,
        "bins": axis_bins(axis),
        "flow": "other" if category else "both",
        "edges": axis_edges(axis).tolist(),
        "codes": list(axis.codes) if isinstance(axis, Category) else [],
        "labels": list(bin_names(axis, names)),
    }


def bin_names(axis: Axis, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the bins without flow, empty if they have none.

    An integer axis without labels of its own has its bins named by the run's `names` of the values
    of the column it is filled with; a category axis without labels by its codes.
    """
    if isinstance(axis, Integer | Category) and axis.labels:
        return axis.labels
    if isinstance(axis, Category):
        return tuple(str(code) for code in axis.codes)
    if isinstance(axis, Integer) and names:
        return tuple(
            names[code] if 0 <= code < len(names) else str(code)
            for code in range(axis.lower, axis.upper)
        )
    return ()


def safe_name(*parts: object) -> str:
    """Parts as one file name of plain characters."""
    return "_".join(_UNSAFE.sub("-", str(part)).strip("-.") for part in parts)[:150]


def metadata(exported: Sequence[Exported]) -> bytes:
    """What all of some elements are, as one JSON document."""
    return msgspec.json.encode({"elements": [each.words() for each in exported]})
