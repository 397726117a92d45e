"""What an alarm goes by."""

from dataclasses import dataclass, field
from typing import Final

from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["SERVICE", "AlarmRule"]

SERVICE: Final = "alarms"
"""Who does what nobody did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmRule:
    """What an alarm goes by: its policy, and what is the same for all.

    Parameters
    ----------
    escalate_after
        Seconds without acknowledgement after which its severity rises, once for each; 0: never.
    remember
        Seconds for which it is known when it was raised, to count floods.
    """

    policy: AlarmPolicy = field(default_factory=AlarmPolicy)
    escalate_after: float = 900.0
    remember: float = 600.0
