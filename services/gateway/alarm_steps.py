"""The newest steps of alarms, by their sequence: the offset of each on `dqm.alarms`."""

from typing import Any

import msgspec

from dqmstream.messages.alarms import AlarmTransition
from services.gateway.state import State

__all__ = ["AlarmSteps", "step_fields", "step_row"]


class AlarmSteps:
    """What a board of steps shows: the last `most`.

    Who comes back with the sequence it saw last finds here all that came after it, or by `oldest`
    that it has to ask for what lies between.
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._rows: dict[str, dict[str, Any]] = {}
        self._newest = -1
        self.revision = 0

    def take(self, sequence: int, step: AlarmTransition) -> None:
        """Take a step in; one that was there before changes nothing."""
        if sequence <= self._newest:
            return
        self._newest = sequence
        self._rows[str(sequence)] = step_row(sequence, step)
        while len(self._rows) > self._most:
            del self._rows[next(iter(self._rows))]
        self.revision += 1

    def board(self) -> State:
        """Rows by sequence; `oldest` and `newest` of them in the header, null without any."""
        oldest = next(iter(self._rows), None)
        header = {
            "oldest": None if oldest is None else int(oldest),
            "newest": None if oldest is None else self._newest,
        }
        return State(header=header, rows=dict(self._rows))


def step_row(sequence: int, step: AlarmTransition) -> dict[str, Any]:
    """A step as programs are told it: all its fields, with its sequence."""
    return {"sequence": sequence, **step_fields(step)}


def step_fields(step: AlarmTransition) -> dict[str, Any]:
    """All fields of a step, as JSON types."""
    fields: dict[str, Any] = msgspec.to_builtins(step)
    del fields["type"]
    return fields
