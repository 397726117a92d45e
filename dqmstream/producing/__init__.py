"""The producer: one source in one run onto `dqm.events`, numbered, resumable, through outages."""

from dqmstream.producing.produce import produce
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.settings import ProducerSettings, lumisections_apart
from dqmstream.producing.standings import joining_lumisection

__all__ = [
    "ProducerProgress",
    "ProducerSettings",
    "joining_lumisection",
    "lumisections_apart",
    "produce",
]
