"""Event loops that are late by chance, in every Python process that starts with this on its path.

Sockets are heard late and out of order, timers go off late, and what threads did is told late: all
that a loop may do and an idle machine never does. A test that passed because one of two tasks was
always first fails here within minutes; on a busy machine it would fail once in a hundred runs.
`make shaken` starts it; `SHAKEN_SEED` is the seed.
"""

import os
import time
from asyncio import BaseEventLoop, TimerHandle
from asyncio.selector_events import BaseSelectorEventLoop
from random import Random
from typing import Any, Final

__all__: list[str] = []

_SOCKET_DELAYS: Final = (0.0, 0.0, 0.0, 0.002, 0.02, 0.06)
_SOCKET_CHARACTER_SECONDS: Final = (0.05, 0.5)
_FORGOTTEN_SECONDS: Final = 1.0
_TIMER_DELAY: Final = 0.01
_THREAD_DELAY: Final = 0.03
_LATE: Final = 0.3

# No name of ours: programs that are started here end at a setting that they do not know.
_random = Random(f"{os.environ.get('SHAKEN_SEED', '1')} {os.getpid()}")
# Tests replace these of the module `time`.
_now = time.monotonic
_sleep = time.sleep


class _Lateness:
    """When each socket (by its descriptor) is heard: quick or slow for a while, drawn by chance."""

    def __init__(self) -> None:
        self._character: dict[int, tuple[float, float]] = {}
        self._heard_at: dict[int, float] = {}

    def heard(self, descriptor: int) -> bool:
        """Whether what the selector said of it reaches the loop now; it says so again if not."""
        now = _now()
        until, delay = self._character.get(descriptor, (0.0, 0.0))
        if until < now:
            delay = _random.choice(_SOCKET_DELAYS)
            until = now + _random.uniform(*_SOCKET_CHARACTER_SECONDS)
            self._character[descriptor] = until, delay
        if not delay:
            return True
        heard_at = self._heard_at.get(descriptor)
        if heard_at is None or heard_at < now - _FORGOTTEN_SECONDS:
            self._heard_at[descriptor] = now + delay * _random.random()
            return False
        if heard_at > now:
            return False
        del self._heard_at[descriptor]
        return True


_lateness = _Lateness()
_process_events: Any = BaseSelectorEventLoop._process_events  # type: ignore[attr-defined]
_call_at: Any = BaseEventLoop.call_at
_run_in_executor: Any = BaseEventLoop.run_in_executor


def _some_events(self: Any, events: list[tuple[Any, int]]) -> None:
    own = self._ssock.fileno() if self._ssock is not None else -1
    heard = [each for each in events if each[0].fd == own or _lateness.heard(each[0].fd)]
    if events and not heard and not self._ready:
        _sleep(0.0005)  # or the loop would spin until the next may be heard
    _random.shuffle(heard)
    _process_events(self, heard)


def _late_call_at(
    self: Any, when: float, callback: Any, *args: Any, context: Any = None
) -> TimerHandle:
    if _random.random() < _LATE:
        when += _random.random() * _TIMER_DELAY
    made: TimerHandle = _call_at(self, when, callback, *args, context=context)
    return made


def _late_in_executor(self: Any, executor: Any, function: Any, *args: Any) -> Any:
    if _random.random() >= _LATE:
        return _run_in_executor(self, executor, function, *args)
    delay = _random.random() * _THREAD_DELAY
    before = _random.random() < 0.5

    def late(*given: Any) -> Any:
        if before:
            _sleep(delay)
        try:
            return function(*given)
        finally:
            if not before:
                _sleep(delay)

    return _run_in_executor(self, executor, late, *args)


BaseSelectorEventLoop._process_events = _some_events  # type: ignore[attr-defined]
BaseEventLoop.call_at = _late_call_at  # type: ignore[method-assign, assignment]
BaseEventLoop.run_in_executor = _late_in_executor  # type: ignore[method-assign, assignment]
