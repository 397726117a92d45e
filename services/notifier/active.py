"""What a notifier holds while it is the one that tells: ledger, subscriptions, positions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
import structlog

from dqmstream.errors import ConfigurationError
from dqmstream.messages.alarms import AlarmCondition
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.notifications import (
    Delivery,
    NotifierStanding,
    ReceiverStanding,
    SubscriptionStanding,
)
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import HEARTBEATS
from dqmstream.notifications.attempt import ReceiverState
from dqmstream.notifications.commands import InForce, once
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.ledger import Ledger
from dqmstream.notifications.words import trial_step
from dqmstream.transport.log import Outgoing
from dqmstream.transport.outgoing import outgoing
from services.notifier.kept import Kept, records_of, standing_record

__all__ = ["Active"]

_SAY_AGAIN: Final = 30 * 1_000_000_000


class Active:
    """All that one life of the notifier decides by; whoever changes it writes what it returns.

    Parameters
    ----------
    declared
        Receivers and subscriptions: of the file, or of the version in force.
    kept
        What the last life left.
    version
        By which they are in force; None if there is none.
    addresses
        Of the receivers, as they may be shown.
    random
        Draws from [0, 1).
    process
        Its name, for what it says of its receivers.
    """

    def __init__(
        self,
        declared: Declared,
        kept: Kept,
        *,
        version: ConfigurationVersion | None = None,
        addresses: Mapping[str, str],
        random: Callable[[], float],
        process: str,
    ) -> None:
        self._declared = declared
        self._addresses = addresses
        self._process = process
        self._in_force = InForce(declared)
        self.version = version
        """By which receivers and subscriptions are in force; None if nobody ever decided."""
        self.problem: tuple[int, str] = (0, "")
        """A later version that cannot be followed, and why; 0 and nothing if there is none."""
        self._logger = structlog.get_logger().bind(service="notifier")
        self.ledger = Ledger(declared.receivers, random=random)
        self.alarms = 0
        """Next offset of `dqm.alarms`."""
        self.commands = kept.commands_end
        before = kept.standing.receivers if kept.standing else ()
        self.ledger.restore(kept.deliveries, before)
        # Of each it was said, or is about to be: that it is over must be said in any case.
        self._said = {each.name: 0 for each in before if each.failing_since}
        self._said_problem = 0 if kept.standing and kept.standing.refused else -1
        self._in_force.follow(declared, version)
        self._in_force.take_all(command for _, command in kept.commands)
        self._kept = kept

    @property
    def number(self) -> int:
        """Of the version in force; 0 if there is none."""
        return 0 if self.version is None else self.version.number

    def begin(self, now: int) -> list[Delivery]:
        """Put the subscriptions in force, and do what was commanded while nobody was there."""
        records = self.ledger.subscribe(self._in_force.subscriptions, now)
        done = self._kept.standing.commands if self._kept.standing else self._kept.commands_end
        for offset, command in self._kept.commands:
            if offset >= done:
                records += self._do_once(command, offset, now)
        return records

    def change(
        self,
        declared: Declared,
        version: ConfigurationVersion | None,
        *,
        addresses: Mapping[str, str],
        now: int,
    ) -> list[Delivery]:
        """Go by what is declared by another version; what waited for what is gone is dead."""
        self._declared, self.version, self._addresses = declared, version, addresses
        self.ledger.follow(declared.receivers)
        self._in_force.follow(declared, version)
        return self.ledger.subscribe(self._in_force.subscriptions, now)

    def follow(self, command: Command, offset: int, now: int) -> list[Delivery]:
        """Follow a command about a subscription; one that cannot be followed is told in the log."""
        try:
            changed = self._in_force.take(command)
        except ConfigurationError as error:
            self._logger.warning("command not followed", offset=offset, error=str(error))
            return []
        if changed:
            self._logger.info("subscriptions changed", reason=command.action, why=command.why)
            return self.ledger.subscribe(self._in_force.subscriptions, now)
        return self._do_once(command, offset, now)

    def written(self, deliveries: Iterable[Delivery], now: int) -> list[Outgoing]:
        """Deliveries with the standing behind them, as they go to the log."""
        return [*records_of(deliveries), standing_record(self.standing(now))]

    def standing(self, now: int) -> NotifierStanding:
        """How far it is, and what is in force."""
        commanded = self._in_force.commanded
        declared: Literal["file", "version"] = (
            "version" if self.version is not None and self.version.text else "file"
        )
        return NotifierStanding(
            alarms=self.alarms,
            commands=self.commands,
            when=now,
            receivers=tuple(
                ReceiverStanding(
                    name=each.name,
                    kind=each.kind,
                    address=self._addresses[each.name],
                    pending=self.ledger.pending(each.name),
                    failing_since=self.ledger.receivers[each.name].failing_since,
                    problem=self.ledger.receivers[each.name].problem,
                )
                for each in self._declared.receivers
            ),
            subscriptions=tuple(
                SubscriptionStanding(
                    name=each.name,
                    receiver=each.receiver,
                    declared=each.declared(),
                    enabled=each.enabled,
                    origin="command" if each.name in commanded else declared,
                    whole=msgspec.json.encode(each).decode(),
                )
                for each in self.ledger.subscriptions
            ),
            routes=self.number,
            refused=self.problem[0],
            problem=self.problem[1],
        )

    def conditions(self, now: int) -> Sequence[Outgoing]:
        """What is to be said now of receivers that fail, or do so no more."""
        failing = self.ledger.failing(now)
        says = []
        for name, state in failing.items():
            if now - self._said.get(name, 0) >= _SAY_AGAIN:
                self._said[name] = now
                says.append(self._condition(name, state, now))
        for name in [name for name in self._said if name not in failing]:
            # Between two lives it may fail for a shorter time than it may: it is not over yet.
            if name in self.ledger.receivers and self.ledger.receivers[name].failing_since:
                continue
            del self._said[name]
            says.append(self._condition(name, None, now))
        return [*says, *self._of_problem(now)]

    def _of_problem(self, now: int) -> Iterable[Outgoing]:
        """What is to be said of a version that cannot be followed, or that it is over."""
        number, problem = self.problem
        if not number and self._said_problem >= 0:
            self._said_problem = -1
        elif number and (self._said_problem < 0 or now - self._said_problem >= _SAY_AGAIN):
            self._said_problem = now
        else:
            return
        subject = "notifications/version"
        message = AlarmCondition(
            subject=subject,
            active=bool(number),
            why=problem or "the notifier follows what was activated last",
            process=self._process,
            service="notifier",
            when=now,
            severity="medium",
            meaning=f"Version {number} of who is told of alarms was activated, and the notifier "
            "cannot follow it: it goes by what was in force before.",
            action="Look at what is missing, with `dqmstream notifications routes history`; then "
            "activate what can be followed, or go back with `dqmstream notifications routes "
            "rollback`.",
        )
        yield outgoing(HEARTBEATS, 0, message, f"condition/{subject}".encode())

    def _condition(self, name: str, state: ReceiverState | None, now: int) -> Outgoing:
        subject = f"receiver/{name}"
        why = "it takes notifications again, or is not declared any more"
        if state is not None:
            why = state.problem or "more notifications wait for it than may"
        message = AlarmCondition(
            subject=subject,
            active=state is not None,
            why=why,
            process=self._process,
            service="notifier",
            when=now,
            severity="high",
            meaning=f"Notifications to {name!r} do not arrive: whoever relies on them is not told "
            "of alarms.",
            action="Watch the list of alarms meanwhile. Look at its server and its address, try "
            "with `dqmstream notifications test`, then send what is dead again with "
            "`dqmstream notifications again`.",
        )
        return outgoing(HEARTBEATS, 0, message, f"condition/{subject}".encode())

    def _do_once(self, command: Command, offset: int, now: int) -> list[Delivery]:
        asked = once(command)
        if asked is None:
            return []
        name, what = asked
        if what == "again":
            return self.ledger.again(name, now)
        trial = trial_step(name, command.who, command.when)
        made = self.ledger.try_out(name, trial, f"trial@{offset}@{name}", now)
        if made is None:
            self._logger.warning("command not followed", offset=offset, error=f"no {name!r}")
        return [] if made is None else [made]
