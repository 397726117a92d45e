"""How long an open LS stands still when a filler is killed with SIGKILL.

Events go on at a fixed rate. Recovered means: for every partition, contents are in the log that
hold all that was in `dqm.events` at the moment of the kill.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import EVENTS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, TopicPartition
from playback.bench.deployment import Deployment, deployed
from playback.bench.events import BenchLumisection
from playback.bench.played import log_of
from playback.bench.program import BenchError
from playback.bench.row import Row
from playback.recordings import record_lumisections

__all__ = ["recovery_rows"]

_RATE: Final = 5_000.0
_LUMISECTION_SECONDS: Final = 120
_BEFORE_SECONDS: Final = 10.0
_PATIENCE: Final = 60.0
_TIMES: Final = 3


def recovery_rows(folder: Path, settings: Mapping[str, str]) -> list[Row]:
    """Medians over several kills, of the only filler and of one of two.

    Parameters
    ----------
    settings
        Of the services, without topic prefix and data folder.
    """
    recording = folder / "recording-recovery"
    events = int(_RATE * _LUMISECTION_SECONDS)
    record_lumisections([BenchLumisection("500B", 1, events, 250, _RATE)], recording)
    rows = []
    for fillers, what in ((1, "the only filler, started again at once"), (2, "one of two fillers")):
        seconds = []
        for number in range(_TIMES):
            name = f"recovery-{fillers}-{number}"
            own = {**settings, "kafka_prefix": f"{name}.", "data": str(folder / name)}
            with deployed(own, fillers=fillers) as services:
                services.start("producer", "produce", str(recording), "--speed", "1")
                time.sleep(_BEFORE_SECONDS)
                seconds.append(asyncio.run(_recovery(services, fillers == 1)))
        rows.append(
            Row(
                name=f"contents stand still after kill -9 of {what}",
                value=statistics.median(seconds),
                unit="s",
                goal=5.0,
                higher_is_better=False,
            )
        )
    return rows


async def _recovery(services: Deployment, restart: bool) -> float:
    """Seconds from the kill until contents of all partitions hold what was in the log then."""
    async with log_of(services.settings) as log:
        histograms = {
            (HISTOGRAMS, partition): (await log.bounds(HISTOGRAMS, partition)).end
            for partition in range(log.partitions(HISTOGRAMS))
        }
        services.kill("filler 0")
        killed = time.time()  # noqa: TID251 measured against the log's clock
        wanted = {
            partition: (await log.bounds(EVENTS, partition)).end
            for partition in range(log.partitions(EVENTS))
        }
        if restart:
            services.start("filler 0", "fill")
        return await _reached(log, histograms, wanted) - killed


async def _reached(log: Log, positions: dict[TopicPartition, int], wanted: dict[int, int]) -> float:
    """When the last partition's contents reached its offset; seconds since 1970."""
    until = time.monotonic() + _PATIENCE
    async with log.reader(positions) as reader:
        while time.monotonic() < until:
            for record_ in await reader.read(timeout=1.0):
                message = CODEC.decode(record_.headers, record_.value)
                assert isinstance(message, HistogramSet)  # noqa: S101 the topic has no others
                if message.through >= wanted.get(message.partition, message.through + 1):
                    del wanted[message.partition]
                if not wanted:
                    return record_.timestamp / 1e9
    msg = f"partitions {sorted(wanted)} were not filled {_PATIENCE} s after the kill"
    raise BenchError(msg)
