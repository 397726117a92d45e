"""The desk of who is told of alarms: versions of it, and what others would tell whom."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from dqmstream.clock import Clock
from dqmstream.configuration.history import NOTIFICATIONS
from dqmstream.errors import MessageError
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.notifications import NotifierStanding
from dqmstream.messages.topics import ALARMS
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.dry_run import Rerouted, rerouted, step_of
from dqmstream.notifications.routes import Routes, read_routes
from dqmstream.notifications.subscription import Subscription
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from services.gateway.alarm_desk import AlarmDesk
from services.gateway.notification_desk import NotificationDesk
from services.gateway.patience import log_within
from services.gateway.problems import ProblemError
from services.gateway.version_desk import VersionDesk

__all__ = ["NotificationRoutesDesk", "RoutesTried"]

_PATIENCE: Final = 10.0
_FOLLOWED_WITHIN: Final = 5.0
_LOOK: Final = 0.1


class RoutesTried(NamedTuple):
    """What other subscriptions would change: of the last steps, and of the alarms that stand."""

    lately: Rerouted
    standing: Rerouted
    steps: int


class NotificationRoutesDesk(VersionDesk[Routes]):
    """Versions of receivers and subscriptions.

    Parameters
    ----------
    notifications
        What the notifier says is in force.
    alarms
        As they stand.
    """

    def __init__(
        self, log: Log, clock: Clock, notifications: NotificationDesk, alarms: AlarmDesk
    ) -> None:
        super().__init__(log, NOTIFICATIONS, read_routes, clock)
        self._notifications = notifications
        self._alarms = alarms

    async def check(self, text: str) -> Routes:
        """What a text says; ProblemError 422 with the first thing wrong, as far as is known here:
        which secrets there are, and which hosts may be called, only the notifier knows."""
        routes = await super().check(text)
        standing = await self._notifications.last_standing()
        names = {one.name for one in routes.receivers}
        if standing is not None:
            names |= {one.name for one in standing.receivers}
        for one in routes.subscriptions:
            if standing is not None and one.receiver not in names:
                listed = ", ".join(sorted(names)) or "none"
                detail = (
                    f"the notifications: subscription {one.name!r}: receiver "
                    f"{one.receiver!r:.100} is not declared, there are: {listed}"
                )
                raise ProblemError(422, detail)
        return routes

    async def followed(self) -> tuple[int | None, str]:
        """The version that the notifier goes by, None if there never was one; and why it does not
        go by a later one."""
        standing = await self._notifications.last_standing()
        return (None, "") if standing is None else (standing.routes, standing.problem)

    async def problem_with(self, version: ConfigurationVersion) -> str:
        """Why the notifier does not follow a version that was just activated: it has some seconds
        to say so. Empty if it does, or says nothing."""
        try:
            async with asyncio.timeout(_FOLLOWED_WITHIN):
                while True:
                    standing = await self._notifications.last_standing()
                    if standing is None or standing.routes == version.number:
                        return ""
                    if standing.refused == version.number:
                        return standing.problem
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            return ""

    async def dry_run(self, text: str, last: int) -> RoutesTried:
        """What a text would tell whom of the last steps.

        Raises
        ------
        ProblemError
            404 if no notifier ever ran, 422 if the text cannot be read, 503 without a log.
        """
        routes = await self.check(text)
        before = _subscriptions(await self._notifications.standing())
        steps = await self._last_steps(last)
        states = await self._alarms.states()

        def tried() -> RoutesTried:
            standing = [step for one in states if (step := step_of(one)) is not None]
            return RoutesTried(
                rerouted(before, routes.subscriptions, steps),
                rerouted(before, routes.subscriptions, standing),
                len(steps),
            )

        return await asyncio.to_thread(tried)

    async def _last_steps(self, last: int) -> list[AlarmTransition]:
        found: list[AlarmTransition] = []
        async with log_within(_PATIENCE):
            start, end = await self._log.bounds(ALARMS, 0)
            async for record in read_to_end(self._log, ALARMS, {0: max(start, end - last)}):
                try:
                    message = CODEC.decode(record.headers, record.value)
                except MessageError:
                    continue
                if isinstance(message, AlarmTransition):
                    found.append(message)
        return found


def _subscriptions(standing: NotifierStanding) -> Sequence[Subscription]:
    """Those in force; of a notifier of before, which did not say all of them, what it said."""
    return [
        msgspec.json.decode(one.whole, type=Subscription)
        for one in standing.subscriptions
        if one.whole
    ]
