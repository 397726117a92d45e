"""What is seen in watched folders: a `.jsn` with what it announces, or why it cannot be used yet.

A folder holds `runNNNNNN/` folders; each file in one is written elsewhere and renamed into it, the
data file before its `.jsn`, so that a `.jsn` that is seen is whole. Where a file system does not
keep that promise, what cannot be used is looked at again.

Facts: CMSSW `DQMServices/StreamerIO/plugins/DQMFileIterator.cc`.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.pair import StreamerName, ended_run, find_pair, parse_name

__all__ = ["FolderView", "Sighting", "look", "run_folders", "view"]

_RUN_FOLDER: Final = re.compile(r"run0*(\d{1,10})", re.ASCII)
_FRESH_NS: Final = 1_000_000_000
"""A folder changed this long before it was read may have changed since without a new date."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A `.jsn` file.

    `events` is what it announces (accepted events), 0 while it cannot be read. `trouble` is empty
    once it can be used, else the reason why not yet, by the names of `report.REFUSALS`.
    """

    path: Path
    lumisection: LumisectionId
    stream: str
    ending: str
    events: int = 0
    trouble: str = ""


class FolderView(msgspec.Struct, frozen=True, kw_only=True):
    """The names in one run folder: those of `.jsn` files by path, and whether the run has ended.

    `date` is what tells whether to read the folder again; None: always.
    """

    run: int
    names: Mapping[Path, StreamerName]
    ended: bool
    others: int
    date: int | None


def run_folders(roots: Iterable[Path]) -> dict[Path, int]:
    """The `runNNNNNN` folders in all roots, with their run. Blocks."""
    found = {}
    for root in roots:
        try:
            with os.scandir(root) as entries:
                for entry in entries:
                    match = _RUN_FOLDER.fullmatch(entry.name)
                    if match and 0 < int(match[1]) <= 0xFFFFFFFF and entry.is_dir():
                        found[Path(entry.path)] = int(match[1])
        except OSError:
            # It may be made again: a folder that is away is one without runs.
            continue
    return found


def view(folder: Path, run: int, now: int, known: FolderView | None = None) -> FolderView | None:
    """The names in a run folder; `known` if that has not changed, None if it has gone. Blocks.

    Parameters
    ----------
    now
        Wall clock, nanoseconds since 1970.
    """
    try:
        date = folder.stat().st_mtime_ns
        if known is not None and known.date == date:
            return known
        names: dict[Path, StreamerName] = {}
        ended, others = False, 0
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not name.endswith(".jsn") or name.startswith("."):
                    continue
                parsed = parse_name(name)
                if parsed and parsed.lumisection.run == run and parsed.lumisection.lumisection:
                    names[Path(entry.path)] = parsed
                elif ended_run(name) == run:
                    ended = True
                else:
                    others += 1
    except OSError:
        return None
    fresh = date > now - _FRESH_NS
    return FolderView(
        run=run, names=names, ended=ended, others=others, date=None if fresh else date
    )


def look(path: Path, name: StreamerName, limits: Limits) -> Sighting | None:
    """Read a `.jsn`, and see whether its data file is there; None if it has gone. Blocks."""
    events, trouble = 0, ""
    try:
        pair = find_pair(path, limits)
        events = pair.jsn.accepted if pair.jsn else 0
        if not pair.is_empty and (pair.dat is None or not pair.dat.exists()):
            trouble = "file_missing"
    except SourceError as error:
        trouble = error.reason
        if trouble == "file_missing":
            return None
    return Sighting(
        path=path,
        lumisection=name.lumisection,
        stream=name.stream,
        ending=name.ending,
        events=events,
        trouble=trouble,
    )
