"""Settings of a service of alarms."""

from dataclasses import dataclass

__all__ = ["AlarmsSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmsSettings:
    """Settings of a service of alarms; times in seconds.

    Parameters
    ----------
    group
        Consumer group whose one working member it is.
    patience
        How long it waits for records before it looks at the clock.
    checkpoint_interval
        Between two checkpoints: what a restart reads again.
    look_interval
        Between two looks at how far readers are behind.
    """

    group: str = "alarms"
    patience: float = 0.2
    checkpoint_interval: float = 2.0
    look_interval: float = 5.0
