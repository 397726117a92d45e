"""What is said on the stream, `/api/v1/stream`: JSON text messages, each with a `type`.

Client to server: `subscribe`, `unsubscribe`, `resync` (`ClientMessage`).

Server to client:

- `hello`: first; settings the page needs, and the limits.
- `subscribed` {id, channels, refused}: the channels an id stands for now, in the order asked, and
  the paths that cannot be watched with the reason. New channels begin with a snapshot.
- `snapshot` {channel, number, sequence, header, arrays, rows}: the whole state. `number` is what
  changes call the channel by, on this connection.
- `change` {number, base, sequence, header, arrays, rows}: from the state numbered `base` to the one
  numbered `sequence`; parts in which nothing changes are left out. See below.
- `batch` {messages}: snapshots and changes, to be taken in this order as if each came by itself;
  only on streams that are opened as `/api/v1/stream?batch=true`, which spares both sides work.
- `error` {id, problem}: the message was not followed; `problem` is as in HTTP answers.

Changes are small, since most of a state stays:

- of `header` and `rows`, by key: an object stands for the changes within what stands there, a list
  of one for what stands there from now on, an empty list for a key that is gone.
  `{"totals": {"entries": [250]}, "problem": [""]}` sets two values, and leaves the other totals.
- of `arrays`, by name: `{skip, add}` adds to cells, `{skip, set}` sets them. `skip` is a list of
  how many cells are passed over before each, or the number passed over before the first, all
  others following it. `{"skip": [3, 0, 7], "add": [1, 2, 1]}` adds to the cells 3, 4 and 12, and
  `{"skip": 3, "add": [1, 2, 0, 1]}` to the cells 3 to 6. Null is "undefined", as in snapshots.

Sequences of a channel only grow. A change applies only to the state numbered `base`; one at or
below the client's sequence is an overlap and is dropped; else, or if the number of the channel is
not known, there is a gap: the client sends `resync` {channel}, name or number, and waits for the
snapshot. A number that is not watched any more is passed over. Cells are in C order over the axes,
flow included (see `services.gateway.drawing`).

Messages are compressed for clients that say they take it (`permessage-deflate`, RFC 7692), once for
all that are sent the same (see `services.gateway.deflating`).

Channels have names:

- `plot/{run}/{window}/{path}`, `{run}` being `current` or a number, `{window}` being `lumisection`
  (the newest LS), `last-N` or `run`;
- `board/{board}/{run}`, `{board}` being `runs`, `run`, `strip`, `quality`, `pulse`, `displays`
  (of which `current` is the run of the newest event that was picked), `alarms` (those that are not
  normal) or `steps` (the newest steps of alarms, rows by their sequence, which outlives streams
  and gateways).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Self

import msgspec
import orjson

from services.gateway.windows import Window

__all__ = [
    "BOARDS",
    "BoardChannel",
    "ClientMessage",
    "PlotChannel",
    "ProtocolError",
    "Resync",
    "Subscribe",
    "Unsubscribe",
    "encode",
    "id_of",
    "parse_channel",
    "read_message",
]

BOARDS: Final = ("runs", "run", "strip", "quality", "pulse", "displays", "steps", "alarms")

_MAX_ID: Final = 64


class ProtocolError(ValueError):
    """A client's message that cannot be followed."""


class LastLumisections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest `last` LSs."""

    last: int


class _ClientMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    pass


class Subscribe(_ClientMessage, frozen=True, kw_only=True, tag="subscribe"):
    """Watch plots (by `paths`, or by a glob `match`) over a `window`, or `boards`.

    An id that is in use stands for the new channels afterwards. `run` is a run in memory, or one of
    a higher number, which has not begun; None follows the current one.
    """

    id: str
    paths: tuple[str, ...] = ()
    match: str = ""
    boards: tuple[
        Literal["runs", "run", "strip", "quality", "pulse", "displays", "steps", "alarms"], ...
    ] = ()
    window: Literal["lumisection", "run"] | LastLumisections = "lumisection"
    run: int | None = None

    def chosen(self) -> Window:
        """The window of the plots."""
        if isinstance(self.window, LastLumisections):
            return Window("last", count=self.window.last)
        return Window(self.window)


class Unsubscribe(_ClientMessage, frozen=True, kw_only=True, tag="unsubscribe"):
    """Stop watching what an id stands for."""

    id: str


class Resync(_ClientMessage, frozen=True, kw_only=True, tag="resync"):
    """Ask for a snapshot of a channel, known by its name or its number, after a gap."""

    channel: str | int


ClientMessage = Subscribe | Unsubscribe | Resync


class _Identified(msgspec.Struct):
    id: str | None = None


_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


class PlotChannel(NamedTuple):
    """One plot of the current run (None) or of another one in memory, over a window."""

    run: int | None
    window: Window
    path: str

    @property
    def name(self) -> str:
        return f"plot/{_run_word(self.run)}/{self.window.word}/{self.path}"


class BoardChannel(NamedTuple):
    """One board of the current run (None) or of another one in memory."""

    run: int | None
    board: str

    @property
    def name(self) -> str:
        return f"board/{self.board}/{_run_word(self.run)}"

    @classmethod
    def of(cls, board: str, run: int | None) -> Self:
        # These are about all runs: one channel, whichever run a client follows.
        return cls(None if board in {"runs", "pulse", "steps", "alarms"} else run, board)


def parse_channel(name: str) -> PlotChannel | BoardChannel:
    """The channel of a name made by `PlotChannel.name` or `BoardChannel.name`."""
    kind, first, second, *path = name.split("/", 3)
    if kind == "board":
        return BoardChannel(_run_of(second), first)
    return PlotChannel(_run_of(first), Window.parse(second), path[0])


def read_message(text: str | bytes) -> ClientMessage:
    """A client's message.

    Raises
    ------
    ProtocolError
        If it is none, or asks for a window that cannot be watched.
    """
    try:
        message = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"not a message of the stream: {error}"
        raise ProtocolError(msg) from error
    if isinstance(message, Subscribe):
        _check(message)
    return message


def id_of(text: str | bytes) -> str | None:
    """The id in a message that may be broken otherwise, to say which one was not followed."""
    try:
        return msgspec.json.decode(text, type=_Identified).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def encode(kind: str, body: Mapping[str, Any]) -> bytes:
    """A server's message."""
    return orjson.dumps({"type": kind, **body})


def _check(message: Subscribe) -> None:
    if not 1 <= len(message.id) <= _MAX_ID:
        msg = f"an id of {len(message.id)} characters, expected 1 to {_MAX_ID}"
        raise ProtocolError(msg)
    if message.paths and message.match:
        msg = "both paths and match given, expected one of them"
        raise ProtocolError(msg)
    if isinstance(message.window, LastLumisections) and not 1 <= message.window.last <= 100_000:
        msg = f"window is the last {message.window.last} LSs, expected 1 to 100000"
        raise ProtocolError(msg)


def _run_word(run: int | None) -> str:
    return "current" if run is None else str(run)


def _run_of(word: str) -> int | None:
    return None if word == "current" else int(word)
