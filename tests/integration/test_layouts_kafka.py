"""Two gateways on a real Kafka, each with a connection of its own, write one layout at once."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from services.gateway.access_tokens import Role
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import bearer, gateway

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NAME = "Shift/Pixel"
ROUNDS = 4


async def test_the_first_in_the_log_has_written_and_the_other_is_told(
    kafka: str, kafka_prefix: str
) -> None:
    settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
    async with AsyncExitStack() as stack:
        clients, logs = [], []
        for _ in range(2):
            log = await stack.enter_async_context(KafkaLog.open(settings, clock=SystemClock()))
            await make_topics(log, 1)
            logs.append(log)
        for log in logs:
            url = await stack.enter_async_context(gateway(log, GatewaySettings(port=0)))
            client = httpx.AsyncClient(
                base_url=f"{url}/api/v1", headers=bearer(Role.EXPERT), timeout=60
            )
            clients.append(await stack.enter_async_context(client))

        async def write(client: httpx.AsyncClient, title: str, based_on: int) -> httpx.Response:
            cells = [{"paths": ["pixel/charge"]}]
            layout = {"name": NAME, "title": title, "tabs": [{"name": "all", "cells": cells}]}
            body = {"layout": layout, "why": "at once", "based_on": based_on or None}
            return await client.put(f"/layouts/{NAME}", json=body)

        async def stands(client: httpx.AsyncClient, number: int) -> str:
            async with asyncio.timeout(120):
                while True:
                    found = (await client.get(f"/layouts/{NAME}")).json()
                    if found.get("version") == number:
                        return str(found["layout"]["title"])
                    await asyncio.sleep(0.05)

        for number in range(ROUNDS):
            both = await asyncio.gather(
                *(write(client, f"{who} {number}", number) for who, client in enumerate(clients))
            )
            won = [answer.json() for answer in both if answer.status_code in {200, 201}]
            lost = [answer.json() for answer in both if answer.status_code == 409]
            assert (len(won), len(lost)) == (1, 1), [answer.text for answer in both]
            assert lost[0]["newest"]["number"] == won[0]["version"] == number + 1
            assert lost[0]["newest"]["hash"] == won[0]["hash"]
            for client in clients:
                assert await stands(client, number + 1) == won[0]["layout"]["title"]
        actions = [
            one.action
            async for record in read_to_end(logs[0], COMMANDS)
            if isinstance(one := CODEC.decode(record.headers, record.value), Command)
        ]
        beaten = actions.count("lost")
        assert actions.count("put") == ROUNDS + beaten, "what lost is on record as lost"
        assert len(await latest_by_key(logs[1], CONFIGURATION)) == ROUNDS
