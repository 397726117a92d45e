"""A layout as a value: tabs of cells, each with the elements drawn there. It is also the JSON.

What is left out is as it was booked. Where elements lie in memory is another layout
(`dqmstream.histograms.layout`).
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

from dqmstream.messages.struct import Value
from dqmstream.quality.inputs import Normalise

__all__ = [
    "MOST_CELLS",
    "MOST_COLUMNS",
    "MOST_TABS",
    "NAME",
    "Cell",
    "Draw",
    "Layout",
    "Reference",
    "Tab",
]

_PART: Final = r"[A-Za-z0-9_+-](?:[A-Za-z0-9_. +-]{0,62}[A-Za-z0-9_.+-])?"
NAME: Final = rf"^{_PART}(?:/{_PART}){{0,3}}$"
"""Up to four parts, none of which begins with a dot, or begins or ends with a space."""

MOST_TABS: Final = 50
MOST_CELLS: Final = 200
"""Of one tab."""
MOST_COLUMNS: Final = 12

_Title = Annotated[str, Meta(max_length=200)]
_Words = Annotated[str, Meta(max_length=4_000)]
_Range = tuple[float, float]


class Draw(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How a plot is drawn. None is as booked.

    Parameters
    ----------
    log_x, log_y, log_z
        Logarithmic axes.
    x_range, y_range, z_range
        Lower and upper end of what is shown of an axis, in its unit.
    stats
        Whether the box of statistics is shown.
    normalise
        To equal what references, and what else is drawn over the plot, are scaled.
    style
        In the words of ROOT (`COLZ`), as an import brings it.
    """

    log_x: bool | None = None
    log_y: bool | None = None
    log_z: bool | None = None
    x_range: _Range | None = None
    y_range: _Range | None = None
    z_range: _Range | None = None
    stats: bool | None = None
    normalise: Normalise | None = None
    style: Annotated[str, Meta(max_length=40)] | None = None


class Reference(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a plot is shown with: what its quality tests compare with (`booked`), nothing, a
    reference of the catalogue by its `name`, or a `run`."""

    choice: Literal["booked", "none", "catalogue", "run"] = "booked"
    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    run: Annotated[int, Meta(ge=1, le=9_999_999_999)] | None = None


class Cell(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A place of the grid.

    Parameters
    ----------
    paths
        Of elements; more than one are drawn over each other, the first below.
    set
        Hash of the set it is read from where two run side by side; None for the one shown.
    title, description
        Instead of what was booked, if not empty.
    span, rows
        How many columns and rows it takes.
    """

    paths: tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...]
    set: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")] | None = None
    title: _Title = ""
    description: _Words = ""
    span: Annotated[int, Meta(ge=1, le=MOST_COLUMNS)] = 1
    rows: Annotated[int, Meta(ge=1, le=6)] = 1
    draw: Draw = Draw()
    reference: Reference = Reference()


class Tab(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A grid of so many columns, filled row by row."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    description: _Words = ""
    columns: Annotated[int, Meta(ge=1, le=MOST_COLUMNS)] = 3
    cells: tuple[Cell, ...] = ()


class Layout(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Tabs of plots, under a name whose first part the page groups by.

    Parameters
    ----------
    description
        Plain text for the shifter.
    workspaces
        Those it belongs to, perhaps none.
    """

    name: str
    title: _Title = ""
    description: _Words = ""
    workspaces: tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...] = ()
    tabs: tuple[Tab, ...]

    @property
    def plots(self) -> int:
        """Cells of all tabs."""
        return sum(len(tab.cells) for tab in self.tabs)
