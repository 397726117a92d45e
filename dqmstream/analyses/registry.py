"""Which analyses there are: found by entry point, as workspaces are."""

import difflib
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from dqmstream.analyses.analysis import LumisectionAnalysis
from dqmstream.booking_set import BookingSet
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking

__all__ = ["GROUP", "MOST_LOOKBACK", "load_analysis", "workspaces_analysed", "workspaces_filled"]

GROUP: Final = "dqmstream.analyses"
"""Group of entry points: the name of the analysis, and where its AnalysisFactory is."""

MOST_LOOKBACK: Final = 64
"""LSs whose events are held in memory, and read again after a crash."""


def workspaces_filled(booking_set: BookingSet) -> tuple[Layout, ...]:
    """Workspaces of a set that fillers fill, by expressions."""
    return tuple(layout for layout in booking_set.layouts if not layout.booking.analysis)


def workspaces_analysed(booking_set: BookingSet) -> tuple[Layout, ...]:
    """Workspaces of a set that analyses fill."""
    return tuple(layout for layout in booking_set.layouts if layout.booking.analysis)


def load_analysis(
    layout: Layout, *, found: Iterable[EntryPoint] | None = None
) -> LumisectionAnalysis:
    """The analysis that fills a workspace.

    Parameters
    ----------
    layout
        Of a checked booking with an analysis. One whose name has a colon is `module:attribute`,
        and needs no installation.
    found
        Entry points to choose from; None: those of all installed distributions.

    Raises
    ------
    BookingError
        If it is unknown, declared by two distributions, cannot be loaded, or refuses the
        workspace: naming the workspace, the analysis and the reason.
    """
    name = _name(layout.booking)
    try:
        point = EntryPoint(name, name, GROUP) if ":" in name else _one(name, found)
        return _made(point, layout)
    except BookingError as error:
        msg = f"workspace {layout.workspace!r}: analysis {name!r}: {error}"
        raise BookingError(msg) from error


def _name(booking: Booking) -> str:
    if not booking.analysis:
        msg = f"workspace {booking.workspace!r} is filled by expressions, not by an analysis"
        raise BookingError(msg)
    return booking.analysis.name


def _one(name: str, found: Iterable[EntryPoint] | None) -> EntryPoint:
    installed = list(entry_points(group=GROUP) if found is None else found)
    points = list({point.value: point for point in installed if point.name == name}.values())
    if len(points) > 1:
        msg = f"is declared twice: {' and '.join(sorted(point.value for point in points))}"
        raise BookingError(msg)
    if not points:
        raise BookingError(_unknown(name, [point.name for point in installed]))
    return points[0]


def _unknown(name: str, installed: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, installed, n=3)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"there is none: installed are {', '.join(sorted(set(installed))) or 'none'}{hint}"


def _made(point: EntryPoint, layout: Layout) -> LumisectionAnalysis:
    # A plug-in may raise anything; whatever it is, the start must say whose.
    try:
        analysis: LumisectionAnalysis = point.load()(layout)
        lookback: object = analysis.lookback
    except BookingError:
        raise
    except Exception as error:
        msg = f"{point.value}: {type(error).__name__}: {error}"
        raise BookingError(msg) from error
    if not isinstance(lookback, int) or not 0 <= lookback <= MOST_LOOKBACK:
        msg = f"looks back {lookback!r} LSs, expected 0 to {MOST_LOOKBACK}"
        raise BookingError(msg)
    return analysis
