"""What people decide about subscriptions: commands whose subject is `subscription/NAME`.

They lie on `dqm.commands` over what the file declares, in the order they came: so it is known who
changed what, when and why, and a restart changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from dqmstream.configuration.history import NOTIFICATIONS
from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.operations import Command
from dqmstream.notifications.declaration import Declared, read_subscription
from dqmstream.notifications.subscription import Subscription

__all__ = ["ACTIONS", "InForce", "Once", "is_ours", "once", "subscription_command"]

_SUBJECT: Final = "subscription/"
_CONFIGURATION: Final = f"configuration/{NOTIFICATIONS}"
_DECLARATION: Final = "subscription"

Once = Literal["test", "again"]
"""What is done once, when it is commanded: try a subscription out; try anew what is dead."""
ACTIONS: Final = ("subscribe", "unsubscribe", "enable", "disable", "test", "again")


def is_ours(command: Command) -> bool:
    """Whether a command is about a subscription, or about all of them at once."""
    return command.subject.startswith(_SUBJECT) or _activates(command)


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
    if _activates(command):
        return None
    match command.action:
        case "test":
            return name, "test"
        case "again":
            return name, "again"
    return None


class InForce:
    """The subscriptions in force: those declared, and what was commanded over them.

    What is activated is in force whole: commands of before hold no longer. Which those are is said
    by the order of commands, in which each activation has its place.

    Parameters
    ----------
    declared
        Of the file, or of the version in force.
    """

    def __init__(self, declared: Declared) -> None:
        self._declared_by = declared
        self._version: ConfigurationVersion | None = None
        self._taken: list[Command] = []
        self._follow_all()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of them, those declared first."""
        return tuple(self._subscriptions.values())

    @property
    def commanded(self) -> frozenset[str]:
        """Names of those that are not as they were declared."""
        return frozenset(self._commanded)

    def follow(self, declared: Declared, version: ConfigurationVersion | None) -> None:
        """Something else is declared.

        Parameters
        ----------
        version
            By which it is; None if it is what was declared at the start, and none ever was.
        """
        self._declared_by, self._version = declared, version
        self._follow_all()

    def take(self, command: Command) -> bool:
        """Follow a command; whether something is in force that was not.

        Raises
        ------
        ConfigurationError
            If it cannot be followed: nothing has changed then.
        """
        if once(command) is not None:
            return False
        if _activates(command):
            self._taken.append(command)
            before = self.subscriptions
            self._follow_all()
            return self.subscriptions != before
        # Also one that cannot be followed now: it may be of a version that is still to come.
        self._taken.append(command)
        self._follow(command)
        return True

    def take_all(self, commands: Iterable[Command]) -> None:
        """Take commands of which not all can be followed."""
        self._taken += [one for one in commands if once(one) is None]
        self._follow_all()

    def _follow_all(self) -> None:
        """Anew: what is declared, and over it all commands that hold."""
        self._receivers = {each.name for each in self._declared_by.receivers}
        self._subscriptions = {each.name: each for each in self._declared_by.subscriptions}
        self._commanded: set[str] = set()
        for command in self._taken[self._begin() :]:
            if _activates(command):
                continue
            try:
                self._follow(command)
            except ConfigurationError:
                continue

    def _begin(self) -> int:
        """Place of the first command that holds."""
        version = self._version
        if version is None:
            return 0
        number, text = str(version.number), version.hash
        for place in range(len(self._taken) - 1, -1, -1):
            arguments = self._taken[place].arguments
            if _activates(self._taken[place]) and (
                arguments.get("number"),
                arguments.get("hash"),
            ) == (number, text):
                return place + 1
        # It was written before the version was: what is taken so far was before it.
        return len(self._taken)

    def _follow(self, command: Command) -> None:
        name = command.subject.removeprefix(_SUBJECT)
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


def _activates(command: Command) -> bool:
    return command.subject == _CONFIGURATION
