"""Who is told of what, as it is activated: receivers and subscriptions, without a secret.

A TOML file as the one that a notifier is started with, but for what is the operator's alone:
which hosts may be called (`allowed`), and which secrets there are (`offered`). What it says is
read by everybody, so addresses and keys are in it by the names of variables and files only.
"""

from collections.abc import Collection
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.notifications.declaration import (
    Declared,
    check_receivers,
    read_document,
    read_lists,
)
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription

__all__ = ["Routes", "read_routes", "with_routes"]

_LONGEST_WORD: Final = 24
"""Characters of a piece of a path that may be a word; keys are longer."""


class Routes(Value, frozen=True, kw_only=True):
    """What a version declares."""

    receivers: tuple[Receiver, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()


def read_routes(text: str, file: str) -> Routes:
    """The receivers and subscriptions of a version.

    Parameters
    ----------
    text, file
        Its text, and its name for messages.

    Raises
    ------
    ConfigurationError
        Naming file, table and key of the first thing wrong: also if an address holds a secret.
    """
    receivers, subscriptions = read_lists(read_document(text, file), file)
    for each in receivers:
        if _may_hold_secret(each.url):
            msg = (
                f"{file}: receiver {each.name!r}: its url has a user, a query or what looks like a "
                "key, and everybody can read it: name it by url_variable or url_file"
            )
            raise ConfigurationError(msg)
    return Routes(receivers=receivers, subscriptions=subscriptions)


def with_routes(declared: Declared, routes: Routes, where: str) -> Declared:
    """What is declared once a version is in force.

    Its subscriptions, and no others; its receivers, and those of the file that it does not declare.

    Parameters
    ----------
    declared
        Of the file.
    where
        The version's name, for messages.

    Raises
    ------
    ConfigurationError
        If a subscription has no receiver, or a receiver a secret that is not offered.
    """
    own = {each.name: each for each in routes.receivers}
    receivers = {each.name: each for each in declared.receivers} | own
    check_receivers(routes.subscriptions, receivers, where)
    offered = {*declared.offered, *(name for each in declared.receivers for name in _secrets(each))}
    for each in own.values():
        for name in _secrets(each):
            if not _is_offered(name, offered):
                msg = (
                    f"{where}: receiver {each.name!r}: {name!r:.200} is not among the secrets that "
                    f"the notifier's own file has or offers: {', '.join(sorted(offered)) or 'none'}"
                )
                raise ConfigurationError(msg)
    return Declared(
        receivers=tuple(receivers.values()),
        subscriptions=routes.subscriptions,
        allowed=declared.allowed,
        offered=declared.offered,
    )


def _is_offered(name: str, offered: Collection[str]) -> bool:
    if name in offered:
        return True
    # A path that leads up again leaves the folder that a pattern names.
    leads_up = ".." in name.split("/")
    return not leads_up and any(fnmatchcase(name, pattern) for pattern in offered)


def _secrets(receiver: Receiver) -> list[str]:
    """Names of variables and files."""
    names = (
        receiver.url_variable,
        receiver.url_file,
        receiver.secret_variable,
        receiver.secret_file,
    )
    return [name for name in names if name]


def _may_hold_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    if parts.username or parts.password or parts.query or parts.fragment:
        return True
    return any(len(piece) > _LONGEST_WORD or _is_mixed(piece) for piece in parts.path.split("/"))


def _is_mixed(piece: str) -> bool:
    """Whether it looks drawn: long, of letters and digits in turns."""
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(piece))
    return len(piece) >= 12 and turns >= 4
