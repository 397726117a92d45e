"""What hands notifications over: the port of webhooks and of Apprise."""

from typing import NamedTuple, Protocol

from dqmstream.notifications.attempt import Attempt

__all__ = ["Failure", "Sender"]


class Failure(NamedTuple):
    """Why a receiver may not have a notification; see `Ledger.fail`. Holds no secret."""

    problem: str
    refused: bool = False
    wait: float = 0.0


class Sender(Protocol):
    """One receiver."""

    @property
    def address(self) -> str:
        """What may be shown of where it is."""
        ...

    async def send(self, attempt: Attempt) -> Failure | None:
        """Hand a notification over; None once it is certain that the receiver has it."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...
