"""Notifications as declared in a TOML file: read, checked, frozen; see docs/notifications.md."""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription

__all__ = [
    "Declared",
    "check_receivers",
    "read_document",
    "read_lists",
    "read_notifications",
    "read_subscription",
]

_LISTS: Final = ("receiver", "subscription")
_OWN: Final = ("allowed", "offered")
_Table = TypeVar("_Table", Receiver, Subscription)


class Declared(Value, frozen=True, kw_only=True):
    """What a file declares.

    Parameters
    ----------
    allowed
        Webhooks that may be called: `scheme://host` or `scheme://host:port`.
    offered
        Patterns of variables and files that receivers which are declared later, without a restart,
        may have their addresses and keys in, besides those that the file's own receivers have.
    """

    receivers: tuple[Receiver, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    allowed: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()


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
    document = read_document(text, file, _OWN)
    receivers, subscriptions = read_lists(document, file)
    check_receivers(subscriptions, sorted(each.name for each in receivers), file)
    texts = {name: _texts(document, file, name) for name in _OWN}
    return Declared(receivers=receivers, subscriptions=subscriptions, **texts)


def read_document(text: str, file: str, own: Sequence[str] = ()) -> dict[str, Any]:
    """TOML of receivers and subscriptions, with no keys besides but `own`; ConfigurationError if it
    is none."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    keys = (*own, *_LISTS)
    for key in document:
        if key not in keys:
            msg = f"{file}: key {key!r:.100} is unknown, expected {', '.join(keys)}"
            raise ConfigurationError(msg)
    return document


def read_lists(
    document: dict[str, Any], file: str
) -> tuple[tuple[Receiver, ...], tuple[Subscription, ...]]:
    """Its receivers and its subscriptions; ConfigurationError naming the first that is wrong, or
    there twice."""
    receivers = tuple(_read_tables(document, file, "receiver", Receiver))
    subscriptions = tuple(_read_tables(document, file, "subscription", Subscription))
    _refuse_twins(file, "receiver", [each.name for each in receivers])
    _refuse_twins(file, "subscription", [each.name for each in subscriptions])
    return receivers, subscriptions


def check_receivers(
    subscriptions: Iterable[Subscription], receivers: Collection[str], where: str
) -> None:
    """ConfigurationError if a subscription points to none of the receivers, which are listed."""
    for each in subscriptions:
        if each.receiver not in receivers:
            listed = ", ".join(receivers) or "none"
            msg = (
                f"{where}: subscription {each.name!r}: receiver {each.receiver!r:.100} is not "
                f"declared, there are: {listed}"
            )
            raise ConfigurationError(msg)


def read_subscription(raw: object, where: str) -> Subscription:
    """One subscription from a decoded document; ConfigurationError if it is none."""
    return _converted(raw, where, Subscription)


def _read_tables(
    document: dict[str, Any], file: str, name: str, kind: type[_Table]
) -> Iterable[_Table]:
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


def _texts(document: dict[str, Any], file: str, name: str) -> tuple[str, ...]:
    try:
        return msgspec.convert(document.get(name, []), tuple[str, ...])
    except msgspec.ValidationError as error:
        msg = f"{file}: {name}: {error}"
        raise ConfigurationError(msg) from error
