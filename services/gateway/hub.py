"""Who is shown what: the state machine behind the stream. No asyncio, no clock, no sockets.

A *channel* is something that can be watched: one plot over one window, or a board such as the
strip of lumisections. It holds one state (the newest), the change that led to it, and a sequence
number. Numbers come from one counter for all channels, so a channel's only ever grow, also when
it is dropped and made again.

A client owns no queue. For each channel it watches the hub remembers the number the client was
last sent and whether something newer waits: a slot that holds "the newest", whatever that is when
the client gets round to taking it. Taking gives the change if the client stands exactly at its
base, else a snapshot of the newest state. So a stalled client costs a few integers, however long
it stalls, and catches up with one snapshot per plot.

What a client must do with what it is sent (`services/gateway/page/stream.js` does):

- snapshot: take it, whatever it had;
- change with `sequence` at or below its own: drop it, it is an overlap;
- change whose `base` is its own number: apply it;
- anything else is a gap: keep nothing, ask for `resync`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from services.gateway.state import State, difference

__all__ = ["Channel", "Hub", "HubLimits", "LimitError", "Update"]

_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class LimitError(ValueError):
    """A client asks for more than it may hold."""


class Update(NamedTuple):
    """What a client is sent next.

    `heard` is the log time (nanoseconds since 1970) of the newest events that it brings; 0 if it
    brings none, or is the first the client sees of its channel: those may be old.
    """

    message: bytes
    heard: int


@dataclass(frozen=True, kw_only=True, slots=True)
class HubLimits:
    """What clients may hold together and each."""

    clients: int = 256
    subscriptions: int = 64
    channels: int = 512
    """Per client, over all its subscriptions."""


class Channel:
    """One thing that can be watched, and those who watch it."""

    __slots__ = (
        "_change",
        "_snapshot",
        "base",
        "heard",
        "name",
        "number",
        "sequence",
        "state",
        "watchers",
    )

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.state: State | None = None
        self.sequence = 0
        self.base = 0
        self.heard = 0
        """Log time of the newest events of the last change, 0 if it came without."""
        self.watchers: dict[int, None] = {}
        self._change: dict[str, Any] | bytes | None = None
        self._snapshot: bytes | None = None

    def advance(self, state: State, sequence: int) -> bool:
        """Take a new state; False, and nothing moves, if it shows nothing new."""
        change = None if self.state is None else difference(self.state, state)
        if change == {}:
            return False
        self.base, self.sequence = self.sequence, sequence
        newer = self.state is None or state.heard > self.state.heard
        self.heard = state.heard if newer else 0
        self.state, self._change, self._snapshot = state, change, None
        return True

    def snapshot(self) -> bytes:
        """The newest state as JSON; made once, shared by all who need it."""
        if self._snapshot is None:
            state = self.state or State()
            message = {
                "type": "snapshot",
                "channel": self.name,
                "number": self.number,
                "sequence": self.sequence,
                "header": state.header,
                "arrays": state.arrays,
                "rows": state.rows,
            }
            self._snapshot = orjson.dumps(message, option=_OPTIONS)
        return self._snapshot

    def since(self, sequence: int) -> bytes:
        """What brings a client from `sequence` to the newest state: the change or a snapshot."""
        if sequence != self.base or self._change is None:
            return self.snapshot()
        if isinstance(self._change, dict):
            message = {
                "type": "change",
                "number": self.number,
                "base": self.base,
                "sequence": self.sequence,
                **self._change,
            }
            self._change = orjson.dumps(message, option=_OPTIONS)
        return self._change


class _Client:
    __slots__ = ("held", "pending", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: dict[str, frozenset[str]] = {}
        self.held: dict[str, int] = {}
        # Insertion-ordered: the channel that has waited longest is taken first.
        self.pending: dict[str, None] = {}


class Hub:
    """All channels and all clients.

    Parameters
    ----------
    limits
        What clients may hold; beyond it `join` and `subscribe` raise `LimitError`.
    """

    def __init__(self, limits: HubLimits | None = None) -> None:
        self.limits = limits or HubLimits()
        self._channels: dict[str, Channel] = {}
        self._clients: dict[int, _Client] = {}
        self._next_client = 0
        self._next_channel = 0
        self._sequence = 0

    @property
    def watched(self) -> frozenset[str]:
        """Names of the channels somebody watches: what is worth computing."""
        return frozenset(self._channels)

    @property
    def stateless(self) -> frozenset[str]:
        """Names of the watched channels that have no state yet."""
        return frozenset(name for name, c in self._channels.items() if c.state is None)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def join(self) -> int:
        """A new client's number.

        Raises
        ------
        LimitError
            If there are as many clients as allowed.
        """
        if len(self._clients) >= self.limits.clients:
            msg = f"{len(self._clients)} clients are connected, that is the limit"
            raise LimitError(msg)
        self._next_client += 1
        self._clients[self._next_client] = _Client()
        return self._next_client

    def leave(self, client: int) -> None:
        """Forget a client and all it watched."""
        for channel in self._clients.pop(client).held:
            self._unwatch(client, channel)

    def subscribe(self, client: int, subscription: str, channels: Iterable[str]) -> None:
        """Watch exactly `channels` under this id, instead of what the id stood for before.

        Channels that are new to the client begin with a snapshot, as soon as they have a state.

        Raises
        ------
        LimitError
            If the client would hold more than it may; then nothing has changed.
        """
        me = self._clients[client]
        wanted = frozenset(channels)
        after = me.subscriptions | {subscription: wanted}
        count = len(frozenset().union(*after.values()))
        if len(after) > self.limits.subscriptions:
            msg = f"{len(after)} subscriptions, at most {self.limits.subscriptions} are allowed"
            raise LimitError(msg)
        if count > self.limits.channels:
            msg = f"{count} plots and boards watched, at most {self.limits.channels} are allowed"
            raise LimitError(msg)
        me.subscriptions = after
        self._settle(client)

    def unsubscribe(self, client: int, subscription: str) -> bool:
        """Stop watching what the id stands for; False if it stands for nothing."""
        me = self._clients[client]
        found = me.subscriptions.pop(subscription, None) is not None
        self._settle(client)
        return found

    def resync(self, client: int, channel: str | int) -> bool:
        """Send a snapshot next, whatever the client was sent; False if it does not watch this.

        A channel is known by its name and by its number.
        """
        me = self._clients[client]
        if isinstance(channel, int):
            channel = next((n for n in me.held if self._channels[n].number == channel), "")
        if channel not in me.held:
            return False
        me.held[channel] = 0
        if self._channels[channel].state is not None:
            me.pending[channel] = None
        return True

    def publish(self, name: str, state: State) -> tuple[int, ...]:
        """The newest state of a channel; nothing happens if nobody watches it.

        Returns
        -------
        tuple of int
            Clients that have something to take now.
        """
        channel = self._channels.get(name)
        if channel is None or not channel.advance(state, self._sequence + 1):
            return ()
        self._sequence += 1
        for client in channel.watchers:
            self._clients[client].pending[name] = None
        return tuple(channel.watchers)

    def take(self, client: int) -> Update | None:
        """The next message for a client, None when it is up to date."""
        me = self._clients[client]
        while me.pending:
            name = next(iter(me.pending))
            del me.pending[name]
            channel = self._channels[name]
            held = me.held[name]
            if held < channel.sequence:
                me.held[name] = channel.sequence
                return Update(channel.since(held), channel.heard if held else 0)
        return None

    def held(self, client: int) -> Mapping[str, int]:
        """Channels a client watches, with the sequence it was last sent (0: nothing yet)."""
        return self._clients[client].held

    def waiting(self, client: int) -> int:
        """Channels with something the client has not taken: never more than it watches."""
        return len(self._clients[client].pending)

    def all_waiting(self) -> list[int]:
        """The same for each client; any thread may ask."""
        return [len(client.pending) for client in list(self._clients.values())]

    def _settle(self, client: int) -> None:
        """Watch exactly what the client's subscriptions together name."""
        me = self._clients[client]
        wanted: frozenset[str] = frozenset().union(*me.subscriptions.values())
        for name in [name for name in me.held if name not in wanted]:
            del me.held[name]
            me.pending.pop(name, None)
            self._unwatch(client, name)
        for name in sorted(wanted - me.held.keys()):
            channel = self._channel(name)
            channel.watchers[client] = None
            me.held[name] = 0
            if channel.state is not None:
                me.pending[name] = None

    def _channel(self, name: str) -> Channel:
        """The channel of a name, made with a number of its own if it is new."""
        if name not in self._channels:
            self._next_channel += 1
            self._channels[name] = Channel(name, self._next_channel)
        return self._channels[name]

    def _unwatch(self, client: int, name: str) -> None:
        channel = self._channels[name]
        del channel.watchers[client]
        if not channel.watchers:
            del self._channels[name]
