"""The producer: one source in one run onto `dqm.events`, numbered, resumable, through outages.

`Producer` and `AsyncProducer` are for programs that hand their events over; `produce` sends an
`EventSource`.
"""

from dqmstream.producing.blocking import Producer, Run
from dqmstream.producing.produce import produce
from dqmstream.producing.producer import AsyncProducer, AsyncRun
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.settings import ProducerSettings, lumisections_apart
from dqmstream.producing.standings import joining_lumisection

__all__ = [
    "AsyncProducer",
    "AsyncRun",
    "Producer",
    "ProducerProgress",
    "ProducerSettings",
    "Run",
    "joining_lumisection",
    "lumisections_apart",
    "produce",
]
