"""Elements as a NumPy .npz archive.

Under each element's path: `<path>/counts` (entries, int64), for weighted elements and profiles
`<path>/values` and `<path>/errors` (float64), all shaped as the axes with flow, and for each axis
`<path>/edges0`, ... (float64[bins + 1], without flow). Scalars and texts are `<path>/value`.
`about` is a JSON text with all that is known of each element.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqmstream.export.about import Exported, metadata
from dqmstream.histograms.element import axis_edges

__all__ = ["npz_file", "to_arrays"]


def to_arrays(exported: Sequence[Exported]) -> dict[str, NDArray[Any]]:
    """The arrays of the archive by name; where two elements have one path, the last one stands."""
    arrays: dict[str, NDArray[Any]] = {"about": np.array(metadata(exported).decode())}
    for each in exported:
        arrays |= {f"{each.path}/{name}": array for name, array in _arrays(each).items()}
    return arrays


def npz_file(exported: Sequence[Exported]) -> bytes:
    """The archive, not compressed: counts travel compressed only where a client asks for it."""
    sink = io.BytesIO()
    # Names of paths may be anything; savez would take `file` for its own argument.
    np.savez(sink, allow_pickle=False, **to_arrays(exported))
    return sink.getvalue()


def _arrays(exported: Exported) -> dict[str, NDArray[Any]]:
    element = exported.element
    if not exported.place.planes:
        value = element.value
        return {} if value is None else {"value": np.array(value)}
    arrays: dict[str, NDArray[Any]] = {"counts": element.counts(flow=True)}
    if exported.place.planes > 1:
        arrays |= {"values": element.values(flow=True), "errors": element.errors(flow=True)}
    for number, axis in enumerate(element.axes):
        arrays[f"edges{number}"] = axis_edges(axis)
    return arrays
