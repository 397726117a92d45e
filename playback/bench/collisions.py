"""Vertices and tracks of streamer files, for fits of the beam spot."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.beam_spot.samples import TRACK_COLUMNS, VERTEX_COLUMNS, TrackSample, VertexSample
from dqmstream.beam_spot.simulation import Collisions
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.settings import ReadSettings

__all__ = ["read_collisions"]

_SCOUTING: Final = {
    "pixel_hits": "n_valid_pixel_hits",
    "strip_hits": "n_valid_strip_hits",
}
_SCOUTING_COLUMNS: Final = (
    *(_SCOUTING.get(name, name) for name in TRACK_COLUMNS if name != "normalized_chi2"),
    "chi2",
    "ndof",
)

Array = NDArray[Any]


def read_collisions(path: Path) -> Collisions:
    """Vertices and tracks of a file: reconstructed tracks, or those of scouting if it has none.

    Vertices of scouting are left out: their x and y are those of the beam line.
    """
    columns, offsets = _read(path)

    def of(collection: str) -> Callable[[str], Array]:
        return lambda name: columns[f"{collection}.{name}"]

    def of_scouting(name: str) -> Array:
        if name == "normalized_chi2":
            return columns["scouting_tracks.chi2"] / np.maximum(columns["scouting_tracks.ndof"], 1)
        return columns[f"scouting_tracks.{_SCOUTING.get(name, name)}"]

    if offsets["tracks"][-1] == 0 < offsets["scouting_tracks"][-1]:
        tracks = TrackSample.from_columns(of_scouting, offsets["scouting_tracks"])
    else:
        tracks = TrackSample.from_columns(of("tracks"), offsets["tracks"])
    return Collisions(VertexSample.from_columns(of("vertices")), tracks)


def _read(path: Path) -> tuple[dict[str, Array], dict[str, NDArray[np.int64]]]:
    """Members of all objects, and where each event's objects begin."""
    wanted = {
        "vertices": VERTEX_COLUMNS,
        "tracks": TRACK_COLUMNS,
        "scouting_tracks": _SCOUTING_COLUMNS,
    }
    parts: dict[str, list[Array]] = defaultdict(list)
    counts: dict[str, list[Array]] = {name: [np.zeros(1, np.int64)] for name in wanted}
    names = tuple(f"{collection}.{m}" for collection, members in wanted.items() for m in members)
    for batch in StreamerFile(path, ReadSettings(columns=names)).batches():
        for collection in wanted:
            column = batch.column(collection)
            assert isinstance(column, pa.ListArray)  # noqa: S101 the reader's own schema
            objects = column.flatten()
            assert isinstance(objects, pa.StructArray)  # noqa: S101 the same
            counts[collection].append(np.diff(column.offsets.to_numpy()))
            for field in objects.type:
                values = objects.field(field.name).to_numpy(zero_copy_only=False)
                parts[f"{collection}.{field.name}"].append(values)
    columns = {name: np.concatenate(parts[name] or [np.zeros(0)]) for name in names}
    offsets = {name: np.cumsum(np.concatenate(each)) for name, each in counts.items()}
    return columns, offsets
