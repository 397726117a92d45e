"""The stream of a gateway as states: a pure reducer over its messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.client.element import Element
from dqmstream.client.errors import GatewayError

__all__ = ["Channel", "ChannelStates", "board_subscription", "element_in", "subscription"]

_ID: Final = "client"


def subscription(path: str, *, run: int | None = None, window: str = "lumisection") -> str:
    """The message that watches one element.

    Parameters
    ----------
    path
        Of the element.
    run
        A run in memory, or one that is to begin; None follows the current one.
    window
        `lumisection` (the newest LS), `last-N`, or `run`.

    Raises
    ------
    ValueError
        If the window is none of these.
    """
    chosen: str | dict[str, int] = window
    if window.startswith("last-") and window.removeprefix("last-").isdecimal():
        chosen = {"last": int(window.removeprefix("last-"))}
    elif window not in {"lumisection", "run"}:
        msg = f"window {window!r}: expected lumisection, run, or last-N"
        raise ValueError(msg)
    message = {"type": "subscribe", "id": _ID, "paths": [path], "run": run, "window": chosen}
    return msgspec.json.encode(message).decode()


def board_subscription(boards: Sequence[str], *, run: int | None = None) -> str:
    """The message that watches boards: `run`, `strip`, `quality`, `pulse` or `runs`."""
    message = {"type": "subscribe", "id": _ID, "boards": list(boards), "run": run}
    return msgspec.json.encode(message).decode()


@dataclass(slots=True)
class Channel:
    """The state of one channel, as of `sequence`; see the gateway's `protocol`."""

    name: str
    sequence: int
    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    rows: dict[str, Any]


class ChannelStates:
    """Follows the channels that a connection watches.

    `take` each message of the gateway; what it returns has changed. What `said` returns is to be
    sent to the gateway then.
    """

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._names: dict[int, str] = {}
        self._to_say: list[str] = []

    def said(self) -> list[str]:
        """Messages for the gateway, once."""
        messages, self._to_say = self._to_say, []
        return messages

    def take(self, message: Mapping[str, Any]) -> Channel | None:
        """The channel that a message changes; None if it changes none.

        Raises
        ------
        GatewayError
            If the gateway refuses what was asked.
        """
        match message["type"]:
            case "error":
                raise GatewayError(message["problem"] or "refused")
            case "subscribed" if message["refused"]:
                (path, reason), *_ = message["refused"].items()
                msg = f"{path}: {reason}"
                raise GatewayError(msg)
            case "snapshot":
                return self._snapshot(message)
            case "change":
                return self._change(message)
            case _:
                return None

    def _snapshot(self, message: Mapping[str, Any]) -> Channel:
        channel = Channel(
            message["channel"],
            message["sequence"],
            dict(message["header"]),
            {
                name: _array(name, cells, message["header"])
                for name, cells in message["arrays"].items()
            },
            dict(message["rows"]),
        )
        self._channels[channel.name] = channel
        self._names[message["number"]] = channel.name
        return channel

    def _change(self, message: Mapping[str, Any]) -> Channel | None:
        number = message["number"]
        channel = self._channels.get(self._names.get(number, ""))
        if channel is None or message["base"] > channel.sequence:
            # A gap: what comes next builds on what never came.
            resync = {"type": "resync", "channel": number if channel is None else channel.name}
            self._to_say.append(msgspec.json.encode(resync).decode())
            return None
        if message["base"] < channel.sequence:
            return None
        channel.sequence = message["sequence"]
        channel.header = _changed(channel.header, message.get("header", {}))
        for array, cells in message.get("arrays", {}).items():
            channel.arrays[array] = _changed_cells(channel.arrays[array], cells)
        channel.rows = _changed(channel.rows, message.get("rows", {}))
        return channel


def element_in(channel: Channel) -> Element | None:
    """The element of a plot's channel; None while it has no contents."""
    header = channel.header
    words, window, totals = header["element"], header["window"], header["totals"]
    if words is None or totals is None:
        return None
    return Element.of(
        {**words, **window, **totals},
        about={**window, "draw": words["draw"], "projected": words["projected"]},
        cells=_cells(words, channel.arrays),
    )


def _cells(words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Cells as `Element` has them, from the arrays that travel to be drawn."""
    shape = tuple(words["shape"])
    if not shape or not arrays:
        return {}
    if words["storage"] == "count":
        return {"counts": arrays["values"].reshape(shape)}
    cells = {name: arrays[name].reshape(shape) for name in ("values", "errors")}
    if "entries" in arrays:
        cells["counts"] = arrays["entries"].reshape(shape)
    return cells


def _changed(held: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """By key: an object goes within, a list of one sets, an empty one removes."""
    changed = dict(held)
    for key, change in changes.items():
        if isinstance(change, Mapping):
            changed[key] = _changed(held[key], change)
        elif change:
            (changed[key],) = change
        else:
            changed.pop(key, None)
    return changed


def _changed_cells(held: NDArray[Any], change: Mapping[str, Any]) -> NDArray[Any]:
    """Cells with what is added to them, or set; see the gateway's `protocol`."""
    skip, added = change["skip"], change.get("add")
    values = _numbers(held.dtype, change["set"] if added is None else added)
    if isinstance(skip, int):
        at = np.arange(skip, skip + values.size)
    else:
        at = np.cumsum(np.asarray(skip, np.int64) + 1) - 1
    changed = held.copy()
    changed[at] = values if added is None else changed[at] + values
    return changed


def _array(name: str, cells: Any, header: Mapping[str, Any]) -> NDArray[Any]:
    storage = (header.get("element") or {}).get("storage")
    counted = name == "entries" or storage == "count"
    return _numbers(np.dtype(np.int64 if counted else np.float64), cells)


def _numbers(dtype: "np.dtype[Any]", cells: Any) -> NDArray[Any]:
    """JSON has no NaN: it travels as null."""
    return np.array([np.nan if cell is None else cell for cell in cells], dtype)
