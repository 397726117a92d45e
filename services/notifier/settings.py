"""Settings of a notifier."""

from dataclasses import dataclass

__all__ = ["NotifierSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifierSettings:
    """Settings of a notifier.

    Parameters
    ----------
    member
        Its name among notifiers of one log.
    group
        Consumer group of those of which one tells.
    look
        Seconds between two looks at receivers that fail, and at what may be forgotten.
    """

    member: str = "notifier"
    group: str = "notifier"
    look: float = 2.0
