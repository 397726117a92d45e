"""Addresses and keys of receivers: from the environment and from files, checked, never shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.receiver import check_address
from dqmstream.notifications.signature import sign
from services.notifier.address import Address
from services.notifier.by_apprise import check_apprise
from services.secrets import from_file

__all__ = ["addresses_of", "check_known", "secrets_in"]

_SHORTEST: Final = 8
"""Characters of a piece of an address that is taken for a secret."""


def addresses_of(declared: Declared, environment: Mapping[str, str]) -> dict[str, Address]:
    """Addresses of all receivers by name. Reads files.

    Raises
    ------
    ConfigurationError
        If one is missing, is none, or is not allowed: says which receiver, and no secret.
    """
    found = {}
    for receiver in declared.receivers:
        try:
            url = receiver.url or _given(receiver.url_variable, receiver.url_file, environment)
            check_address(receiver, url, declared.allowed)
            secret = ""
            if receiver.kind == "webhook":
                secret = _given(receiver.secret_variable, receiver.secret_file, environment)
                sign(secret, "x", 0, b"")
        except ValueError as error:
            msg = f"receiver {receiver.name!r}: {error}"
            raise ConfigurationError(msg) from error
        found[receiver.name] = Address(receiver=receiver, url=url, secret=secret)
    return found


def check_known(addresses: Mapping[str, Address]) -> None:
    """Refuse what Apprise does not know; after logs hide `secrets_in`, for it logs addresses.

    Raises
    ------
    ConfigurationError
        Which receiver.
    """
    for name, address in addresses.items():
        if address.receiver.kind == "apprise":
            try:
                check_apprise(address.url)
            except ValueError as error:
                msg = f"receiver {name!r}: {error}"
                raise ConfigurationError(msg) from error


def secrets_in(addresses: Mapping[str, Address]) -> tuple[str, ...]:
    """What no log line may show."""
    found: list[str] = []
    for address in addresses.values():
        parts = urlsplit(address.url)
        pieces = [*parts.path.split("/"), parts.query, parts.password or "", parts.username or ""]
        if address.receiver.kind == "apprise":
            pieces.append(parts.netloc)
        found += [address.secret, address.url]
        found += [piece for piece in pieces if len(piece) >= _SHORTEST]
    return tuple(each for each in found if each)


def _given(variable: str, file: str, environment: Mapping[str, str]) -> str:
    if file:
        return from_file(Path(file))
    value = environment.get(variable, "")
    if not value:
        msg = f"the environment has no variable {variable}"
        raise ValueError(msg)
    return value
