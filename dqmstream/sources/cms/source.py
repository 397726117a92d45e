"""CMS streamer files as sources of events: one for each run and stream."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dqmstream.booking.absence import NONE_ABSENT, Absence
from dqmstream.booking.columns import encode_batch
from dqmstream.errors import SourceError
from dqmstream.identity import content_hash
from dqmstream.sources.cms.columns import header_schema
from dqmstream.sources.cms.file import StreamerFile, product_readers
from dqmstream.sources.cms.glance import Glance, glance
from dqmstream.sources.cms.listing import Listing, list_streamer_files
from dqmstream.sources.cms.product_reader import ProductReaders
from dqmstream.sources.cms.report import FileReport
from dqmstream.sources.cms.runkey import read_run_key
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.fingerprint import fingerprint
from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = [
    "LUMISECTION_SECONDS",
    "StreamerLumisection",
    "StreamerSource",
    "made_from",
    "streamer_sources",
]

LUMISECTION_SECONDS: Final = 23.31
"""2**18 orbits of 11245.5 Hz."""


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


def made_from(settings: ReadSettings) -> list[object]:
    """What decides, beside the files, which columns are made and how: part of incarnations."""
    fields = [f"{f.name}: {f.type}" for f in header_schema((), settings.made_columns)]
    made: list[object] = [msgspec.to_builtins(settings), fields]
    if settings.product_columns:
        # Products bring kernels with them, which who reads headers need not load.
        from dqmstream.sources.cms.product_columns import (  # noqa: PLC0415
            product_fields,
            tables_hash,
        )

        fields += [f"{f.name}: {f.type}" for f in product_fields(settings.product_columns)]
        made.append(tables_hash())
    return made


class StreamerSource:
    """The files of one stream in one run as an `EventSource`.

    Its incarnation is the hash of the files' names, sizes and first and last 64 KiB, of how they
    are read and of the columns made from them, class tables included; what the files lack of other
    streams' columns is said in each chunk, and does not count. LSs between the files come as holes,
    noted `no_file`.

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
    first_glance
        What the first file says of all; None: it is looked into.
    absence
        What somebody reads and the files do not have.
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
        first_glance: Glance | None = None,
        absence: Absence = NONE_ABSENT,
    ) -> None:
        self.run = run
        self._stream = stream
        self.name = name or f"cms-{stream or 'files'}"
        self.reports: list[FileReport] = []
        self._files = {number: tuple(files[number]) for number in sorted(files)}
        self._settings = settings
        self._products = product_readers(settings)
        self._absence = absence
        paths = (path for paths in self._files.values() for path in paths)
        self._glance = first_glance or glance(paths, settings)
        self.first_lumisection = min(files)
        first = next(iter(self._files.values()))[0]
        self.run_type = read_run_key(first.parent, run).run_key
        self.marks = self._glance.marks
        self.incarnation = content_hash(
            [
                *made_from(settings),
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

    @property
    def columns(self) -> frozenset[str]:
        """All columns that the files can give, by the INIT of the first of them."""
        return self._glance.columns

    @property
    def decodes(self) -> bool:
        """Whether it takes columns out of payloads, by kernels of their own."""
        return bool(self._settings.product_columns)

    def reading(self, columns: Collection[str], offered: Collection[str] = ()) -> "StreamerSource":
        """The same source, which sends only these columns, as far as it has them, and `event`."""
        return StreamerSource(
            self.run,
            self._stream,
            self._files,
            self._settings.reading(self.columns.intersection(columns)),
            name=self.name,
            first_glance=self._glance,
            absence=self._glance.absence(columns, self.columns.union(offered)),
        )

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for number in range(max(after + 1, self.first_lumisection), max(self._files) + 1):
            files = self._files.get(number, ())
            yield StreamerLumisection(
                number,
                files,
                self._settings,
                self.reports,
                products=self._products,
                absence=self._absence,
            )


class StreamerLumisection:
    """One LS of a stream: its files one after another, chunks cut within each file.

    Parameters
    ----------
    reports
        Takes the report of each file that was read.
    products
        Makes the columns of products; None: those that the settings name.
    absence
        What somebody reads and the files do not have.
    """

    seconds = LUMISECTION_SECONDS

    def __init__(
        self,
        lumisection: int,
        paths: Sequence[Path],
        settings: ReadSettings,
        reports: list[FileReport],
        *,
        products: ProductReaders | None = None,
        absence: Absence = NONE_ABSENT,
    ) -> None:
        self.lumisection = lumisection
        self._paths = paths
        self._settings = settings
        self._reports = reports
        self._products = products
        self._absence = absence
        self._notes: dict[str, int] = {} if paths else {"no_file": 1}

    def chunks(self) -> Iterator[SourceChunk]:
        for index, path in enumerate(self._paths):
            file = StreamerFile(path, self._settings, products=self._products)
            read = 0
            for chunk in file.chunks():
                read += chunk.counts.events
                announced = file.report.jsn.accepted if file.report.jsn else read
                within = min(1.0, read / max(announced, 1))
                yield SourceChunk(
                    body=encode_batch(self._absence.written(chunk.batch)),
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
