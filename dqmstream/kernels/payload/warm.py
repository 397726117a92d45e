"""Compiling the kernels of event payloads before the first event comes."""

from pathlib import Path

import numpy as np

from dqmstream.kernels.compile import CacheReport, compile_with
from dqmstream.kernels.payload.copying import copy_records, count_records
from dqmstream.kernels.payload.fed import checksums, read_fragments
from dqmstream.kernels.payload.frame import find_products
from dqmstream.kernels.payload.global_trigger import read_trigger_records
from dqmstream.kernels.payload.hits import WORDS, count_hits
from dqmstream.kernels.payload.program import ALTERNATIVE, LEAF, NODE, PRODUCT, RECORD_FIELDS
from dqmstream.kernels.payload.state import STACK_FIELDS, STATE_FIELDS
from dqmstream.kernels.payload.walking import walk

__all__ = ["warm_payloads"]


def warm_payloads(folder: Path | None = None) -> CacheReport:
    """Compile what reads payloads, or read it from the cache. Blocks for long without a cache.

    Parameters
    ----------
    folder
        Where compiled kernels are kept; None leaves it to Numba.
    """
    return compile_with(_read_nothing, folder)


def _read_nothing() -> None:
    """Call each kernel with the types it is used with, for no event."""
    buffer, offsets, none = np.zeros(8, np.uint8), np.zeros(1, np.int64), np.zeros(0, np.int64)
    places, faults = np.zeros((0, 0, 2), np.int64), np.zeros((0, 1), np.int64)
    found, pairs = np.zeros((0, 1, 2), np.int64), np.zeros((1, 2), np.int64)
    find_products(buffer, offsets, pairs, pairs, none, places, faults, found)
    leaves, records = np.zeros(0, LEAF), np.zeros((0, RECORD_FIELDS), np.int64)
    tables = np.zeros(0, NODE), np.zeros(0, ALTERNATIVE), none, leaves
    state, stack = np.zeros(STATE_FIELDS, np.int64), np.zeros((1, STACK_FIELDS), np.int64)
    products, counts = np.zeros(0, PRODUCT), np.zeros((0, 0), np.int64)
    sums = np.zeros((1, 3), np.int64)
    walk(
        *(buffer, offsets, *tables, products, places, faults, found),
        *(counts, records, state, stack, sums, 0),
    )
    count_records(records, none, none)
    views = (buffer.view(type_) for type_ in (np.uint16, np.uint32, np.int64))
    copy_records(buffer, records, leaves, buffer, *views, none, none, none)
    bytes_ = buffer[:0]
    count_hits(np.zeros((0, WORDS), np.uint16), bytes_, bytes_)
    for read in (read_fragments, checksums, read_trigger_records):
        read(bytes_, none, none)
