"""What every command does first: read the settings, choose workspaces and quality tests."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dqmstream.booking_set import BookingSet
from dqmstream.errors import SourceError
from dqmstream.fold.state import FoldSettings
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.pattern import matches
from dqmstream.quality.plugins import load_plugins
from dqmstream.workspaces.fitting import fitting
from dqmstream.workspaces.registry import load_workspaces
from services.logging.logs import set_up_logs
from services.plugins.bounds import WorkerSettings
from services.settings import Settings
from services.settings_layers import InForce, load_settings
from services.workspaces.limits import PostedLimits

__all__ = [
    "booking_set",
    "chosen_bookings",
    "chosen_tests",
    "in_force",
    "posted_limits",
    "settings_in_force",
    "worker_bounds",
]


def settings_in_force(flags: Mapping[str, object], config: Path | None) -> Settings:
    """Settings of all layers; log lines go where they say from here on."""
    return in_force(flags, config).settings


def in_force(flags: Mapping[str, object], config: Path | None) -> InForce:
    """The same, and where each came from."""
    found = load_settings(flags, os.environ, config)
    settings = found.settings
    set_up_logs(settings.log_level, settings.log_format, secrets=settings.passwords)
    return found


def chosen_bookings(
    settings: Settings, *, columns: Collection[str] | None = None
) -> tuple[Booking, ...]:
    """Workspaces named in the settings, else all that are installed; and those of files.

    Parameters
    ----------
    columns
        Of the source that is played: of the installed workspaces those are chosen that fit it.

    Raises
    ------
    BookingError
        If one is unknown, declared wrongly, or takes more memory than its budget.
    """
    if any(":" in name for name in settings.workspaces):
        _look_here_too()
    of_files = load_workspaces(settings.workspace_files) if settings.workspace_files else ()
    bookings = load_workspaces(settings.workspaces or None)
    if not settings.workspaces and columns is not None:
        bookings = fitting(bookings, columns, beside=of_files)
    return tuple(map(settings.memory_budgets.check, bookings + of_files))


def _look_here_too() -> None:
    """Let `module:attribute` be found where the command is called; last, so it hides nothing."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def booking_set(settings: Settings, bookings: Sequence[Booking]) -> BookingSet:
    """The set of these bookings with the settings that its fold depends on."""
    fold = FoldSettings(partitions=settings.partitions, max_open=settings.max_open)
    return BookingSet(bookings, fold)


def posted_limits(settings: Settings) -> PostedLimits:
    """What workspaces may cost that are posted."""
    return PostedLimits(
        memory=settings.memory_budgets,
        cost=settings.posted_cost,
        cost_all=settings.posted_cost_all,
        most=settings.posted_workspaces,
    )


def worker_bounds(settings: Settings) -> WorkerSettings:
    """Bounds of the workers that run the quality tests of plug-ins."""
    return WorkerSettings(
        seconds=settings.plugin_seconds,
        memory=settings.plugin_memory,
        processes=settings.plugin_processes,
    )


def chosen_tests(
    settings: Settings, bookings: Sequence[Booking] | None = None
) -> tuple[QualityTest, ...]:
    """Tests of the file that is named; else those of the shipped one for these workspaces.

    On a broker workspaces are shared out among all comparators there are, so each takes all of
    the shipped tests, whatever it fills itself; so does one without bookings of its own.
    """
    if not settings.quality_tests:
        tests = default_tests()
        if bookings is None or settings.kafka:
            return tests
        workspaces = {booking.workspace for booking in bookings}
        return tuple(
            test for test in tests if any(matches(test.workspace, one) for one in workspaces)
        )
    path = Path(settings.quality_tests)
    try:
        text = path.read_text()
    except OSError as error:
        raise SourceError("file_missing", f"quality tests {path}: {error.strerror}") from error
    return read_tests(text, str(path), load_plugins().algorithms)
