"""The stream of a gateway as states: a pure reducer over its messages."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.client.element import Axis, Element
from dqmstream.client.errors import GatewayError

__all__ = ["PlotStates", "subscription"]

_ID: Final = "client"


def subscription(path: str, *, run: int | None = None, window: str = "lumisection") -> str:
    """The message that watches one element.

    Parameters
    ----------
    path
        Of the element.
    run
        A run in memory; None follows the current one.
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


class PlotStates:
    """Follows the plots that a connection watches.

    `take` each message of the gateway; what it returns is to be shown. What `said` returns is to be
    sent to the gateway then.
    """

    def __init__(self) -> None:
        self._sequences: dict[str, int] = {}
        self._headers: dict[str, dict[str, Any]] = {}
        self._arrays: dict[str, dict[str, NDArray[Any]]] = {}
        self._to_say: list[str] = []

    def said(self) -> list[str]:
        """Messages for the gateway, once."""
        messages, self._to_say = self._to_say, []
        return messages

    def take(self, message: Mapping[str, Any]) -> Element | None:
        """The element that a message changes; None if it changes none, or has no contents yet.

        Raises
        ------
        GatewayError
            If the gateway refuses what was asked.
        """
        match message["type"]:
            case "error":
                problem = message["problem"]
                raise GatewayError(problem.get("detail") or problem.get("title") or "refused")
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

    def _snapshot(self, message: Mapping[str, Any]) -> Element | None:
        channel = message["channel"]
        self._sequences[channel] = message["sequence"]
        self._headers[channel] = dict(message["header"])
        self._arrays[channel] = {
            name: _array(name, cells, message["header"])
            for name, cells in message["arrays"].items()
        }
        return self._element(channel)

    def _change(self, message: Mapping[str, Any]) -> Element | None:
        channel = message["channel"]
        held = self._sequences.get(channel)
        if held is None or message["base"] > held:
            # A gap: what comes next builds on what never came.
            resync = {"type": "resync", "channel": channel}
            self._to_say.append(msgspec.json.encode(resync).decode())
            return None
        if message["sequence"] <= held or message["base"] < held:
            return None
        self._sequences[channel] = message["sequence"]
        self._headers[channel] |= message.get("header", {})
        for name, cells in message.get("arrays", {}).items():
            array = self._arrays[channel][name].copy()
            array[np.asarray(cells["at"], np.int64)] = _numbers(array.dtype, cells["to"])
            self._arrays[channel][name] = array
        return self._element(channel)

    def _element(self, channel: str) -> Element | None:
        header, arrays = self._headers[channel], self._arrays[channel]
        words, window, totals = header["element"], header["window"], header["totals"]
        if words is None or totals is None:
            return None
        return Element(
            path=words["path"],
            workspace=words["workspace"],
            title=words["title"],
            description=words["description"],
            kind=words["kind"],
            storage=words["storage"],
            axes=tuple(Axis.of(axis) for axis in words["axes"]),
            run=window["run"],
            first=window["first"],
            last=window["last"],
            lumisections=window["lumisections"],
            closed=window["closed"],
            complete=window["complete"],
            whole=window["whole"],
            entries=totals["entries"],
            nan=totals["nan"],
            outside=totals["outside"],
            value=totals["value"],
            invalid=totals["invalid"],
            about={**window, "draw": words["draw"], "projected": words["projected"]},
            cells=_cells(words, arrays),
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


def _array(name: str, cells: Any, header: Mapping[str, Any]) -> NDArray[Any]:
    counted = name == "entries" or (header["element"] or {}).get("storage") == "count"
    return _numbers(np.dtype(np.int64 if counted else np.float64), cells)


def _numbers(dtype: "np.dtype[Any]", cells: Any) -> NDArray[Any]:
    """JSON has no NaN: it travels as null."""
    return np.array([np.nan if cell is None else cell for cell in cells], dtype)
