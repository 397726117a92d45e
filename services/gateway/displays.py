"""Single events that were picked to be looked at: the newest of each run, in memory only."""

from collections import OrderedDict
from typing import Any, Final

import msgspec

from dqmstream.messages.display import EventDisplay

__all__ = ["DisplayShelf", "display_body", "display_row"]

_DRAWN: Final = ("layers", "spot", "paths")


class DisplayShelf:
    """The newest events of the newest runs that have any.

    Parameters
    ----------
    each
        Events of a run.
    runs
        Runs; the one that had an event the longest ago goes first.
    """

    def __init__(self, each: int, runs: int) -> None:
        self._each = each
        self._most_runs = runs
        self._runs: OrderedDict[int, OrderedDict[int, EventDisplay]] = OrderedDict()
        self._rows: dict[tuple[int, int], dict[str, Any]] = {}
        self.revision = 0
        """Rises with each event."""

    def take(self, display: EventDisplay) -> None:
        """One more event; one that comes again replaces what was there, and is the newest."""
        events = self._runs.setdefault(display.run, OrderedDict())
        self._runs.move_to_end(display.run)
        events[display.event] = display
        events.move_to_end(display.event)
        self._rows[display.run, display.event] = display_row(display)
        while len(events) > self._each:
            gone, _ = events.popitem(last=False)
            del self._rows[display.run, gone]
        while len(self._runs) > self._most_runs:
            run, events = self._runs.popitem(last=False)
            for event in events:
                del self._rows[run, event]
        self.revision += 1

    @property
    def newest_run(self) -> int | None:
        """The run of the newest event; None if there is none."""
        return next(reversed(self._runs)) if self._runs else None

    def of_run(self, run: int | None) -> list[EventDisplay]:
        """Events of a run, newest first; None stands for the run of the newest event."""
        number = self.newest_run if run is None else run
        if number is None or number not in self._runs:
            return []
        return list(reversed(self._runs[number].values()))

    def rows(self, run: int | None) -> list[dict[str, Any]]:
        """The same as rows of a list; made once, for nothing of an event changes."""
        return [self._rows[each.run, each.event] for each in self.of_run(run)]

    def get(self, run: int, event: int) -> EventDisplay | None:
        """One event; None if it is not here, or not here any more."""
        return self._runs[run].get(event) if run in self._runs else None

    def latest(self) -> EventDisplay | None:
        """The newest event of all."""
        return next(iter(self.of_run(None)), None)


def display_row(display: EventDisplay) -> dict[str, Any]:
    """One event in a list: all but what is drawn of it, and how much that is."""
    named = [name for name in display.__struct_fields__ if name not in _DRAWN]
    row = {name: getattr(display, name) for name in named}
    return row | {"counts": {layer.collection: layer.total for layer in display.layers}}


def display_body(display: EventDisplay) -> dict[str, Any]:
    """One event, whole."""
    body: dict[str, Any] = msgspec.to_builtins(display)
    del body["type"]
    return body
