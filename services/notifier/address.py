"""Where one receiver is."""

from dataclasses import dataclass, field

from dqmstream.notifications.receiver import Receiver

__all__ = ["Address"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a receiver is, and the key its notifications are signed with."""

    receiver: Receiver
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
