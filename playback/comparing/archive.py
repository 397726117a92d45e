"""A result of what is made already: a run of a store, an archive or an export of one, or histograms
in a file.

There is no more in it than was kept: of a store and its archives contents and reports, of a file
contents. Costs, alarms and logs of such a side are not known, and not compared.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.fold.merged_account import MergedAccount
from dqmstream.histograms.contents import Contents
from dqmstream.messages.quality import QualityReports
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.fitting import FittedRun, fit
from dqmstream.sources.histograms.reading import open_files
from dqmstream.store.store import Store
from playback.comparing.archive_folder import is_archive, of_archive, tests_of
from playback.comparing.exported import is_export, of_export
from playback.comparing.playing import result_of
from playback.comparing.release import Archive, Made, StoredRun
from playback.comparing.results import (
    Begun,
    Ended,
    LumisectionResult,
    ResultFolder,
    ResultWriter,
)

__all__ = ["ARCHIVED", "made_result"]

ARCHIVED: Final = "archive"
"""Workspace of what a file has: it does not say of which workspaces its histograms are."""
_NUMBERED: Final = 1
"""Run of a file that names none."""


def made_result(made: Made, folder: Path, run: int | None = None) -> ResultFolder:
    """Write the result of something that is made already.

    Parameters
    ----------
    folder
        Empty, or not there.
    run
        Which run of a file that has several.

    Raises
    ------
    SourceError, StoreError
        If it cannot be read, or has nothing of the run.
    ConfigurationError
        If a file has several runs and none is named.
    """
    writer = ResultWriter(folder)
    match made:
        case StoredRun():
            _of_store(made, writer)
        case Archive() if is_archive(made.file):
            of_archive(str(made), made.file, writer)
        case Archive() if is_export(made.file):
            of_export(str(made), made.file, writer)
        case Archive():
            _of_file(made, writer, run)
    return ResultFolder(folder)


def _of_store(made: StoredRun, writer: ResultWriter) -> None:
    with Store(_url(made)) as store:
        shown = store.active_set(made.run)
        sets = store.sets(made.run)
        chosen = shown if shown in sets else (sets[0] if sets else None)
        if chosen is None:
            msg = f"{made}: nothing is stored of run {made.run}"
            raise ConfigurationError(msg)
        reports = _reports(store, made.run, chosen)
        accounts = _accounts(store, made.run, chosen)
        layouts = {w: store.layout(chosen, made.run, w) for w in store.bookings(chosen)}
        begun = Begun(
            release=str(made), version="", hash=chosen, recording="", run=made.run, events=False
        )
        writer.begin(begun, [layout.booking for layout in layouts.values()], tests_of(reports))
        for number, account in sorted(accounts.items()):
            contents = [
                result_of(window.contents)
                for workspace in sorted(layouts)
                if (window := store.contents(chosen, made.run, workspace, [number])).lumisections
            ]
            writer.add(
                LumisectionResult(
                    lumisection=number,
                    seen=account.seen,
                    selected=account.selected,
                    contents=tuple(contents),
                    reports=tuple(reports.get(number, ())),
                )
            )
    several = f"; others are stored too: {', '.join(sets)}" if len(sets) > 1 else ""
    writer.end(Ended(notes=(f"set {chosen} of run {made.run}{several}",)))


def _url(made: StoredRun) -> str:
    if "://" in made.store:
        return made.store
    place = Path(made.store or ".")
    for file in (place, place / "store.sqlite", place / "store" / "store.sqlite"):
        if file.is_file():
            return f"sqlite:///{file.resolve()}"
    msg = f"{made}: no store in {place}: expected its file, its folder, or an address"
    raise ConfigurationError(msg)


def _accounts(store: Store, run: int, chosen: str) -> dict[int, MergedAccount]:
    """Which events are in each LS that is stored."""
    found, after = dict[int, MergedAccount](), None
    while True:
        page = store.lumisections(run, set=chosen, after=after)
        found.update((one.lumisection, one.account) for one in page.items)
        if page.after is None:
            return found
        after = page.after


def _reports(store: Store, run: int, chosen: str) -> dict[int, list[QualityReports]]:
    found: dict[int, list[QualityReports]] = {}
    after = None
    while True:
        page = store.reports(run, set=chosen, after=after)
        for one in page.items:
            found.setdefault(one.lumisection, []).append(one)
        if page.after is None:
            return found
        after = page.after


def _of_file(made: Archive, writer: ResultWriter, run: int | None) -> None:
    (opened,) = open_files([made.file], Description(run=run or _NUMBERED))
    runs, rejected = fit(opened.histograms(), workspace=ARCHIVED)
    fitted = _chosen(made, runs, run)
    begun = Begun(
        release=str(made),
        version="",
        hash=opened.incarnation,
        recording="",
        run=fitted.run,
        events=False,
        workspaces=False,
    )
    writer.begin(begun, [fitted.layout.booking], ())
    for number, contents in _contents(fitted):
        writer.add(LumisectionResult(lumisection=number, contents=(result_of(contents),)))
    notes = tuple(f"left out: {one.reason}: {one.detail}" for one in rejected[:20])
    more = (f"{len(rejected) - 20} more left out",) if len(rejected) > 20 else ()
    writer.end(Ended(notes=notes + more))


def _chosen(made: Archive, runs: list[FittedRun], run: int | None) -> FittedRun:
    if not runs:
        raise SourceError("no_histograms", f"{made}: it holds none that can be read")
    for one in runs:
        if run in {None, one.run} and (run is not None or len(runs) == 1):
            return one
    numbers = ", ".join(str(one.run) for one in runs[:10])
    msg = f"{made}: it has runs {numbers}: say which by --run"
    raise ConfigurationError(msg)


def _contents(fitted: FittedRun) -> Iterator[tuple[int, Contents]]:
    for number, one in fitted.lumisections.items():
        yield number, one.contents
