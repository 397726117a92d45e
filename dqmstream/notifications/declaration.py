"""Notifications as declared in a TOML file: read, checked, frozen; see docs/notifications.md."""

import tomllib
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription

__all__ = ["Declared", "read_notifications", "read_subscription"]

_LISTS: Final = ("receiver", "subscription")
_Table = TypeVar("_Table", Receiver, Subscription)


class Declared(Value, frozen=True, kw_only=True):
    """What a file declares; `allowed` are the webhooks that may be called."""

    receivers: tuple[Receiver, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    allowed: tuple[str, ...] = ()


def read_notifications(text: str, file: str) -> Declared:
    """The receivers and subscriptions of a TOML file.

    Parameters
    ----------
    text, file
        Its text, and its name for messages.

    Raises
    ------
    ConfigurationError
        Naming file, table and key of the first thing wrong.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    for key in document:
        if key not in {*_LISTS, "allowed"}:
            msg = f"{file}: key {key!r:.100} is unknown, expected allowed, {', '.join(_LISTS)}"
            raise ConfigurationError(msg)
    receivers = tuple(_tables(document, file, "receiver", Receiver))
    subscriptions = tuple(_tables(document, file, "subscription", Subscription))
    _refuse_twins(file, "receiver", [each.name for each in receivers])
    _refuse_twins(file, "subscription", [each.name for each in subscriptions])
    names = {each.name for each in receivers}
    for each in subscriptions:
        if each.receiver not in names:
            listed = ", ".join(sorted(names)) or "none"
            msg = (
                f"{file}: subscription {each.name!r}: receiver {each.receiver!r:.100} is not "
                f"declared, there are: {listed}"
            )
            raise ConfigurationError(msg)
    try:
        allowed = msgspec.convert(document.get("allowed", []), tuple[str, ...])
    except msgspec.ValidationError as error:
        msg = f"{file}: allowed: {error}"
        raise ConfigurationError(msg) from error
    return Declared(receivers=receivers, subscriptions=subscriptions, allowed=allowed)


def read_subscription(raw: object, where: str) -> Subscription:
    """One subscription from a decoded document; ConfigurationError if it is none."""
    return _converted(raw, where, Subscription)


def _tables(document: dict[str, Any], file: str, name: str, kind: type[_Table]) -> Iterable[_Table]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        msg = f"{file}: expected tables [[{name}]], got {type(tables).__name__}"
        raise ConfigurationError(msg)
    for number, table in enumerate(tables, 1):
        called = table.get("name") if isinstance(table, dict) else None
        which = repr(called)[:110] if called else f"number {number}"
        yield _converted(table, f"{file}: {name} {which}", kind)


def _converted(raw: object, where: str, kind: type[_Table]) -> _Table:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error


def _refuse_twins(file: str, kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            msg = f"{file}: {kind} {name!r} is declared {names.count(name)} times"
            raise ConfigurationError(msg)
