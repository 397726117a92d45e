"""Latency from an event to a browser: a websocket client watches a plot that counts the events."""

import time
from contextlib import suppress
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import connect

from dqmstream.client.stream import ChannelStates
from dqmstream.sources.synthetic.bench import OBJECTS
from playback.bench.program import BenchError

__all__ = ["event_delays"]

_COUNTED: Final = "Bench/electron/objects"


def event_delays(address: str, *, rate: float, seconds: float) -> NDArray[np.float64]:
    """Seconds from when each event was due to the first update that holds it.

    Event k is due at the start of the run + k / rate: what waits for its chunk to fill counts.

    Parameters
    ----------
    address
        Of the gateway; the run may not have begun yet.
    rate
        Events per second of the run.
    seconds
        How long to watch.

    Raises
    ------
    BenchError
        If fewer than half of the events arrived.
    """
    started, arrived = _arrivals(address, seconds)
    delays = []
    known = arrived[0][1] if arrived else 0
    for at, events in arrived[1:]:
        due = started + np.arange(known + 1, events + 1) / rate
        delays.append(at - due)
        known = max(known, events)
    count = sum(one.size for one in delays)
    if count < seconds * rate / 2:
        msg = f"only {count} events arrived in {seconds} s at {rate} events/s"
        raise BenchError(msg)
    return np.concatenate(delays)


def _arrivals(address: str, seconds: float) -> tuple[float, list[tuple[float, int]]]:
    """Start of the run and (arrival, events in the plot) of each update; wall clock, seconds."""
    arrived: list[tuple[float, int]] = []
    started, states = 0.0, ChannelStates()
    url = address.replace("http://", "ws://") + "/api/v1/stream"
    with connect(url, compression=None, max_size=None) as stream:
        subscribe = {"type": "subscribe", "id": "a", "paths": [_COUNTED], "window": "run"}
        stream.send(msgspec.json.encode({**subscribe, "boards": ["run"]}).decode())
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                channel = states.take(msgspec.json.decode(stream.recv(timeout=left)))
                header: dict[str, Any] = {} if channel is None else channel.header
                started = ((header.get("run") or {}).get("started") or 0) / 1e9 or started
                value = (header.get("totals") or {}).get("value")
                if isinstance(value, int | float):
                    arrived.append((time.time(), int(value) // OBJECTS))  # noqa: TID251 measured
    return started, arrived
