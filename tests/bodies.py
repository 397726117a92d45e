"""Bodies of media types that Schemathesis cannot make by itself: importing this tells it how."""

from typing import Any

import numpy as np
import schemathesis

from dqmstream.booking.columns import encode_batch
from tests.random_run import random_batch

__all__ = ["arrow", "lines"]


@schemathesis.serializer("application/vnd.apache.arrow.stream")
def arrow(_: Any, value: Any) -> bytes:
    """A real chunk: what is no Arrow is refused, which other tests look at."""
    return encode_batch(random_batch(np.random.default_rng(0), len(value) % 5))


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """Text as it is: hardly ever an event."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
