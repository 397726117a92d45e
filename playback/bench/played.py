"""When a played run began, when its LSs closed and were stored: read from log and store."""

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from dqmstream.messages.events import RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import CONDITIONS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.store.store import Store
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.kafka.log import KafkaLog
from dqmstream.transport.kafka.settings import KafkaSettings
from playback.bench.program import BenchError

__all__ = ["closing_delays", "log_of", "run_started", "stored_at"]

_TIMEOUT: Final = 900.0
_POLL: Final = 0.02


def log_of(settings: Mapping[str, str]) -> AbstractAsyncContextManager[KafkaLog]:
    """The log that services with these settings use."""
    servers = tuple(settings["kafka"].split(","))
    return KafkaLog.open(KafkaSettings(servers=servers, prefix=settings["kafka_prefix"]))


async def run_started(settings: Mapping[str, str]) -> float:
    """When the first run in the log began, seconds since 1970."""
    async with log_of(settings) as log:
        async for one in read_to_end(log, CONDITIONS):
            message = CODEC.decode(one.headers, one.value)
            if isinstance(message, RunStart):
                return message.started / 1e9
    msg = "no run was announced in the log"
    raise BenchError(msg)


async def closing_delays(settings: Mapping[str, str], seconds: float) -> list[float]:
    """Seconds from the end of each LS of so many seconds to its last closed contents in the log."""
    started = await run_started(settings)
    closed: dict[int, float] = {}
    async with log_of(settings) as log:
        async for one in read_to_end(log, HISTOGRAMS):
            message = CODEC.decode(one.headers, one.value)
            if isinstance(message, HistogramSet) and message.closed and not message.segment:
                at = max(closed.get(message.lumisection, 0.0), one.timestamp / 1e9)
                closed[message.lumisection] = at
    return [at - started - number * seconds for number, at in closed.items()]


def stored_at(settings: Mapping[str, str], lumisections: int, events: int) -> float:
    """When the store held all of run 1, seconds since 1970; BenchError if events are lacking."""
    until = time.monotonic() + _TIMEOUT
    store = Store(f"sqlite:///{Path(settings['data']).absolute() / 'store.sqlite'}")
    try:
        while True:
            stored = store.lumisections(1).items
            if len(stored) == lumisections and all(one.closed for one in stored):
                ended = time.time()  # noqa: TID251 measured against the start of the run
                break
            if time.monotonic() > until:
                msg = f"{len(stored)} of {lumisections} LSs stored in {_TIMEOUT} s"
                raise BenchError(msg)
            time.sleep(_POLL)
        selected = sum(one.account.selected for one in stored)
        if selected != events:
            msg = f"{selected} events in the store, {events} were sent"
            raise BenchError(msg)
        return ended
    finally:
        store.close()
