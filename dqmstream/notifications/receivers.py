"""The receivers in force, and how each does."""

from collections.abc import Iterable, Mapping
from typing import Final

from dqmstream.messages.notifications import Delivery, ReceiverStanding
from dqmstream.notifications.attempt import ReceiverState
from dqmstream.notifications.receiver import Receiver

__all__ = ["Receivers", "nanoseconds"]

_SECOND: Final = 1_000_000_000


class Receivers:
    """Receivers by name; times are in nanoseconds since 1970.

    Parameters
    ----------
    receivers
        Those in force.
    """

    def __init__(self, receivers: Iterable[Receiver]) -> None:
        self._settings = {each.name: each for each in receivers}
        self._states = {name: ReceiverState() for name in self._settings}

    def __contains__(self, name: str) -> bool:
        return name in self._settings

    def __getitem__(self, name: str) -> Receiver:
        return self._settings[name]

    @property
    def states(self) -> Mapping[str, ReceiverState]:
        """How each does."""
        return self._states

    def follow(self, receivers: Iterable[Receiver]) -> None:
        """Go by other receivers from here on; those that stay, by name, stand as they stood."""
        self._settings = {each.name: each for each in receivers}
        before = self._states
        self._states = {name: before.get(name, ReceiverState()) for name in self._settings}

    def restore(self, standings: Iterable[ReceiverStanding]) -> None:
        """Take in how they did before; nothing is on its way, and all may be tried at once."""
        for standing in standings:
            if standing.failing_since and standing.name in self._states:
                self._states[standing.name] = ReceiverState(
                    failing_since=standing.failing_since, problem=standing.problem
                )

    def succeeded(self, name: str) -> None:
        """One has taken what it was sent."""
        if name in self._states:
            self._states[name] = ReceiverState()

    def failed(
        self, name: str, problem: str, now: int, *, refused: bool, wait: float, random: float
    ) -> None:
        """One may not have taken it.

        Parameters
        ----------
        refused
            It wants none of this, and may want what comes next: unless it asks for more it is left
            alone for `retry_first`.
        wait
            Seconds it asked to be left alone, at least; `retry_most` at most.
        random
            Of [0, 1).
        """
        settings, state = self._settings[name], self._states[name]
        state.busy = False
        state.failures += 1
        state.failing_since = state.failing_since or now
        state.problem = problem
        pause = max(settings.wait(state.failures, random), min(wait, settings.retry_most))
        state.next_try = now + nanoseconds(settings.retry_first if refused and not wait else pause)

    def is_over(self, delivery: Delivery, name: str, now: int, *, refused: bool = False) -> bool:
        """Whether a delivery was tried for long enough: one that quiet hours kept back for a night
        is not given up for a moment in which its receiver was away."""
        since = delivery.since
        if not refused:
            since = max(since, self._states[name].failing_since)
        return now - since >= nanoseconds(self._settings[name].give_up)

    def failing(self, now: int) -> dict[str, ReceiverState]:
        """Those that have failed for longer than they may."""
        return {
            name: state
            for name, state in self._states.items()
            if state.failing_since
            and now - state.failing_since >= nanoseconds(self._settings[name].failing)
        }


def nanoseconds(seconds: float) -> int:
    """Seconds as the log and the ledger count them."""
    return round(seconds * _SECOND)
