"""CMS streamer files as sources of events: one for each run and stream."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dqmstream.booking.columns import encode_batch
from dqmstream.errors import SourceError
from dqmstream.identity import content_hash
from dqmstream.sources.cms.columns import header_schema
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.listing import Listing, list_streamer_files
from dqmstream.sources.cms.report import FileReport
from dqmstream.sources.cms.runkey import read_run_key
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.fingerprint import fingerprint
from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = [
    "LUMISECTION_SECONDS",
    "Glance",
    "StreamerLumisection",
    "StreamerSource",
    "glance",
    "streamer_sources",
]

LUMISECTION_SECONDS: Final = 23.31
"""2**18 orbits of 11245.5 Hz."""
_LABELLED: Final = ("hlt.path", "hlt_pass.path", "hlt_pair.first")


def streamer_sources(
    paths: Iterable[Path], settings: ReadSettings | None = None
) -> tuple[list["StreamerSource"], Listing]:
    """Sources for all runs and streams among files and folders, and what was found.

    Raises
    ------
    SourceError
        With reason `no_files` if nothing of it can be read.
    """
    settings = settings or ReadSettings()
    listing = list_streamer_files(paths, lumisection_from=settings.lumisection_from)
    by_source: dict[tuple[int, str], dict[int, tuple[Path, ...]]] = {}
    for group in listing.groups:
        files = by_source.setdefault((group.lumisection.run, group.stream), {})
        files[group.lumisection.lumisection] = group.paths
    if not by_source:
        found = "; ".join(f"{s.path}: {s.reason}: {s.detail}" for s in listing.skipped[:5])
        raise SourceError("no_files", f"no streamer file to read ({found or 'nothing found'})")
    sources = [
        StreamerSource(run, stream, files, settings)
        for (run, stream), files in sorted(by_source.items())
    ]
    return sources, listing


class Glance(NamedTuple):
    """What the first readable file of a run says of all: the trigger menu, and how it is marked."""

    hlt_paths: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the HLT paths for the columns that number them."""
        return dict.fromkeys(_LABELLED, self.hlt_paths) if self.hlt_paths else {}


def glance(paths: Iterable[Path], settings: ReadSettings) -> Glance:
    """Read the begin of the first file that has one."""
    marks = set() if settings.selection.takes_all else {"selected"}
    for path in paths:
        file = StreamerFile(path, settings)
        next(file.events(), None)
        if file.init is not None:
            report = file.report
            if report.content not in {None, report.lumisection}:
                marks.add("re-timed")
            return Glance(file.init.hlt_paths, tuple(sorted(marks)))
    return Glance((), tuple(sorted(marks)))


class StreamerSource:
    """The files of one stream in one run as an `EventSource`.

    Its incarnation is the hash of the files' names, sizes and first and last 64 KiB, of how they
    are read and of the columns made from them. LSs between the files come as holes, noted
    `no_file`.

    Parameters
    ----------
    run, stream
        What the files have in common.
    files
        Lumisection to its files, in the order of their names.
    settings
        How to read.
    name
        Of the source, if it is not that of the stream.
    """

    rereadable = True

    def __init__(
        self,
        run: int,
        stream: str,
        files: Mapping[int, Sequence[Path]],
        settings: ReadSettings,
        *,
        name: str = "",
    ) -> None:
        self.run = run
        self.name = name or f"cms-{stream or 'files'}"
        self.reports: list[FileReport] = []
        self._files = {number: tuple(files[number]) for number in sorted(files)}
        self._settings = settings
        self._glance = glance((path for paths in self._files.values() for path in paths), settings)
        self.first_lumisection = min(files)
        first = next(iter(self._files.values()))[0]
        self.run_type = read_run_key(first.parent, run).run_key
        self.marks = self._glance.marks
        self.incarnation = content_hash(
            [
                msgspec.to_builtins(settings),
                [f"{f.name}: {f.type}" for f in header_schema((), settings.made_columns)],
                {
                    str(number): [_fingerprint(path) for path in paths]
                    for number, paths in self._files.items()
                },
            ]
        )

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the HLT paths, in the order of the menu of the first file."""
        return self._glance.labels

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for number in range(max(after + 1, self.first_lumisection), max(self._files) + 1):
            files = self._files.get(number, ())
            yield StreamerLumisection(number, files, self._settings, self.reports)


class StreamerLumisection:
    """One LS of a stream: its files one after another, chunks cut within each file.

    Parameters
    ----------
    reports
        Takes the report of each file that was read.
    """

    seconds = LUMISECTION_SECONDS

    def __init__(
        self,
        lumisection: int,
        paths: Sequence[Path],
        settings: ReadSettings,
        reports: list[FileReport],
    ) -> None:
        self.lumisection = lumisection
        self._paths = paths
        self._settings = settings
        self._reports = reports
        self._notes: dict[str, int] = {} if paths else {"no_file": 1}

    def chunks(self) -> Iterator[SourceChunk]:
        for index, path in enumerate(self._paths):
            file = StreamerFile(path, self._settings)
            read = 0
            for chunk in file.chunks():
                read += chunk.counts.events
                announced = file.report.jsn.accepted if file.report.jsn else read
                within = min(1.0, read / max(announced, 1))
                yield SourceChunk(
                    body=encode_batch(chunk.batch),
                    seen=chunk.counts.events,
                    selected=chunk.counts.selected,
                    at=self.seconds * (index + within) / len(self._paths),
                )
            self._note(file.report)

    def notes(self) -> Mapping[str, int]:
        return self._notes

    def _note(self, report: FileReport) -> None:
        """Count what this file could not give, by reason."""
        self._reports.append(report)
        for name, count in report.notes().items():
            self._notes[name] = self._notes.get(name, 0) + count


def _fingerprint(path: Path) -> list[object]:
    """That of the data file; of one that is not there too, so that its coming is a change."""
    dat = path.with_suffix(".dat")
    try:
        return fingerprint(dat)
    except OSError:
        return [dat.name, -1, ""]
