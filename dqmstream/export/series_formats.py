"""One element over many lumisections as arrays with a row per LS, written piece by piece.

The pieces are what is held in memory, whatever the number of LSs. Arrays in each format:

- `lumisection(s)` int32[n], rising; `closed`, `complete` bool[n];
- `counts` int64[n, *shape]: entries; for weighted elements and profiles also `values` (sums of
  weights, or means, NaN where empty) and `errors` float64[n, *shape].

`shape` are the axes' bins, with flow or without as asked for. All but .npy carry what is known of
the element as JSON: the archive's member `about`, the schema's metadata `dqmstream`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from dqmstream.export.columnar_series import ArrowSeries, ParquetSeries
from dqmstream.export.numpy_series import NpySeries, NpzSeries
from dqmstream.export.series import Series
from dqmstream.export.series_writer import SeriesWriter

__all__ = ["SERIES_WRITERS"]

SERIES_WRITERS: Final[Mapping[str, Callable[[Series], SeriesWriter]]] = {
    "arrow": ArrowSeries,
    "npy": NpySeries,
    "npz": NpzSeries,
    "parquet": ParquetSeries,
}
"""By name of the format."""
