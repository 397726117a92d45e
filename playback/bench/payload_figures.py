"""What an independent reader found inside three public streamer files of CMS.

The reader shares no code with this project. Files: run 346373 LS 27 and 28 of the stream
DQMOnlineBeamspot, run 392642 LS 174 of DQMOnlineScouting.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FIGURES", "Figure", "figure"]


class Figure(NamedTuple):
    """A column's sum, or the number of objects of a collection (`tracks`), and its last digit."""

    name: str
    expected: float
    tolerance: float


def _figures(
    counts: dict[str, int], sums: dict[str, float], tolerance: float
) -> tuple[Figure, ...]:
    return (
        *(Figure(name, number, 0) for name, number in counts.items()),
        *(Figure(name, number, tolerance) for name, number in sums.items()),
    )


FIGURES: Final = {
    (346373, 27): _figures(
        {
            "tracks": 907,
            "vertices": 83,
            "tracks.charge": 479 - 428,
            "tracks.pixel_hits": 3738,
            "tracks.strip_hits": 5957,
            "tracks.missing_hits": 167,
            "tracks.inactive_hits": 211,
            "tracks.pixel_layers": 3634,
            "tracks.strip_layers": 5273,
            "vertices.tracks": 713,
        },
        {
            "tracks.pt": 548.470,
            "tracks.chi2": 15932.330,
            "tracks.ndof": 14855,
            "vertices.chi2": 1006.729,
            "vertices.ndof": 923.297,
        },
        6e-4,
    ),
    (346373, 28): _figures(
        {
            "tracks": 742,
            "vertices": 57,
            "tracks.charge": 357 - 385,
            "tracks.pixel_hits": 3074,
            "tracks.strip_hits": 4925,
            "tracks.missing_hits": 156,
            "tracks.inactive_hits": 191,
            "tracks.pixel_layers": 2985,
            "tracks.strip_layers": 4363,
            "vertices.tracks": 564,
        },
        {
            "tracks.pt": 449.676,
            "tracks.chi2": 13258.636,
            "tracks.ndof": 12288,
            "vertices.chi2": 876.803,
            "vertices.ndof": 735.517,
        },
        6e-4,
    ),
    (392642, 174): _figures(
        {
            "scouting_electrons": 46,
            "scouting_photons": 131,
            "scouting_muons_vtx": 28,
            "scouting_muons_no_vtx": 23,
            "scouting_jets": 1409,
            "scouting_particles": 13736,
            "scouting_tracks": 3266,
            "scouting_vertices_primary": 970,
            "scouting_vertices_displaced_vtx": 5,
            "scouting_vertices_displaced_no_vtx": 3,
            "beam_spot": 35,
            "fed": 35,
            "fed.size": 301000,
            "fed.crc_ok": 35,
        },
        {
            "scouting_electrons.pt": 782.555,
            "scouting_photons.pt": 1671.522,
            "scouting_muons_vtx.pt": 230.819,
            "scouting_muons_no_vtx.pt": 192.454,
            "scouting_jets.pt": 42549.73,
            "scouting_particles.pt": 31804.12,
            "scouting_tracks.pt": 9631.02,
        },
        6e-3,
    ),
}
"""By run and lumisection."""


def figure(batch: pa.RecordBatch, name: str) -> float:
    """The figure of this name in a batch of columns; NaN where it has no such column."""
    collection, _, member = name.partition(".")
    if collection not in batch.schema.names:
        return float("nan")
    objects: Any = batch.column(collection)
    if not pa.types.is_list(objects.type):
        return float(pc.sum(objects).as_py())
    flat = objects.flatten()
    if not member:
        return float(len(flat))
    values = np.asarray(flat.field(member))
    return float(values.sum(dtype=np.float64))
