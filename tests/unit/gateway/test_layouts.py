"""Layouts over HTTP: shipped, written, changed by two people, restored, imported; all on record."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dqmstream.clock import SystemClock
from dqmstream.layouts import versions
from dqmstream.layouts.check import LARGEST
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.events import RunStart
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import BOOKINGS, COMMANDS, CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.gateway.access_tokens import Role
from services.gateway.settings import GatewaySettings
from services.gateway.testing import Detector
from tests.filled import make_topics
from tests.ingesting import bearer, gateway
from tests.late_log import LateLog

CLOCK = SystemClock()
EXPERT, SHIFTER = bearer(Role.EXPERT), bearer(Role.SHIFTER)
NAME = "Shift/My pixels"


@asynccontextmanager
async def system(log: Log, gateways: int = 1) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Gateways on a log that knows bookings, and a client of an expert at each."""
    await make_topics(log, 1)
    for message in Detector().announce():
        if not isinstance(message, RunStart):
            key = f"{type(message).__name__}/{getattr(message, 'workspace', '')}".encode()
            await log.send([outgoing(BOOKINGS, 0, message, key)])
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(gateways):
            url = await stack.enter_async_context(
                gateway(log, GatewaySettings(update_interval=0.02))
            )
            client = httpx.AsyncClient(base_url=f"{url}/api/v1", headers=EXPERT, timeout=30)
            clients.append(await stack.enter_async_context(client))
        yield clients


def layout(title: str = "", **more: Any) -> dict[str, Any]:
    cells = [{"paths": ["pixel/charge"]}, {"paths": ["pixel/events", "trigger/paths"]}]
    tabs = [{"name": "all", "columns": 2, "cells": cells}]
    found = {"name": NAME, "tabs": tabs, **more}
    return found | ({"title": title} if title else {})


