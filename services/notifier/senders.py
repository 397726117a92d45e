"""Senders of all receivers that are declared."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from dqmstream.clock import Clock
from services.notifier.address import Address
from services.notifier.by_apprise import ByApprise
from services.notifier.sender import Sender
from services.notifier.webhook import Webhook

__all__ = ["opened_senders", "sender_of"]


def sender_of(address: Address, clock: Clock) -> Sender:
    """A sender for an address; whoever asks for it closes it."""
    if address.receiver.kind == "webhook":
        return Webhook(address, clock)
    return ByApprise(address)


@asynccontextmanager
async def opened_senders(
    addresses: Mapping[str, Address], clock: Clock
) -> AsyncIterator[dict[str, Sender]]:
    """A sender for each address, for the length of the block."""
    senders = {name: sender_of(address, clock) for name, address in addresses.items()}
    try:
        yield senders
    finally:
        for sender in senders.values():
            await sender.close()
