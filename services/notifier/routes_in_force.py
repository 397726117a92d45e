"""Which receivers and subscriptions are in force: those activated last, else those of the file."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dqmstream.configuration.history import NOTIFICATIONS
from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.routes import read_routes, with_routes
from dqmstream.transport.log import Log
from services.configuration.in_force import ConfigurationInForce
from services.notifier.address import Address

__all__ = ["FindAddresses", "Routed", "RoutesInForce", "no_addresses"]

FindAddresses = Callable[[Declared], Mapping[str, Address]]
"""Addresses of all receivers by name; ConfigurationError if one is missing or not allowed. Called
in a thread."""


class Routed(NamedTuple):
    """What is declared, and the addresses of receivers that are not as the file has them."""

    declared: Declared
    addresses: Mapping[str, Address]


class RoutesInForce(ConfigurationInForce[Routed]):
    """The receivers and subscriptions in force.

    A version whose secrets are not here is one that cannot be read: it changes nothing.

    Parameters
    ----------
    log
        Where versions are published.
    declared
        Of the file.
    find
        Where receivers are that a version declares.
    """

    def __init__(self, log: Log, declared: Declared, find: FindAddresses) -> None:
        def read(text: str, name: str) -> Routed:
            chosen = with_routes(declared, read_routes(text, name), name)
            others = tuple(one for one in chosen.receivers if one not in declared.receivers)
            own = Declared(receivers=others, allowed=declared.allowed)
            return Routed(chosen, find(own) if others else {})

        super().__init__(log, NOTIFICATIONS, Routed(declared, {}), read, "notifier")


def no_addresses(declared: Declared) -> Mapping[str, Address]:
    """Finds none: receivers are those of the file alone."""
    names = ", ".join(one.name for one in declared.receivers)
    msg = f"this notifier takes no receivers but those of its file: {names}"
    raise ConfigurationError(msg)