async def put(
    client: httpx.AsyncClient, document: dict[str, Any], based_on: int | None, status: int = 200
) -> Any:
    body = {"layout": document, "why": "to try", "based_on": based_on}
    answer = await client.put(f"/layouts/{document['name']}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def got(client: httpx.AsyncClient, path: str, status: int = 200, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_shipped_layouts_are_there_before_anybody_has_written_one() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        rows = (await got(client, "/layouts"))["layouts"]
        assert [row["name"] for row in rows] == [
            "Shift",
            "Summary",
            "Workspaces/pixel",
            "Workspaces/trigger",
        ]
        assert all(row["shipped"] and row["version"] == 0 for row in rows)
        whole = await got(client, "/layouts/Workspaces/pixel")
        assert [tab["name"] for tab in whole["layout"]["tabs"]] == ["overview", "barrel"]
        assert whole == await got(client, "/layouts/Workspaces/pixel", version=0)
        assert (await got(client, "/layout-versions/Shift"))["versions"] == []
        for path in ("/layouts/nothing", "/layout-versions/nothing"):
            assert "'nothing'" in (await got(client, path, 404))["detail"]
        assert "version 3" in (await got(client, "/layouts/Shift", 404, version=3))["detail"]
        assert (await got(client, "/layouts/a/b/c/d/e", 422))["errors"]


async def test_a_change_that_is_sent_again_after_a_503_is_answered_with_its_version() -> None:
    """Also where the log had taken the first one, and said so too late."""
    log = LateLog(MemoryLog(CLOCK))
    async with system(log) as (client,):  # type: ignore[arg-type]
        for number in (1, 2):
            based_on = number - 1 or None
            log.is_late = True
            problem = await put(client, layout(f"title {number}"), based_on, 503)
            assert "ask again" in problem["detail"]
            status = 201 if number == 1 else 200
            again = await put(client, layout(f"title {number}"), based_on, status)
            assert (again["version"], again["who"]) == (number, "expert")
        rows = (await got(client, f"/layout-versions/{NAME}"))["versions"]
        assert [row["number"] for row in rows] == [2, 1]


async def test_a_layout_is_written_changed_restored_and_deleted_and_all_is_on_record() -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as (client,):
        first = await put(client, layout(), None, 201)
        assert (first["version"], first["who"], first["why"]) == (1, "expert", "to try")
        assert first["layout"] == layout()
        again = await put(client, layout(), None)
        assert again["version"] == 1, "what says the same is not written again"
        assert (await put(client, layout("two"), 1))["version"] == 2
        (row,) = [r for r in (await got(client, "/layouts"))["layouts"] if r["name"] == NAME]
        assert (row["version"], row["title"], row["tabs"], row["plots"], row["shipped"]) == (
            2,
            "two",
            ["all"],
            2,
            False,
        )
        assert (await got(client, f"/layouts/{NAME}", version=1))["layout"] == layout()
        route = f"/layout-restores/{NAME}"
        back = await client.post(route, json={"to": 1, "why": "was better"})
        assert (back.json()["version"], back.json()["restores"]) == (3, 1)
        assert (await client.post(route, json={"to": 1, "why": "twice"})).status_code == 409
        assert (await client.post(route, json={"to": 9, "why": "none"})).status_code == 404
        assert (await client.post(route, json={"to": 0, "why": "none"})).status_code == 404
        query = {"based_on": 2, "why": "not in use"}
        assert (await client.delete(f"/layouts/{NAME}", params=query)).status_code == 409
        gone = await client.delete(f"/layouts/{NAME}", params=query | {"based_on": 3})
        assert gone.json()["version"] | {"when": 0, "hash": ""} == {
            "number": 4,
            "hash": "",
            "who": "expert",
            "why": "not in use",
            "when": 0,
            "restores": None,
            "deleted": True,
        }
        assert "not in use" in (await got(client, f"/layouts/{NAME}", 404))["detail"]
        assert (await client.delete(f"/layouts/{NAME}", params=query)).status_code == 404
        assert (await client.post(route, json={"to": 4, "why": "none"})).status_code == 404
        assert (await client.post(route, json={"to": 2, "why": "after all"})).status_code == 200
        listed = (await got(client, f"/layout-versions/{NAME}"))["versions"]
        assert [(one["number"], one["restores"], one["deleted"]) for one in listed] == [
            (5, 2, False),
            (4, None, True),
            (3, 1, False),
            (2, None, False),
            (1, None, False),
        ]
    # A gateway that starts anew knows the same.
    async with system(log) as (client,):
        assert (await got(client, f"/layout-versions/{NAME}"))["versions"] == listed
        assert (await got(client, f"/layouts/{NAME}"))["layout"] == layout("two")
    said = [
        (one.subject, one.action, one.arguments["number"])
        async for record in read_to_end(log, COMMANDS)
        if isinstance(one := CODEC.decode(record.headers, record.value), Command)
    ]
    actions = ["put", "put", "restore", "delete", "restore"]
    assert said == [
        (f"configuration/layout/{NAME}", action, str(number))
        for number, action in enumerate(actions, 1)
    ]


async def test_who_changes_an_old_version_is_told_who_was_first_and_loses_nothing() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        await put(client, layout(), None, 201)
        await put(client, layout("two"), 1)
        for base in (None, 1, 7):
            problem = await put(client, layout("mine"), base, 409)
            newest = problem["newest"]
            assert (newest["number"], newest["who"], newest["why"]) == (2, "expert", "to try")
            assert "version 2 was written by expert" in problem["detail"]
        assert (await put(client, layout("mine"), newest["number"]))["version"] == 3
        mine = layout("mine") | {"name": "Shift/Mine"}
        assert (await put(client, mine, None, 201))["version"] == 1


async def test_of_two_gateways_one_is_first_and_both_say_so_at_once() -> None:
    log = MemoryLog(CLOCK)
    async with system(log, gateways=2) as clients:

        async def write(client: httpx.AsyncClient, title: str, based_on: int | None) -> int:
            body = {"layout": layout(title), "why": "at once", "based_on": based_on}
            return (await client.put(f"/layouts/{NAME}", json=body)).status_code

        for number in range(5):
            base = number or None
            titles = [f"{who} {number}" for who in "ab"]
            turns = zip(clients, titles, strict=True)
            both = await asyncio.gather(*(write(client, title, base) for client, title in turns))
            assert sorted(both) == ([201, 409] if base is None else [200, 409])
            first = titles[0] if both[0] != 409 else titles[1]
            for client in clients:

                async def stands(client: httpx.AsyncClient = client) -> Any:
                    return (await client.get(f"/layouts/{NAME}")).json()

                async with asyncio.timeout(60):
                    while (await stands()).get("version") != number + 1:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                assert (await stands())["layout"]["title"] == first
    # What lost is no longer in the log; on the record it says that it was lost.
    kept = await latest_by_key(log, CONFIGURATION)
    assert len(kept) == 5
    decided, lost = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    async for record in read_to_end(log, COMMANDS):
        one = CODEC.decode(record.headers, record.value)
        assert isinstance(one, Command)
        count = lost if one.action == "lost" else decided
        count[one.arguments["number"], one.arguments["hash"]] += 1
    versions = [CODEC.decode(record.headers, record.value) for record in kept.values()]
    stand = [(str(v.number), v.hash) for v in versions if isinstance(v, ConfigurationVersion)]
    assert decided - lost == Counter(stand)


async def test_a_shipped_layout_is_covered_and_comes_back() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        shipped = (await got(client, "/layouts/Shift"))["layout"]
        mine = shipped | {"title": "Ours"}
        problem = await put(client, mine, None, 409)
        assert (problem["newest"]["number"], problem["newest"]["who"]) == (0, "dqmstream")
        assert (await put(client, mine, 0, 201))["version"] == 1
        rows = (await got(client, "/layouts"))["layouts"]
        assert [(row["name"], row["shipped"]) for row in rows][:2] == [
            ("Shift", False),
            ("Summary", True),
        ]
        assert (await got(client, "/layouts/Shift", version=0))["layout"] == shipped
        restore = {"to": 0, "why": "ours was worse"}
        back = (await client.post("/layout-restores/Shift", json=restore)).json()
        assert (back["version"], back["restores"], back["layout"]) == (2, 0, shipped)
        assert (await got(client, "/layouts/Shift"))["shipped"]
        gone = await client.delete("/layouts/Summary", params={"based_on": 0, "why": "unused"})
        assert gone.status_code == 200
        names = [row["name"] for row in (await got(client, "/layouts"))["layouts"]]
        assert "Summary" not in names


async def test_answers_have_tags_so_that_asking_again_costs_little() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        await put(client, layout(), None, 201)
        for path in ("/layouts", f"/layouts/{NAME}"):
            tag = (await client.get(path)).headers["etag"]
            same = await client.get(path, headers={"if-none-match": tag})
            assert (same.status_code, same.content) == (304, b"")
            await put(client, layout(path), (await got(client, f"/layouts/{NAME}"))["version"])
            other = await client.get(path, headers={"if-none-match": tag})
            assert other.status_code == 200


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"name": "Shift/Other"}, "the layout is named 'Shift/Other', the address says"),
        ({"tabs": []}, "0 tabs, expected 1 to 50"),
        ({"colour": "red"}, "unknown field `colour`"),
        (
            {"tabs": [{"name": "t", "cells": [{"paths": ["a"], "span": 5}]}]},
            "tab 1 ('t'), cell 1: spans 5 columns, the tab has 3",
        ),
    ],
)
async def test_what_cannot_be_shown_is_refused_and_not_written(
    spoil: dict[str, Any], says: str
) -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as (client,):
        body = {"layout": layout() | spoil, "why": "a slip"}
        answer = await client.put(f"/layouts/{NAME}", json=body)
        assert answer.status_code == 422, answer.text
        assert says in answer.json()["detail"]
        assert (await log.bounds(CONFIGURATION, 0)).end == 0


