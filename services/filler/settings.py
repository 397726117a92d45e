"""Settings of a filler."""

from dataclasses import dataclass

__all__ = ["FillerSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FillerSettings:
    """Pace of a filler; none of it changes what is filled.

    Parameters
    ----------
    publish_interval
        Seconds between two publications of an open LS.
    checkpoint_interval
        Seconds between two checkpoints while the position moves and nothing closes.
    lumisection_timeout, run_timeout
        Seconds of silence after which an open LS is closed, a run ended.
    decides
        Whether it appends these decisions. Fillers of a candidate leave it to production's.
    """

    publish_interval: float = 1.0
    checkpoint_interval: float = 5.0
    lumisection_timeout: float = 60.0
    run_timeout: float = 300.0
    decides: bool = True
