"""Which files to read, in which order: files and folders of a command line, by lumisection."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.pair import ended_run, find_pair, parse_name
from dqmstream.sources.cms.reader import peek_file
from dqmstream.sources.cms.settings import LumisectionFrom

__all__ = [
    "Listing",
    "LumisectionFiles",
    "SkippedFile",
    "has_streamer_files",
    "list_streamer_files",
]


class LumisectionFiles(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """The files of one stream that hold one lumisection, sorted by name."""

    lumisection: LumisectionId
    stream: str
    paths: tuple[Path, ...]


class SkippedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not read, and why."""

    path: Path
    reason: str
    detail: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What is there to read, by (run, lumisection, stream).

    `ended_runs` are those with an end-of-run file. Each path can be given to `StreamerFile`; a
    broken file is listed as long as its name says where it belongs, so that its reader reports it.
    """

    groups: tuple[LumisectionFiles, ...]
    skipped: tuple[SkippedFile, ...]
    ended_runs: frozenset[int]


def list_streamer_files(
    paths: Iterable[Path],
    *,
    lumisection_from: LumisectionFrom = "content",
    limits: Limits | None = None,
) -> Listing:
    """Find streamer files and put them in the order of data taking.

    A folder stands for the `.jsn` files in it and in its `run*` folders; a data file there
    without a `.jsn` may be half written and is skipped. A data file given by itself is listed.

    Parameters
    ----------
    paths
        `.jsn` files, data files and folders.
    lumisection_from
        Group by what the events say, or by the name; either stands in for the other.
    limits
        For reading `.jsn` files and message headers.

    Returns
    -------
    Listing
        Each data file once, whichever way and how often it was named.
    """
    survey = _Survey(lumisection_from, limits or Limits())
    for path in paths:
        if path.is_dir():
            for folder in _looked_into(path):
                survey.take_folder(folder)
        else:
            survey.take(path)
    return survey.listing()


def has_streamer_files(folder: Path) -> bool:
    """Whether a folder or one of its `run*` folders has files that may be streamer files."""
    parts = _looked_into(folder)
    return any(next(part.glob(f"*{end}"), None) for part in parts for end in (".jsn", ".dat"))


def _looked_into(folder: Path) -> list[Path]:
    return [folder, *sorted(part for part in folder.glob("run*") if part.is_dir())]


class _Survey:
    """Takes paths one by one, and remembers which data files it met."""

    def __init__(self, lumisection_from: LumisectionFrom, limits: Limits) -> None:
        self._lumisection_from = lumisection_from
        self._limits = limits
        self._groups: dict[tuple[LumisectionId, str], list[Path]] = defaultdict(list)
        self._skipped: dict[Path, SkippedFile] = {}
        self._ended_runs: set[int] = set()
        self._met: set[Path] = set()

    def take_folder(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.jsn")):
            self.take(path)
        for dat in sorted(folder.glob("*.dat")):
            if dat.absolute() not in self._met:
                detail = "no .jsn names it: not yet complete, or left over"
                self._skip(dat, SourceError("jsn_missing", detail))

    def take(self, path: Path) -> None:
        run = ended_run(path.name)
        if run is not None:
            self._ended_runs.add(run)
            return
        dat, content, trouble = self._look_into(path)
        if dat in self._met:
            return
        self._met.add(dat)
        name = parse_name(path.name)
        by_name = name is not None and (self._lumisection_from == "name" or content is None)
        lumisection = name.lumisection if name is not None and by_name else content
        if lumisection is None:
            self._skip(path, trouble)
        else:
            self._skipped.pop(dat, None)
            self._groups[lumisection, name.stream if name else ""].append(path)

    def _skip(self, path: Path, error: SourceError) -> None:
        skipped = SkippedFile(path=path, reason=error.reason, detail=error.detail)
        self._skipped[path.absolute()] = skipped

    def _look_into(self, path: Path) -> tuple[Path, LumisectionId | None, SourceError]:
        """Data file, what its events say, and why they say nothing if they do not."""
        dat = path.with_suffix(".dat")
        detail = f"neither the name {path.name} nor its events say a run and lumisection"
        trouble = SourceError("lumisection_unknown", detail)
        content = None
        try:
            pair = find_pair(path, self._limits)
            dat = pair.dat or dat
            if not pair.is_empty:
                content = peek_file(pair.existing_dat(), self._limits)
        except SourceError as error:
            trouble = error
        return dat.absolute(), content, trouble

    def listing(self) -> Listing:
        groups = [
            LumisectionFiles(
                lumisection=lumisection,
                stream=stream,
                paths=tuple(sorted(paths, key=lambda path: path.name)),
            )
            for (lumisection, stream), paths in sorted(self._groups.items())
        ]
        return Listing(
            groups=tuple(groups),
            skipped=tuple(skipped for _, skipped in sorted(self._skipped.items())),
            ended_runs=frozenset(self._ended_runs),
        )
