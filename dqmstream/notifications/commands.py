"""What people decide about subscriptions: commands whose subject is `subscription/NAME`.

They lie on `dqm.commands` over what the file declares, in the order they came: so it is known who
changed what, when and why, and a restart changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Command
from dqmstream.notifications.declaration import Declared, read_subscription
from dqmstream.notifications.subscription import Subscription

__all__ = ["ACTIONS", "InForce", "Once", "is_ours", "once", "subscription_command"]

_SUBJECT: Final = "subscription/"
_DECLARATION: Final = "subscription"

Once = Literal["test", "again"]
"""What is done once, when it is commanded: try a subscription out; try anew what is dead."""
ACTIONS: Final = ("subscribe", "unsubscribe", "enable", "disable", "test", "again")


def is_ours(command: Command) -> bool:
    """Whether a command is about a subscription."""
    return command.subject.startswith(_SUBJECT)


def subscription_command(
    name: str,
    action: str,
    *,
    who: str,
    why: str,
    when: int,
    subscription: Subscription | None = None,
) -> Command:
    """A command about a subscription.

    Parameters
    ----------
    subscription
        To `subscribe`: what to put in the place of the one of this name, if there is one.
    """
    arguments = {}
    if subscription is not None:
        arguments[_DECLARATION] = msgspec.json.encode(subscription).decode()
    return Command(
        subject=f"{_SUBJECT}{name}",
        action=action,
        who=who,
        why=why,
        when=when,
        arguments=arguments,
    )


def once(command: Command) -> tuple[str, Once] | None:
    """The subscription and what is to be done once; None for commands that hold on."""
    name = command.subject.removeprefix(_SUBJECT)
    match command.action:
        case "test":
            return name, "test"
        case "again":
            return name, "again"
    return None


class InForce:
    """The subscriptions in force: those of the file, and what was commanded over them.

    Parameters
    ----------
    declared
        Of the file.
    """

    def __init__(self, declared: Declared) -> None:
        self._receivers = {each.name for each in declared.receivers}
        self._subscriptions = {each.name: each for each in declared.subscriptions}
        self._commanded: set[str] = set()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of them, those of the file first."""
        return tuple(self._subscriptions.values())

    @property
    def commanded(self) -> frozenset[str]:
        """Names of those that are not as the file has them."""
        return frozenset(self._commanded)

    def take(self, command: Command) -> bool:
        """Follow a command about a subscription; whether something is in force that was not.

        Raises
        ------
        ConfigurationError
            If it cannot be followed: nothing has changed then.
        """
        name = command.subject.removeprefix(_SUBJECT)
        if once(command) is not None:
            return False
        if command.action == "subscribe":
            self._subscriptions[name] = self._declared(name, command.arguments)
        elif name not in self._subscriptions:
            listed = ", ".join(self._subscriptions) or "none"
            msg = f"there is no subscription {name!r:.100} to {command.action!r:.20}: {listed}"
            raise ConfigurationError(msg)
        elif command.action == "unsubscribe":
            del self._subscriptions[name]
        elif command.action in {"enable", "disable"}:
            enabled = command.action == "enable"
            self._subscriptions[name] = msgspec.structs.replace(
                self._subscriptions[name], enabled=enabled
            )
        else:
            msg = f"action {command.action!r:.100} is none of {', '.join(ACTIONS)}"
            raise ConfigurationError(msg)
        self._commanded.add(name)
        return True

    def take_all(self, commands: Iterable[Command]) -> None:
        """Follow commands, without those that cannot be followed."""
        for command in commands:
            try:
                self.take(command)
            except ConfigurationError:
                continue

    def _declared(self, name: str, arguments: Mapping[str, str]) -> Subscription:
        try:
            raw = msgspec.json.decode(arguments.get(_DECLARATION, ""))
        except msgspec.DecodeError as error:
            msg = f"subscription {name!r:.100}: not JSON: {error}"
            raise ConfigurationError(msg) from error
        found = read_subscription(raw, f"subscription {name!r:.100}")
        if found.name != name:
            msg = f"subscription {name!r:.100} is declared as {found.name!r}"
            raise ConfigurationError(msg)
        if found.receiver not in self._receivers:
            listed = ", ".join(sorted(self._receivers)) or "none"
            msg = f"subscription {name!r}: receiver {found.receiver!r:.100} is none of: {listed}"
            raise ConfigurationError(msg)
        return found
