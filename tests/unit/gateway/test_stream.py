"""The stream over a real server: subscriptions, refusals, and a client that stops reading."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dqmstream.client import AsyncClient, GatewayError
from dqmstream.clock import SettableClock, SystemClock
from dqmstream.messages.quality import Outcome
from dqmstream.transport.memory import MemoryLog
from services.gateway.admission import origin_allowed
from services.gateway.asking import Parts
from services.gateway.desk import Desk
from services.gateway.library import Library
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.readings import Readings
from services.gateway.service import serve
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.stream import Stream, _Pace
from services.gateway.testing import Detector
from services.status.reader import StatusReader
from tests.unit.gateway.states import applied


@dataclass
class Served:
    """A gateway that listens, and its parts."""

    parts: Parts
    port: int
    desk: Desk

    @property
    def stream(self) -> Stream:
        return self.parts.stream

    def connect(self, **options) -> connect:
        # Without pings of its own a client that does not read is not cut off by itself.
        options = {"compression": None, "open_timeout": 60, "ping_interval": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}/api/v1/stream", **options)

    async def tell(self, messages) -> None:
        """Fold messages and publish what has changed."""
        for message in messages:
            await self.desk.ask(self.parts.view.apply, message, 1)
        await self.stream.look()


@contextlib.asynccontextmanager
async def served(view: LiveView, chosen: GatewaySettings) -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    # Connections inherit it: a client that does not read is felt after few messages.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with Desk.open() as desk:
        clock, metrics = SystemClock(), GatewayMetrics()
        parts = Parts(
            view=view,
            desk=desk,
            stream=Stream(view, desk, settings=chosen, clock=clock, metrics=metrics),
            library=Library(view, desk, None),
            readings=Readings(view, desk, None),
            settings=chosen,
            clock=clock,
            metrics=metrics,
            status=StatusReader(MemoryLog(clock), clock).report,
        )
        async with asyncio.TaskGroup() as tasks:
            started = asyncio.Event()
            server = tasks.create_task(serve(parts, started, listener))
            ticker = tasks.create_task(parts.stream.run())
            await started.wait()
            yield Served(parts, listener.getsockname()[1], desk)
            ticker.cancel()
            server.cancel()


async def gone(gateway: Served) -> None:
    """Wait until the gateway has noticed that its clients have left."""
    async with asyncio.timeout(60):
        while gateway.stream.clients:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def gateway(view) -> AsyncIterator[Served]:
    # The interval is long: what is published, `tell` publishes; new channels do not wait for it.
    async with served(view, GatewaySettings(update_interval=3600.0)) as opened:
        yield opened


async def receive(client: ClientConnection, wanted: Callable[[dict], bool]) -> dict:
    async with asyncio.timeout(60):
        while True:
            message = named(client, json.loads(await client.recv()))
            if wanted(message):
                return message


_names: WeakKeyDictionary[ClientConnection, dict[int, str]] = WeakKeyDictionary()


def named(client: ClientConnection, message: dict) -> dict:
    """A message, with the channel that its number stands for on this connection."""
    names = _names.setdefault(client, {})
    if message["type"] == "snapshot":
        names[message["number"]] = message["channel"]
    elif message["type"] == "change":
        message["channel"] = names[message["number"]]
    return message


def of(kind: str, channel: str = "") -> Callable[[dict], bool]:
    return lambda message: message["type"] == kind and channel in message.get("channel", "")


async def subscribe(client: ClientConnection, **body) -> dict:
    await client.send(json.dumps({"type": "subscribe", "id": "s", **body}))
    return await receive(client, lambda message: message["type"] in {"subscribed", "error"})


async def test_a_plot_begins_with_a_snapshot_and_goes_on_with_sparse_changes(gateway, detector):
    await gateway.tell(detector.fill(1, 50))
    async with gateway.connect() as client:
        hello = json.loads(await client.recv())
        assert hello["type"] == "hello"
        answer = await subscribe(client, paths=["pixel/charge"], window="run")
        assert answer["channels"] == ["plot/current/run/pixel/charge"]
        first = await receive(client, of("snapshot"))
        await gateway.tell(detector.fill(1, 3))
        change = await receive(client, of("change"))
    base = first["sequence"]
    assert first["header"]["totals"]["entries"] == 50
    assert change["header"] == {"totals": {"entries": [53]}}
    assert sum(change["arrays"]["values"]["add"]) == 3
    assert change["base"] == base < change["sequence"]
    applied(first, change)
    place = detector.layouts[0]["pixel/charge"]
    whole = detector.contents("pixel", 1).cells[place.offset : place.nan]
    assert first["arrays"]["values"] == whole.tolist()


async def test_the_time_from_event_to_screen_is_that_of_updates_which_bring_events(
    gateway, detector
):
    def dated(sets, seconds_ago):
        heard = SystemClock().wall() - seconds_ago * 1_000_000_000
        return [replace(one, heard=heard) for one in sets]

    def measured(what):
        name = f"dqm_gateway_event_to_screen_seconds_{what}"
        return gateway.parts.metrics.registry.get_sample_value(name)

    await gateway.tell(dated(detector.fill(1, 50), 600))
    channel = "plot/current/run/pixel/charge"
    async with gateway.connect() as client:
        await client.recv()
        await subscribe(client, paths=["pixel/charge"], window="run")
        await receive(client, of("snapshot", channel))
        assert await asyncio.to_thread(measured, "count") == 0, "what a client begins with is old"
        await gateway.tell(dated(detector.fill(1, 50), 5))
        await receive(client, showing(channel, 100))
        await gateway.tell(detector.reports(1, {"pixel/charge": Outcome.BAD}))
    await gone(gateway)
    assert await asyncio.to_thread(measured, "count") == 1
    assert 5 <= await asyncio.to_thread(measured, "sum") < 300


async def test_a_glob_subscribes_to_all_it_matches(gateway, detector):
    await gateway.tell(detector.fill(1))
    async with gateway.connect() as client:
        answer = await subscribe(client, match="pixel/**", window={"last": 5})
        assert answer["channels"][1] == "plot/current/last-5/pixel/barrel/occupancy"
        snapshots = [await receive(client, of("snapshot")) for _ in answer["channels"]]
    assert {each["channel"] for each in snapshots} == set(answer["channels"])


async def test_a_plot_of_what_is_booked_later_comes_when_it_is_booked(gateway, detector):
    async with gateway.connect() as client:
        await subscribe(client, paths=["pixel/charge"])
        empty = await receive(client, of("snapshot"))
        assert empty["header"]["problem"] == "nothing has come yet"
        await gateway.tell(detector.fill(1))
        full = await receive(client, of("snapshot"))
    assert full["header"]["totals"]["entries"] == 200


async def test_boards_come_by_name_and_change_by_row(gateway, detector):
    await gateway.tell(detector.fill(1))
    async with gateway.connect() as client:
        answer = await subscribe(client, boards=["strip", "pulse", "quality", "run", "runs"])
        assert "board/pulse/current" in answer["channels"]
        strip = await receive(client, of("snapshot", "strip"))
        assert list(strip["rows"]) == ["1"]
        await gateway.tell([*detector.close(1), *detector.fill(2)])
        change = await receive(client, of("change", "strip"))
    assert change["rows"]["1"]["closed"] == [True]
    assert change["rows"]["2"][0]["closed"] is False


async def test_a_resync_by_name_or_number_brings_a_snapshot_of_the_newest_state(gateway, detector):
    await gateway.tell(detector.fill(1))
    async with gateway.connect() as client:
        answer = await subscribe(client, paths=["pixel/events"])
        first = await receive(client, of("snapshot"))
        for channel in (answer["channels"][0], first["number"]):
            await client.send(json.dumps({"type": "resync", "channel": channel}))
            assert await receive(client, of("snapshot")) == first


async def test_a_number_that_is_not_watched_any_more_is_passed_over(gateway, detector):
    await gateway.tell(detector.fill(1))
    async with gateway.connect() as client:
        await client.recv()
        await client.send(json.dumps({"type": "resync", "channel": 7}))
        assert (await subscribe(client, paths=["pixel/events"]))["type"] == "subscribed"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("no json", "not a message"),
        ('{"type": "shout"}', "not a message"),
        ('{"type": "subscribe", "id": ""}', "0 characters"),
        ('{"type": "subscribe", "id": "a", "paths": ["x"], "match": "y"}', "both paths and match"),
        ('{"type": "subscribe", "id": "a", "window": {"last": 0}}', "last 0 LSs"),
        ('{"type": "subscribe", "id": "a", "match": "[z-a]"}', "not a regular expression"),
        ('{"type": "subscribe", "id": "a", "run": 5}', "run 5 is not live"),
        ('{"type": "subscribe", "id": "a", "paths": ["a", "b", "c", "d"]}', "4 plots"),
        ('{"type": "resync", "channel": "plot/current/run/x"}', "not watched"),
    ],
)
async def test_a_message_that_cannot_be_followed_is_answered_and_the_next_one_works(
    view, detector, message, said
):
    async with served(view, GatewaySettings(limits=Limits(channels=3))) as gateway:
        await gateway.tell(detector.fill(1))
        async with gateway.connect() as client:
            await client.recv()
            await client.send(message)
            refusal = await receive(client, of("error"))
            assert said in refusal["problem"]
            assert (await subscribe(client, paths=["pixel/charge"]))["type"] == "subscribed"


async def test_a_program_follows_a_run_from_its_beginning_that_has_not_begun(gateway, detector):
    """It comes after the run that is there; what is over is refused, with what to do."""
    await gateway.tell(detector.fill(1))
    later = Detector(run=detector.run + 3)
    async with AsyncClient(f"http://127.0.0.1:{gateway.port}") as client:
        with pytest.raises(GatewayError, match="run 5 is not live: ask for its contents over HTTP"):
            await anext(client.follow("pixel/charge", run=5))
        following = client.follow("pixel/charge", run=later.run, window="run")
        async with contextlib.aclosing(following), asyncio.timeout(60):

            async def begin() -> None:
                while not gateway.stream.hub.watched:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await gateway.tell(detector.fill(2))
                await gateway.tell([*later.announce(), *later.fill(1)])

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(begin())
                found = await anext(following)
            assert (found.run, found.first, found.last) == (later.run, 1, 1)
            await gateway.tell(later.fill(2))
            found = await anext(following)
            assert (found.run, found.last) == (later.run, 2)


async def test_a_plot_too_large_to_watch_is_refused_by_path_and_the_others_come(view, detector):
    limits = Limits(channel_cells=100)
    async with served(view, GatewaySettings(limits=limits)) as gateway:
        await gateway.tell(detector.fill(1))
        async with gateway.connect() as client:
            answer = await subscribe(client, match="pixel/**")
    assert list(answer["refused"]) == ["pixel/barrel/occupancy"]
    assert len(answer["channels"]) == 4


async def test_a_foreign_page_is_refused_and_the_gateways_own_is_not(gateway):
    with pytest.raises(InvalidStatus):
        async with gateway.connect(origin="https://evil.example"):
            pass
    async with gateway.connect(origin=f"http://127.0.0.1:{gateway.port}") as client:
        assert json.loads(await client.recv())["type"] == "hello"


def test_origins():
    assert origin_allowed(None, "dqm:8000", ())
    assert origin_allowed("https://dqm:8000", "dqm:8000", ())
    assert origin_allowed("https://other", "dqm:8000", ("https://other",))
    assert not origin_allowed("null", "dqm:8000", ())
    assert not origin_allowed("https://dqm:8000.evil", "dqm:8000", ())
    assert not origin_allowed("https://evil", None, ())


async def test_more_clients_than_allowed_are_told_to_come_later(view):
    async with served(view, GatewaySettings(limits=Limits(clients=1))) as gateway:
        async with gateway.connect() as first:
            await first.recv()
            with pytest.raises(InvalidStatus):
                async with gateway.connect():
                    pass
        await gone(gateway)
        async with gateway.connect() as again:
            assert json.loads(await again.recv())["type"] == "hello"


async def flood(client: ClientConnection) -> None:
    """Send more than is allowed, and read on until the gateway has had enough."""
    for _ in range(50):
        await client.send('{"type": "unsubscribe", "id": "x"}')
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        while True:
            await client.recv()


async def test_a_client_that_floods_is_sent_away(view):
    limits = Limits(messages_per_second=0.5)
    async with (
        served(view, GatewaySettings(limits=limits)) as gateway,
        gateway.connect() as client,
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await flood(client)
        assert closed.value.rcvd.reason == "too many messages"


def test_the_pace_allows_bursts_and_refills_with_time():
    clock = SettableClock()
    pace = _Pace(1.0, clock)
    assert [pace.admits() for _ in range(11)] == [True] * 10 + [False]
    clock.advance(5.0)
    assert pace.admits()


async def test_an_oversized_message_closes_the_stream(view):
    async with (
        served(view, GatewaySettings(limits=Limits(message_bytes=1024))) as gateway,
        gateway.connect() as client,
    ):
        await client.recv()
        await client.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1009


def unread_socket(port: int) -> socket.socket:
    """A connection whose buffers fill soon."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def test_a_client_that_stops_reading_delays_nobody_and_then_gets_the_newest(view, detector):
    chosen = GatewaySettings(update_interval=3600.0, ping_interval=600.0)
    channel = "plot/current/run/pixel/charge"
    async with served(view, chosen) as gateway:
        await gateway.tell(detector.fill(1))
        unread = await asyncio.to_thread(unread_socket, gateway.port)
        async with (
            gateway.connect(sock=unread, max_queue=1) as stalled,
            gateway.connect() as reading,
        ):
            for client in (stalled, reading):
                await client.recv()
                await subscribe(client, match="**", window="run", boards=["strip", "quality"])
            for _ in range(50):
                await gateway.tell(detector.fill(1, 400))
                await receive(reading, showing(channel, detector.events[1, 0]))
            hub, (first, _) = gateway.stream.hub, gateway.stream.clients
            assert hub.waiting(first) > 0, "the stalled client must really be stalled"
            assert hub.waiting(first) <= len(hub.held(first))
            await receive(stalled, showing(channel, detector.events[1, 0]))


def showing(channel: str, entries: int) -> Callable[[dict], bool]:
    def shows(message: dict) -> bool:
        totals = message.get("header", {}).get("totals") or {}
        told = totals.get("entries")
        return message.get("channel") == channel and told in (entries, [entries])

    return shows
