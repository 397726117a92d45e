"""Where alarms stand now, for the board `alarms`: those that are not normal."""

from typing import Any, Final

import msgspec

from dqmstream.alarms.displayed import HIDDEN, shown_severity, unacknowledged
from dqmstream.alarms.flood import FLOOD
from dqmstream.messages.alarms import AlarmState
from services.gateway.state import State

__all__ = ["AlarmStates", "alarm_row"]

_OF_THE_SERVICE: Final = ("type", "through", "made", "step", "judged", "raises")
"""What only the next step of an alarm depends on."""


class AlarmStates:
    """Alarms by name; one that is normal again is not among them."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._heard: int | None = None
        self.revision = 0

    def take(self, state: AlarmState) -> None:
        """Take in where an alarm stands."""
        if state.state == "normal" and state.life == "normal":
            if self._rows.pop(state.alarm, None) is None:
                return
        else:
            self._rows[state.alarm] = alarm_row(state)
        self.revision += 1

    def hear(self, stamp: int) -> None:
        """The service of alarms spoke at `stamp`, nanoseconds since 1970."""
        self._heard = stamp
        self.revision += 1

    def board(self) -> State:
        """Rows by name of the alarm; how many there are in the header, whether there is a flood,
        and when the service of alarms was last `heard`, nanoseconds since 1970."""
        rows = self._rows.values()
        header = {
            "alarms": len(rows),
            "unacknowledged": sum(row["unacknowledged"] for row in rows),
            "hidden": sum(row["state"] in HIDDEN for row in rows),
            "flood": self._rows.get(FLOOD, {}).get("now", "OK") != "OK",
            "heard": self._heard,
        }
        return State(header=header, rows=dict(self._rows))


def alarm_row(state: AlarmState) -> dict[str, Any]:
    """An alarm as boards and routes show it."""
    row: dict[str, Any] = msgspec.to_builtins(state)
    for name in _OF_THE_SERVICE:
        del row[name]
    return row | {"severity": shown_severity(state), "unacknowledged": unacknowledged(state)}
