"""Files of histograms, whatever their format, as one stream with a name and a hash for each."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from dqmstream.errors import SourceError
from dqmstream.identity import content_hash
from dqmstream.sources.histograms.arrays import assigns_lumisections, read_hdf5, read_npz
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.histogram import Found
from dqmstream.sources.histograms.room import Room
from dqmstream.sources.histograms.root import read_root
from dqmstream.sources.histograms.tables import read_csv, read_json, read_parquet
from dqmstream.sources.refusing import refusing

__all__ = ["FORMATS", "HistogramFile", "open_files"]

_Read: TypeAlias = Callable[[Path, str, Description, Room], Iterator[Found]]
FORMATS: Final[dict[str, _Read]] = {
    ".root": read_root,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".parquet": read_parquet,
    ".json": read_json,
    ".json.gz": read_json,
    ".npz": read_npz,
    ".hdf5": read_hdf5,
    ".h5": read_hdf5,
}
_UNREADABLE: Final = "file_unreadable"
_READING: Final = 2
"""Rises when the same files would give other histograms: then they are another incarnation."""


class HistogramFile(NamedTuple):
    """One input: a re-readable source named after its file.

    `incarnation` is the hash of the file and of all that was said of it.
    """

    path: Path
    source: str
    incarnation: str
    marks: tuple[str, ...]
    description: Description

    def histograms(self, room: Room | None = None) -> Iterator[Found]:
        """What is in it, in its own order.

        Parameters
        ----------
        room
            Of all files that are kept together.

        Raises
        ------
        SourceError
            If it cannot be read at all, or is too large when it is unpacked.
        """
        room = room or Room()
        read = FORMATS[_suffix(self.path)]
        with refusing(self.path, _UNREADABLE):
            for found in read(self.path, self.source, self.description, room):
                room.take(self.path, found)
                yield found


def open_files(paths: Sequence[Path], description: Description) -> tuple[HistogramFile, ...]:
    """Inputs of these files, hashed.

    Raises
    ------
    SourceError
        If one is missing, unreadable or of an unknown format, or two have one name.
    """
    files: dict[str, HistogramFile] = {}
    for path in paths:
        if not path.is_file():
            raise SourceError("file_missing", f"no such file: {path}")
        if _suffix(path) not in FORMATS:
            detail = f"{path}: expected a name that ends in {', '.join(FORMATS)}"
            raise SourceError("unknown_format", detail)
        if path.name in files:
            detail = f"{path} and {files[path.name].path}: sources are named after their files"
            raise SourceError("two_of_one_name", detail)
        files[path.name] = _opened(path, description)
    return tuple(files.values())


def _opened(path: Path, description: Description) -> HistogramFile:
    with refusing(path, _UNREADABLE), path.open("rb") as file:
        digest = hashlib.file_digest(file, "blake2b").hexdigest()
    return HistogramFile(
        path=path,
        source=path.name,
        incarnation=content_hash([_READING, digest, description]),
        marks=tuple(sorted({"imported", *description.marks})),
        description=description,
    )


def marks_of(file: HistogramFile) -> tuple[str, ...]:
    """Marks of what was read from a file; `lumisections-assigned` where it names none."""
    with refusing(file.path, _UNREADABLE):
        assigned = assigns_lumisections(file.path, file.description)
    if assigned:
        return tuple(sorted({*file.marks, "lumisections-assigned"}))
    return file.marks


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return next((s for s in sorted(FORMATS, key=len, reverse=True) if name.endswith(s)), "")
