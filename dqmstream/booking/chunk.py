"""A chunk's columns as a filler sees them: those of its body, and when the log took it."""

from dataclasses import replace
from typing import Final

import numpy as np

from dqmstream.booking.columns import Columns, decode_batch
from dqmstream.errors import MessageError
from dqmstream.messages.events import Chunk

__all__ = ["LOG_TIME", "decode_chunk"]

LOG_TIME: Final = "log_time"
"""Per-event column int64, nanoseconds since 1970: the wall clock when the log took the chunk."""


def decode_chunk(chunk: Chunk, body: bytes, stamp: int) -> Columns:
    """Columns of a chunk, checked whole.

    Parameters
    ----------
    chunk
        Its headers.
    body
        Arrow IPC stream.
    stamp
        Timestamp of its record in the log, nanoseconds since 1970.

    Raises
    ------
    MessageError
        What `decode_batch` raises; `reserved_column` if the body brings a `log_time` of its own.
    """
    columns = decode_batch(body, selected=chunk.selected)
    if LOG_TIME in columns.values:
        raise MessageError("reserved_column", f"column {LOG_TIME!r} is the log's, not a source's")
    times = np.full(columns.events, stamp, np.int64)
    return replace(columns, values={**columns.values, LOG_TIME: times})
