"""Compiling all kernels before the first event comes."""

from pathlib import Path

import numpy as np

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.compile import CacheReport, compile_with
from dqmstream.kernels.filler import WorkspaceFiller

__all__ = ["warm"]


def warm(folder: Path | None = None) -> CacheReport:
    """Compile the filling kernel, or read it from the cache. Blocks for seconds without a cache.

    Parameters
    ----------
    folder
        Where compiled kernels are kept; None leaves it to Numba.
    """
    return compile_with(_fill_once, folder)


def _fill_once() -> None:
    booking = Workspace("Warm", "", [histogram("x", regular(1, 0, 1), fill="x")])
    layout = Layout(booking)
    columns = Columns(events=1, values={"x": np.zeros(1)}, collections={}, texts={})
    WorkspaceFiller(layout).fill(Contents.empty(layout), columns, source="", number=0)
