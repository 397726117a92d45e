"""The producer: one source in one run onto `dqm.events`, numbered, resumable, through outages."""

from services.producer.producing import produce
from services.producer.progress import ProducerProgress
from services.producer.settings import ProducerSettings, lumisections_apart
from services.producer.standings import joining_lumisection

__all__ = [
    "ProducerProgress",
    "ProducerSettings",
    "joining_lumisection",
    "lumisections_apart",
    "produce",
]
