"""The stream's wire: one sender per client, one ticker for all. What is sent, the hub decides."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from dqmstream.clock import Clock
from dqmstream.identity import MAX_PATH_LENGTH
from services.gateway.admission import (
    POLICY,
    PROTOCOL,
    Ending,
    end_of_stream,
    origin_allowed,
)
from services.gateway.catalogue import find
from services.gateway.channels import ChannelStates, booked_layouts, locate
from services.gateway.desk import Desk
from services.gateway.hub import Hub, HubLimits, LimitError
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.outbox import Batches, Outbox, send_updates
from services.gateway.progress import GatewayProgress
from services.gateway.protocol import (
    BoardChannel,
    PlotChannel,
    ProtocolError,
    Resync,
    Subscribe,
    Unsubscribe,
    encode,
    id_of,
    read_message,
)
from services.gateway.search import PatternError, glob_matches
from services.gateway.settings import GatewaySettings

__all__ = ["Stream"]

P = ParamSpec("P")
T = TypeVar("T")

_AWAY: Final = Ending(1012, "this gateway is about to stop: connect again, to another or the next")
_TRY_LATER: Final = 1013
_BURST: Final = 10.0


class _Pace:
    """Counts a client's messages: so many a second on average, bursts allowed."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = per_second * _BURST
        self._at = clock.monotonic()

    def admits(self) -> bool:
        """Whether one more message is within the pace."""
        now = self._clock.monotonic()
        gained = (now - self._at) * self._per_second
        self._left = min(self._per_second * _BURST, self._left + gained) - 1.0
        self._at = now
        return self._left >= 0


