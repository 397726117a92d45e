"""Bookings: what a workspace declares before anything is filled. Declarations are values.

All expressions are text over event columns: a per-event column (`event`), a member of a jagged
collection (`muon.pt`), arithmetic, comparisons and a few functions (`abs`, `count(muon)`); the
language is described and checked in `dqmstream.booking.expression`.
"""

from typing import ClassVar, Literal

from msgspec import UNSET, UnsetType

from dqmstream.messages.struct import Message, Value

__all__ = [
    "Activation",
    "Analysis",
    "Axis",
    "Booking",
    "Category",
    "Draw",
    "Element",
    "Histogram",
    "Integer",
    "Profile",
    "Regular",
    "Scalar",
    "Text",
    "Variable",
]


class _Axis(Value, frozen=True, kw_only=True, tag_field="type"):
    label: str = ""
    unit: str = ""


class Regular(_Axis, frozen=True, kw_only=True, tag="regular"):
    """`bins` bins of equal width over [lower, upper); under- and overflow always kept."""

    bins: int
    lower: float
    upper: float


class Variable(_Axis, frozen=True, kw_only=True, tag="variable"):
    """Bins between rising `edges` (bins + 1 of them); under- and overflow always kept."""

    edges: tuple[float, ...]


class Integer(_Axis, frozen=True, kw_only=True, tag="integer"):
    """One bin per integer in [lower, upper); under- and overflow always kept.

    `labels`, when given, name the bins: one for each.
    """

    lower: int
    upper: int
    labels: tuple[str, ...] = ()


class Category(_Axis, frozen=True, kw_only=True, tag="category"):
    """One bin per listed integer code, in this order; all other codes fall in one last bin."""

    codes: tuple[int, ...]
    labels: tuple[str, ...] = ()


Axis = Regular | Variable | Integer | Category


class Draw(Value, frozen=True, kw_only=True):
    """How a plot should be drawn; a hint, never part of the numbers."""

    log_x: bool = False
    log_y: bool = False
    log_z: bool = False
    style: Literal["auto", "bars", "line", "points", "map"] = "auto"
    per_lumisection: bool = False
    """Show by default as a trend: one point per LS of the element's mean or value."""
    efficiency: bool = False
    """Never normalise when drawn with a reference (CMS's efficiency flag)."""


class _Element(Value, frozen=True, kw_only=True, tag_field="kind"):
    path: str
    title: str = ""
    description: str = ""
    """What the shifter should know: what a good one looks like, and what to do otherwise."""
    select: str = ""
    """Boolean expression; empty takes everything."""
    draw: Draw = Draw()


class Histogram(_Element, frozen=True, kw_only=True, tag="histogram"):
    """Counts in 1 to 3 dimensions, or weighted sums when `weight` is given.

    `fill` has one expression per axis. A weighted one declares the range of its weights
    (`weight_range`): they are summed in fixed point, so that order never matters.

    Without `fill` and `weight` it is filled elsewhere: its contents are imported or come of an
    analysis, and no filler can fill it.
    """

    axes: tuple[Axis, ...]
    fill: tuple[str, ...]
    weight: str = ""
    weight_range: tuple[float, float] | None = None


class Profile(_Element, frozen=True, kw_only=True, tag="profile"):
    """Mean and spread of `value` per bin in 1 or 2 dimensions, summed in fixed point.

    Values outside `value_range` are counted as outside and not averaged (as ROOT's TProfile).
    Without `fill` and with an empty `value` it is filled elsewhere, as a Histogram.
    """

    axes: tuple[Axis, ...]
    fill: tuple[str, ...]
    value: str
    value_range: tuple[float, float]


class Scalar(_Element, frozen=True, kw_only=True, tag="scalar"):
    """One number; `combine` says how events, chunks and LSs come together.

    A sum of anything but integers declares `value_range` and is kept in fixed point. With an empty
    `value` it is filled by an analysis.
    """

    value: str
    combine: Literal["sum", "last", "min", "max"]
    value_range: tuple[float, float] | None = None


class Text(_Element, frozen=True, kw_only=True, tag="text"):
    """One string: the last by (source, number) of a text column, or of an analysis as a Scalar."""

    value: str


Element = Histogram | Profile | Scalar | Text


class Analysis(Value, frozen=True, kw_only=True):
    """What fills a workspace from all events of a closed LS together, where no expression can.

    `name` is of an installed analysis, `columns` are those it reads (`x` per event, `tracks.pt`
    per object), `parameters` its numbers.
    """

    name: str
    columns: tuple[str, ...]
    parameters: dict[str, float] = {}


class Booking(Message, frozen=True, kw_only=True, tag=True):
    """All MonitorElements of one workspace, as announced on `dqm.bookings`.

    One with an `analysis` is filled by it alone: its elements have no expressions. Without one
    nothing of it is encoded, so that bookings of before it was there keep their hashes.
    """

    version: ClassVar[int] = 2

    workspace: str
    description: str = ""
    elements: tuple[Element, ...]
    analysis: Analysis | UnsetType = UNSET


class Activation(Message, frozen=True, kw_only=True, tag=True):
    """From which run on readers show which set."""

    set: str
    workspaces: tuple[str, ...]
    from_run: int
    who: str
    when: int
    """Nanoseconds since 1970 (wall clock; display only)."""