async def test_bodies_and_files_have_limits() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        long = json.dumps({"layout": {"description": "x" * (LARGEST + (20 << 10))}, "why": "long"})
        headers = {"content-type": "application/json"}
        answer = await client.put(f"/layouts/{NAME}", content=long, headers=headers)
        assert answer.status_code == 413
        answer = await client.put(f"/layouts/{NAME}", content="{", headers=headers)
        assert answer.status_code == 422
        answer = await client.put(f"/layouts/{NAME}", content="{}", headers={"content-type": "a/b"})
        assert answer.status_code == 415
        huge = {"text": "[" * (2 << 20) + " ", "dry_run": True}
        assert (await client.post("/layout-imports", json=huge)).status_code == 422
        no_reason = {"layout": layout(), "why": ""}
        assert (await client.put(f"/layouts/{NAME}", json=no_reason)).status_code == 422


async def test_versions_beyond_so_many_are_gone_from_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(versions, "MOST_VERSIONS", 3)
    monkeypatch.setattr(versions, "MOST_NAMES", 2)
    log = MemoryLog(CLOCK)
    async with system(log) as (client,):
        for number in range(5):
            await put(client, layout(f"{number}"), number or None, 200 if number else 201)

        async def kept() -> list[int]:
            found = (await got(client, f"/layout-versions/{NAME}"))["versions"]
            return [one["number"] for one in found]

        async with asyncio.timeout(60):
            while await kept() != [5, 4, 3]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert len(await latest_by_key(log, CONFIGURATION)) == 3
        await put(client, layout() | {"name": "two"}, None, 201)
        problem = await put(client, layout() | {"name": "three"}, None, 413)
        assert "there are 2 layouts, expected at most 2" in problem["detail"]
        text = json.dumps({"layouts": [layout("x") | {"name": name} for name in ("two", "four")]})
        answer = await client.post("/layout-imports", json={"text": text})
        assert answer.status_code == 413
        assert answer.json()["detail"].endswith("; of 2 layouts were written: two")


