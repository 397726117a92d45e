"""What waits for a client goes as one message, put together once for all who stand alike."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from services.gateway.hub import Hub
from services.gateway.live import LiveView
from services.gateway.outbox import Batches, _taken
from services.gateway.state import State
from services.gateway.testing import Detector
from tests.unit.gateway.states import applied
from tests.unit.gateway.test_stream import GatewaySettings, Served, served


@pytest.fixture
async def gateway(view: LiveView) -> Served:
    async with served(view, GatewaySettings(update_interval=0.05)) as found:
        yield found


def test_the_same_messages_are_joined_once_and_others_anew() -> None:
    batches, one, two = Batches(), b'{"a":1}', b'{"b":"\xc3\xa9"}'
    text = batches.text([one, two])
    assert json.loads(text) == {"type": "batch", "messages": [{"a": 1}, {"b": "é"}]}
    assert batches.text([one, two]) is text
    assert json.loads(batches.text([two, one]))["messages"] == [{"b": "é"}, {"a": 1}]
    assert batches.text([one]) == '{"a":1}', "one is sent as it is"
    for number in range(100):
        assert json.loads(batches.text([f"[{number}]".encode(), one]))["messages"][0] == [number]
    assert len(batches._kept) <= 33


def shown(held: dict[int, dict]) -> dict[str, tuple[dict, int]]:
    return {one["channel"]: (one["header"], one["sequence"]) for one in held.values()}


@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=40),
    most=st.integers(1, 400),
)
def test_in_batches_of_any_size_a_client_gets_what_it_gets_one_by_one(steps, most) -> None:
    """Two clients, one of which takes batches at random times, end with the newest of each."""
    hub, batches = Hub(), Batches()
    clients = [hub.join(), hub.join()]
    names = [f"c{number}" for number in range(4)]
    for client in clients:
        hub.subscribe(client, "a", names)
    held: list[dict[int, dict]] = [{}, {}]

    def take(client: int, mine: dict[int, dict], most: int) -> None:
        while taken := _taken(hub, client, most):
            message = json.loads(batches.text([one.message for one in taken]))
            for one in message["messages"] if message["type"] == "batch" else [message]:
                if one["type"] == "snapshot":
                    mine[one["number"]] = one
                else:
                    assert one["base"] == mine[one["number"]]["sequence"], "no gap"
                    applied(mine[one["number"]], one)

    for channel, value in steps:
        hub.publish(names[channel], State(header={"x": value}))
        take(clients[0], held[0], 1)
        if value == 4:
            take(clients[1], held[1], most)
    take(clients[1], held[1], most)
    assert [shown(mine) for mine in held] == [shown(held[0])] * 2


async def test_a_stream_that_asks_for_batches_gets_them_and_others_do_not(
    gateway: Served, detector: Detector
) -> None:
    await gateway.tell([*detector.announce(), *detector.fill(1)])
    url = f"ws://127.0.0.1:{gateway.port}/api/v1/stream"
    request = json.dumps({"type": "subscribe", "id": "a", "match": "pixel/**", "window": "run"})
    found: dict[bool, dict[str, int]] = {}
    for together in (False, True):
        kinds: list[str] = []
        plots: dict[str, int] = {}
        query = "?batch=true" if together else ""
        opening = connect(url + query, compression=None, open_timeout=60)
        async with opening as client, asyncio.timeout(60):
            await client.send(request)
            while len(plots) < 5:
                message = json.loads(await client.recv())
                kinds.append(message["type"])
                for one in message.get("messages", [message]):
                    if one["type"] == "snapshot":
                        plots[one["channel"]] = one["sequence"]
        assert ("batch" in kinds) is together
        found[together] = plots
    assert found[True].keys() == found[False].keys()