class Stream:
    """All streams of a gateway.

    Parameters
    ----------
    view, desk
        The live view, and the thread it belongs to.
    settings, clock, metrics
        Pace and limits; where time comes from; what is counted.
    """

    def __init__(
        self,
        view: LiveView,
        desk: Desk,
        *,
        settings: GatewaySettings,
        clock: Clock,
        metrics: GatewayMetrics,
        progress: GatewayProgress | None = None,
    ) -> None:
        limits = settings.limits
        self.hub = Hub(
            HubLimits(
                clients=limits.clients,
                subscriptions=limits.subscriptions,
                channels=limits.channels,
            )
        )
        self._view = view
        self._desk = desk
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._progress = progress or GatewayProgress()
        self._states = ChannelStates(view)
        self._wake: dict[int, asyncio.Event] = {}
        self._away: dict[int, asyncio.Future[Ending]] = {}
        self._leaving = False
        self._kick = asyncio.Event()
        self._batches = Batches()
        self._instance = secrets.token_hex(8)
        self._logger = structlog.get_logger().bind(service="gateway")

    @property
    def clients(self) -> tuple[int, ...]:
        """Numbers of the clients connected, in the order they came."""
        return tuple(self._wake)

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called where the live view may be touched."""
        return await self._desk.ask(function, *args, **kwargs)

    async def run(self) -> None:
        """Look at what has changed, at each interval, for ever; at once for new channels."""
        due = self._clock.monotonic()
        while True:
            due = max(due + self._settings.update_interval, self._clock.monotonic())
            await self.look()
            await self._wait_until(due)

    async def look(self) -> None:
        """Publish the states of all watched channels that have changed."""
        started = self._clock.monotonic()
        hub = self.hub
        states = await self._desk.ask(
            self._states.look, hub.watched, hub.stateless, self._clock.wall()
        )
        # A client is woken once for all that is new: of a thousand with 20 plots each that is felt.
        woken: dict[int, None] = {}
        for name, state in states:
            woken.update(dict.fromkeys(hub.publish(name, state)))
        for client in woken:
            self._wake[client].set()
        self._metrics.look_seconds.observe(self._clock.monotonic() - started)

    async def send_away(self, seconds: float) -> None:
        """Close all streams, evenly over some time, and from now on whoever comes: this gateway is
        about to stop, and each client is to connect again (close code 1012)."""
        self._leaving = True
        clients = self.clients
        for client in clients:
            # Who has left meanwhile is not there any more.
            if (away := self._away.get(client)) is not None:
                away.set_result(_AWAY)
            await asyncio.sleep(seconds / len(clients))

    async def serve(self, websocket: WebSocket) -> None:
        """One client, from handshake to the end."""
        headers = websocket.headers
        if not origin_allowed(
            headers.get("origin"), headers.get("host"), self._settings.allowed_origins
        ):
            self._metrics.refused_streams.labels("origin").inc()
            await websocket.close(POLICY, "origin not allowed")
            return
        try:
            client = self.hub.join()
        except LimitError as error:
            self._metrics.refused_streams.labels("clients").inc()
            await websocket.close(_TRY_LATER, str(error))
            return
        self._wake[client] = asyncio.Event()
        away = self._away[client] = asyncio.get_running_loop().create_future()
        if self._leaving:
            away.set_result(_AWAY)
        self._progress.clients = self.hub.clients
        try:
            offers = PROTOCOL in websocket.scope.get("subprotocols", ())
            await websocket.accept(PROTOCOL if offers else None)
            await self._serve(websocket, client)
        finally:
            self.hub.leave(client)
            self._progress.clients = self.hub.clients
            del self._wake[client], self._away[client]

    async def _serve(self, websocket: WebSocket, client: int) -> None:
        outbox = Outbox(websocket)
        together = websocket.query_params.get("batch") == "true"
        try:
            await outbox.send(self._hello())
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(
                    send_updates(
                        outbox,
                        self.hub,
                        client,
                        self._wake[client],
                        batches=self._batches,
                        together=together,
                        clock=self._clock,
                        metrics=self._metrics,
                    )
                )
                receiver = tasks.create_task(self._receive(websocket, outbox, client))
                ending = await end_of_stream(
                    receiver, websocket.scope.get("admitted"), self._away[client]
                )
                sender.cancel()
            if ending is not None:
                await websocket.close(*ending)
        except* WebSocketDisconnect:
            self._logger.debug("stream ended while sending", client=client)

    async def _receive(self, websocket: WebSocket, outbox: Outbox, client: int) -> str:
        """Follow a client's messages until it leaves (empty) or must be sent away (why)."""
        pace = _Pace(self._settings.limits.messages_per_second, self._clock)
        while True:
            received = await websocket.receive()
            if received["type"] == "websocket.disconnect":
                return ""
            if not pace.admits():
                return "too many messages"
            text = received.get("text") or received.get("bytes") or ""
            try:
                answer = await self._follow(client, text)
            except (ProtocolError, PatternError, LimitError) as error:
                answer = encode("error", {"id": id_of(text), "problem": str(error)})
            if answer is not None:
                await outbox.send(answer)

    async def _follow(self, client: int, text: str | bytes) -> bytes | None:
        match read_message(text):
            case Subscribe() as message:
                return await self._subscribe(client, message)
            case Unsubscribe(id=subscription):
                self.hub.unsubscribe(client, subscription)
                return None
            case Resync(channel=channel):
                # A change of a channel that was just left may have been on its way.
                if not self.hub.resync(client, channel) and isinstance(channel, str):
                    msg = f"resync of {channel[:200]!r}, which is not watched"
                    raise ProtocolError(msg)
                self._wake[client].set()
                return None

    async def _subscribe(self, client: int, message: Subscribe) -> bytes:
        names, refused = await self._desk.ask(self._channels_of, message)
        self.hub.subscribe(client, message.id, names)
        # Those that others watch have a state to take; the rest get theirs at the next look.
        self._wake[client].set()
        self._kick.set()
        body = {"id": message.id, "channels": names, "refused": refused}
        return encode("subscribed", body)

    def _channels_of(self, message: Subscribe) -> tuple[list[str], dict[str, str]]:
        """Names of the channels a subscription means, and why others cannot be watched."""
        limits = self._settings.limits
        self._view.refresh()
        run = self._view.run(message.run)
        # A later run is one of a higher number: it is watched from its first LS on.
        begun = max(self._view.runs, default=0)
        if run is None and message.run is not None and message.run <= begun:
            msg = f"run {message.run} is not live: ask for its contents over HTTP"
            raise ProtocolError(msg)
        paths: Sequence[str] = message.paths
        if message.match:
            matches = glob_matches(message.match, longest=limits.pattern)
            paths = [found.path for found in find(booked_layouts(self._view, run), matches)]
        names = [BoardChannel.of(board, message.run).name for board in message.boards]
        refused: dict[str, str] = {}
        for path in dict.fromkeys(paths):
            part = locate(run, path) if run else None
            cells = part.layout[path].size if part else 0
            if not 1 <= len(path) <= MAX_PATH_LENGTH:
                refused[path] = f"{len(path)} characters, expected 1 to {MAX_PATH_LENGTH}"
            elif cells > limits.channel_cells:
                refused[path] = (
                    f"{cells} cells, at most {limits.channel_cells} can be watched: "
                    "ask for its contents over HTTP"
                )
            else:
                names.append(PlotChannel(message.run, message.chosen(), path).name)
        return names, refused

    def _hello(self) -> bytes:
        settings, limits = self._settings, self._settings.limits
        body: dict[str, Any] = {
            "instance": self._instance,
            "now": self._clock.wall(),
            "update_interval": settings.update_interval,
            "stale_after": settings.stale_after,
            "data_stale_after": settings.data_stale_after,
            "limits": {
                "channels": limits.channels,
                "subscriptions": limits.subscriptions,
                "live_lumisections": limits.live_lumisections,
                "message_bytes": limits.message_bytes,
            },
        }
        return encode("hello", body)

    async def _wait_until(self, due: float) -> None:
        while (left := due - self._clock.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._kick.wait()
            except TimeoutError:
                return
            self._kick.clear()
            await self.look()
