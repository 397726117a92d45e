"""What an import has to publish, and what it says of itself. Blocking: it reads files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dqmstream.errors import SourceError
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramSet
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.fitting import FittedRun, fit
from dqmstream.sources.histograms.histogram import ImportedHistogram, Rejected
from dqmstream.sources.histograms.reading import HistogramFile, marks_of, open_files
from dqmstream.sources.histograms.room import Room
from dqmstream.sources.histograms.sets import imported_sets

__all__ = ["Collected", "CollectedRun", "FileReport", "collect"]

_EXAMPLES = 5
_DESCRIPTION = "Histograms that were filled elsewhere, and imported."
"""It names no file, so that a run's LSs may come from several files, one after another."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one file came to: histograms taken, those rejected by reason, and the first of them."""

    file: str
    incarnation: str
    marks: tuple[str, ...]
    taken: int
    rejected: dict[str, int]
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectedRun:
    """One run: its booking, and a closed set for each LS, rising, all of one set of bookings."""

    run: int
    booking: Booking
    set: str
    pieces: Sequence[HistogramSet]
    files: Sequence[HistogramFile]
    histograms: int
    notes: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """All of one import."""

    workspace: str
    runs: Sequence[CollectedRun]
    reports: Sequence[FileReport]
    marks: dict[str, tuple[str, ...]]
    """By source."""


def collect(
    paths: Sequence[Path], description: Description, *, workspace: str, writer: str
) -> Collected:
    """Read files and make of them what is to be published.

    Raises
    ------
    SourceError
        If a file cannot be read, or nothing in them can be taken.
    BookingError
        If no workspace can be made of it.
    """
    files = {file.source: file for file in open_files(paths, description)}
    taken: Counter[str] = Counter()
    marks: dict[str, tuple[str, ...]] = {}

    def found() -> "list[ImportedHistogram | Rejected]":
        histograms: list[ImportedHistogram | Rejected] = []
        room = Room()
        for file in files.values():
            histograms += file.histograms(room)
            marks[file.source] = marks_of(file)
        return histograms

    runs, rejected = fit(found(), workspace=workspace, description=_DESCRIPTION)
    for run in runs:
        for lumisection in run.lumisections.values():
            taken.update(lumisection.histograms)
    reports = [_report(file, marks[name], taken[name], rejected) for name, file in files.items()]
    if not runs:
        why = next((one for report in reports for one in report.examples), "they hold none")
        raise SourceError(
            "nothing_to_import", f"no histogram of {', '.join(files)} can be taken: {why}"
        )
    return Collected(
        workspace=workspace,
        runs=[_run(run, files, writer) for run in runs],
        reports=reports,
        marks=marks,
    )


def _report(
    file: HistogramFile, marks: tuple[str, ...], taken: int, rejected: Sequence[Rejected]
) -> FileReport:
    of_file = [one for one in rejected if one.source == file.source]
    return FileReport(
        file=str(file.path),
        incarnation=file.incarnation,
        marks=marks,
        taken=taken,
        rejected=dict(sorted(Counter(one.reason for one in of_file).items())),
        examples=tuple(f"{one.reason}: {one.detail}" for one in of_file[:_EXAMPLES]),
    )


def _run(run: FittedRun, files: dict[str, HistogramFile], writer: str) -> CollectedRun:
    incarnations = {name: file.incarnation for name, file in files.items()}
    pieces = imported_sets(run, incarnations, writer=writer)
    notes: Counter[str] = Counter()
    histograms = 0
    for lumisection in run.lumisections.values():
        histograms += lumisection.histograms.total()
        for counts in lumisection.notes.values():
            notes.update(counts)
    brought = {source.source for piece in pieces for source in piece.account.sources}
    return CollectedRun(
        run=run.run,
        booking=run.layout.booking,
        set=pieces[0].set,
        pieces=pieces,
        files=[file for name, file in files.items() if name in brought],
        histograms=histograms,
        notes=dict(sorted(notes.items())),
    )
