"""A data file and the `.jsn` beside it, and what their name says."""

import re
from pathlib import Path

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.jsn import Jsn, read_jsn
from dqmstream.sources.cms.limits import Limits

__all__ = ["StreamerName", "StreamerPair", "ended_run", "find_pair", "parse_name"]

_NAME = re.compile(r"run(\d{1,10})_ls(\d{1,10})_(stream[A-Za-z0-9]+)(_.*)?\.(?:jsn|dat)", re.ASCII)

_END_OF_RUN = re.compile(r"run(\d{1,10})_ls0+_EoR\.jsn", re.ASCII)


class StreamerName(msgspec.Struct, frozen=True, kw_only=True):
    """Run, lumisection and stream as a file name says them, and how it ends before the suffix."""

    lumisection: LumisectionId
    stream: str
    ending: str = ""


class StreamerPair(msgspec.Struct, frozen=True, kw_only=True):
    """Data file and `.jsn` that belong together.

    `dat` is None when the `.jsn` accepted no event and names no file; `jsn` is None when a data
    file stands alone; `name` is None when the name is not of the DAQ's pattern.
    """

    dat: Path | None
    jsn_path: Path | None
    jsn: Jsn | None
    name: StreamerName | None

    @property
    def named(self) -> LumisectionId | None:
        """Run and lumisection as the file name says."""
        return self.name.lumisection if self.name else None

    @property
    def is_empty(self) -> bool:
        """Whether no event was accepted and, rightly, no data file is there to be read."""
        nothing = self.jsn is not None and self.jsn.accepted == 0 and not self.jsn.size
        return nothing and (self.dat is None or not self.dat.exists())

    def existing_dat(self) -> Path:
        """The data file.

        Raises
        ------
        SourceError
            `file_missing`, `file_empty` or `file_unreadable` (not a regular file).
        """
        if self.dat is None:
            raise SourceError("file_missing", f"{self.jsn_path} names no data file")
        if not self.dat.exists():
            raise SourceError("file_missing", f"data file {self.dat} is not there")
        if not self.dat.is_file():
            raise SourceError("file_unreadable", f"{self.dat} is not a regular file")
        if self.dat.stat().st_size == 0:
            raise SourceError("file_empty", f"data file {self.dat} has no bytes")
        return self.dat


def parse_name(name: str) -> StreamerName | None:
    """Parts of `runR_lsL_streamS[_rest].dat` (or `.jsn`); None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    run, lumisection, stream, ending = match.groups()
    return StreamerName(
        lumisection=LumisectionId(int(run), int(lumisection)), stream=stream, ending=ending or ""
    )


def ended_run(name: str) -> int | None:
    """Run whose end a file of this name marks; None for any other name. Its content is nothing."""
    match = _END_OF_RUN.fullmatch(name)
    return int(match[1]) if match else None


def find_pair(path: Path, limits: Limits) -> StreamerPair:
    """The pair that `path`, a `.jsn` or a data file, belongs to.

    Raises
    ------
    SourceError
        What reading the `.jsn` raises. A broken `.jsn` refuses its data file too: the file may
        still be in the making.
    """
    name = parse_name(path.name)
    if path.suffix == ".jsn":
        jsn = read_jsn(path, limits)
        dat = path.parent / jsn.file if jsn.file else None
        return StreamerPair(dat=dat, jsn_path=path, jsn=jsn, name=name)
    jsn_path = path.with_suffix(".jsn")
    if not jsn_path.exists():
        return StreamerPair(dat=path, jsn_path=None, jsn=None, name=name)
    return StreamerPair(dat=path, jsn_path=jsn_path, jsn=read_jsn(jsn_path, limits), name=name)