async def test_a_log_in_a_folder_has_the_versions_that_are_kept_after_it_was_compacted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(versions, "MOST_VERSIONS", 3)
    small = EmbeddedSettings(segment_bytes=1 << 10, tombstone_seconds=0)
    async with EmbeddedLog.open(tmp_path, clock=CLOCK, settings=small) as log:
        async with system(log) as (client,):
            for number in range(6):
                await put(client, layout(f"{number}"), number or None, 200 if number else 201)
        before = (await log.bounds(CONFIGURATION, 0)).end
        await log.maintain(force=True)
    async with EmbeddedLog.open(tmp_path, clock=CLOCK, settings=small) as log:
        async with system(log) as (client,):
            listed = (await got(client, f"/layout-versions/{NAME}"))["versions"]
            assert [one["number"] for one in listed] == [6, 5, 4]
            assert (await put(client, layout("more"), 6))["version"] == 7
        kept = [record async for record in read_to_end(log, CONFIGURATION)]
        assert len(kept) < before, "what was dropped is no longer on the disk"


async def test_a_version_that_cannot_be_read_here_leaves_the_one_before_in_force() -> None:
    """As one that a newer release wrote."""
    log = MemoryLog(CLOCK)
    async with system(log) as (client,):
        await put(client, layout(), None, 201)
        newer = ConfigurationVersion(
            kind=f"layout/{NAME}",
            number=2,
            text=json.dumps(layout() | {"sounds": True}),
            hash="0123456789abcdef",
            who="newer",
            why="a new field",
            when=CLOCK.wall(),
        )
        await log.send([outgoing(CONFIGURATION, 0, newer, b"any")])
        async with asyncio.timeout(60):
            while len((await got(client, f"/layout-versions/{NAME}"))["versions"]) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await got(client, f"/layouts/{NAME}"))["version"] == 1
        problem = await got(client, f"/layouts/{NAME}", 404, version=2)
        assert "version 2 holds no layout" in problem["detail"]
        assert (await put(client, layout("three"), 2))["version"] == 3


CMS = {
    "00 Shift/Trigger/1 - Jets": [
        [
            {
                "path": "L1T/L1TGCT/EtHad",
                "draw": {"withref": "no", "drawopts": "hist"},
                "description": "See <a href=https://a.ch>there</a>",
            },
            {"path": "Hcal/energy"},
        ]
    ]
}


async def test_files_of_the_cms_gui_are_tried_imported_and_come_back_as_json() -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as (client,):
        body = {"text": json.dumps(CMS), "file": "shift.json", "name": None, "dry_run": True}
        tried = (await client.post("/layout-imports", json=body)).json()
        assert (tried["mapped"], tried["written"], len(tried["layouts"])) == (1, [], 1)
        assert [one["path"] for one in tried["unmapped"]] == ["Hcal/energy"]
        assert (await log.bounds(CONFIGURATION, 0)).end == 0
        done = (await client.post("/layout-imports", json=body | {"dry_run": False})).json()
        assert done["written"] == [{"name": "Shift/Trigger", "version": 1}]
        (cell, other) = done["layouts"][0]["tabs"][0]["cells"]
        assert cell == {
            "paths": ["L1T/Sums/HTT"],
            "description": "See there (https://a.ch)",
            "draw": {"style": "hist"},
            "reference": {"choice": "none"},
        }
        assert other == {"paths": ["Hcal/energy"]}
        export = (await got(client, "/layouts/Shift/Trigger"))["layout"]
        text = json.dumps({"layouts": [export | {"title": "again"}]})
        again = (await client.post("/layout-imports", json={"text": text, "dry_run": False})).json()
        assert again["written"] == [{"name": "Shift/Trigger", "version": 2}]
        problem = await client.post("/layout-imports", json={"text": '{"a": 3}', "dry_run": True})
        assert problem.status_code == 422
        assert "expected a list of rows" in problem.json()["detail"]


async def test_only_experts_write_and_everybody_may_look() -> None:
    async with system(MemoryLog(CLOCK)) as (client,):
        for headers, status in ((SHIFTER, 403), ({"authorization": ""}, 401)):
            body = {"layout": layout(), "why": "to try"}
            answer = await client.put(f"/layouts/{NAME}", json=body, headers=headers)
            assert answer.status_code == status, answer.text
            imported = {"text": json.dumps(CMS), "dry_run": True}
            answer = await client.post("/layout-imports", json=imported, headers=headers)
            assert answer.status_code == status, answer.text
        assert (await client.get("/layouts", headers=SHIFTER)).status_code == 200
