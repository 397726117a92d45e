"""What the fork server imports and compiles once, so that its children need not.

Nothing here may start a thread or open a connection: a fork would not have it.
"""

import asyncio  # noqa: F401
import sqlite3  # noqa: F401

import numpy as np

import services.gateway.service
import services.recorder.service  # noqa: F401
from dqmstream.histograms.layout import Layout
from dqmstream.transport import kafka  # noqa: F401
from tests.crash import lives  # noqa: F401
from tests.crash.world import BOOKINGS
from tests.random_run import batch_fill, random_batch

__all__ = ["warm"]


def warm() -> None:
    """Compile, or load from the cache, every kernel that the workspaces need."""
    for booking in BOOKINGS:
        batch_fill(Layout(booking), [random_batch(np.random.default_rng(0), 10)])


warm()
