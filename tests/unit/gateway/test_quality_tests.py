"""Quality tests over HTTP: tried on a real store, put in force on a log, reports run again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import pytest

from dqmstream.clock import SettableClock
from dqmstream.configuration.history import QUALITY_TESTS, History
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.memory import MemoryLog
from services.configuration.known import version_records
from services.gateway.access_tokens import Role
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.quality_desk import QualityDesk
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from tests.filled import make_topics
from tests.ingesting import access, bearer
from tests.unit.gateway.parts import parts_of
from tests.unit.gateway.test_alarms import until

API = "/api/v1"
LSS = 6
RUN = 400_001
BEFORE = """
[[quality_test]]
name = "dead"
algorithm = "DeadChannel"
path = "pixel/charge"
scope = "both"
warning = 0.2
error = 0.1

[[quality_test]]
name = "three"
algorithm = "DeadChannel"
path = "**"
workspace = "pixel"
scope = "last"
lumisections = 3
"""
STRICTER = BEFORE.replace("warning = 0.2", "warning = 1.0").replace("error = 0.1", "error = 1.0")
OTHER = """
[[quality_test]]
name = "dead"
algorithm = "DeadChannel"
path = "pixel/charge"
scope = "both"
warning = 0.2
error = 0.1

[[quality_test]]
name = "new"
algorithm = "DeadChannel"
path = "trigger/paths"
"""


class System(NamedTuple):
    client: httpx.AsyncClient
    log: MemoryLog

    async def get(self, route: str, status: int = 200, **query: Any) -> Any:
        answer = await self.client.get(f"{API}/{route}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Any, status: int = 200, who: Role | None = Role.EXPERT
    ) -> Any:
        headers = bearer(who) if who else {}
        answer = await self.client.post(f"{API}/{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def explain(self, status: int = 200, **query: Any) -> Any:
        asked = {"lumisection": 4, "workspace": "pixel", "path": "pixel/charge", "qtname": "dead"}
        return await self.get(f"runs/{RUN}/explain", status, **asked | query)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store of a run."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.sqlite'}"
    store_run(url)
    with Store(url) as store:
        yield Archive(store)


def store_run(url: str) -> None:
    """A run whose reports are those of a comparator; its LS 5 was never closed."""
    writer, detector = StoreWriter(url, log="log"), Detector(run=RUN, seed=3)
    tests = read_tests(BEFORE, "before")
    compiled = compile_tests(tests, detector.layouts).workspaces
    told = {}
    comparison = Comparison(
        compiled.get,
        ComparisonSettings(),
        conditions=lambda _run, lumisection: told.get(lumisection),
    )
    writer.write(list(detector.announce()), {})
    offset = 0
    for number in range(1, LSS + 1):
        told[number] = detector.conditions(number)
        writer.write([told[number]], {})
        list(detector.fill(number, 2_000 * number))
        contents = detector.contents("pixel", number)
        dead = contents.layout["pixel/charge"].offset + 31
        contents.cells[dead : dead + 20] = 0
        if number == 5:
            continue
        for piece in detector.close(number):
            reports = comparison.apply(piece, offset, made=10**18 + offset)
            writer.write([piece, *reports], {})
            offset += 1
    writer.close()


@pytest.fixture
async def system(archive: Archive) -> AsyncIterator[System]:
    clock = SettableClock()
    log = MemoryLog(clock)
    await make_topics(log, 1)
    settings = GatewaySettings(limits=Limits(requests_per_second=0), allowed_hosts=("localhost",))
    references = ReferenceDesk(log, archive, clock)
    quality = QualityDesk(log, archive, references, clock, read_tests(BEFORE, "before"))
    async with Desk.open() as thread, asyncio.TaskGroup() as tasks:
        parts = replace(
            parts_of(LiveView(), thread, settings, archive),
            access=access(),
            clock=clock,
            references=references,
            quality=quality,
        )
        running = [tasks.create_task(references.run()), tasks.create_task(quality.run())]
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield System(client, log)
        for task in running:
            task.cancel()


async def test_versions_are_put_in_force_and_back_and_everything_is_on_record(
    system: System,
) -> None:
    assert await system.get("quality-tests") == {"versions": [], "active": None}
    first = await system.post("quality-tests/activate", {"text": BEFORE, "why": "to begin with"})
    assert (first["number"], first["who"], first["active"]) == (1, "expert", True)
    await system.post("quality-tests/activate", {"text": STRICTER, "why": "stricter"})
    await system.post("quality-tests/activate", {"text": STRICTER, "why": "again"}, 409)
    back = await system.post("quality-tests/rollback", {"why": "too strict"})
    assert (back["number"], back["restores"], back["text"]) == (3, 1, BEFORE)
    assert (await system.get("quality-tests/versions/active"))["text"] == BEFORE
    assert (await system.get("quality-tests/versions/2"))["text"] == STRICTER
    start = await system.post("quality-tests/rollback", {"why": "all of it", "to": 0})
    assert (start["restores"], start["active"]) == (0, False)
    await system.post("quality-tests/rollback", {"why": "once more"}, 409)
    listed = await system.get("quality-tests")
    assert [one["number"] for one in listed["versions"]] == [1, 2, 3, 4]
    assert listed["active"] is None
    messages = [
        CODEC.decode(record.headers, record.value)
        async for record in read_to_end(system.log, COMMANDS)
    ]
    said = [(one.subject, one.action, one.who, one.why) for one in messages if type(one) is Command]
    assert said == [
        ("configuration/quality_tests", "activate", "expert", "to begin with"),
        ("configuration/quality_tests", "activate", "expert", "stricter"),
        ("configuration/quality_tests", "rollback", "expert", "too strict"),
        ("configuration/quality_tests", "rollback", "expert", "all of it"),
    ]


@pytest.mark.parametrize("text", ["no toml [", BEFORE + BEFORE, BEFORE.replace("DeadC", "LiveC")])
async def test_what_does_not_read_is_not_put_in_force(system: System, text: str) -> None:
    problem = await system.post("quality-tests/activate", {"text": text, "why": "a slip"}, 422)
    assert "the quality tests" in problem["detail"]
    await system.post("quality-tests/dry-run", {"text": text, "run": RUN}, 422)
    assert (await system.log.bounds(CONFIGURATION, 0)).end == 0


async def test_a_dry_run_says_which_verdicts_would_change(system: System) -> None:
    asked = {"run": RUN, "last": 3}
    same = await system.post("quality-tests/dry-run", {"text": BEFORE, **asked})
    assert (same["changed"], same["changes"]) == (0, [])
    assert same["same"] > 0
    found = await system.post("quality-tests/dry-run", {"text": OTHER, **asked})
    assert found["newly_judged"] == 3
    assert found["no_longer_judged"] == same["same"] - 6, "windows end with each LS"
    by_test = {one["qtname"]: one["steps"] for one in found["tests"]}
    assert by_test.keys() == {"new", "three"}
    (new,) = by_test["new"]
    assert (new["before"], new["count"]) == (None, 3)
    stricter = await system.post("quality-tests/dry-run", {"text": STRICTER, **asked})
    assert {one["path"] for one in stricter["elements"]} == {"pixel/charge"}
    for change in stricter["changes"]:
        assert (change["qtname"], change["after"]) == ("dead", "BAD")
        assert "BAD" in change["message_after"]
    assert await system.get("quality-tests") == {"versions": [], "active": None}
    await system.post("quality-tests/activate", {"text": STRICTER, "why": "as tried"})
    again = await system.post("quality-tests/dry-run", {"text": STRICTER, **asked})
    assert again["changed"] == 0, "beside the tests in force, which they are now"


async def test_a_version_that_cannot_be_read_here_is_passed_over_as_comparators_do(
    system: System,
) -> None:
    text = BEFORE.replace("DeadChannel", "AlgorithmOfAnotherPlugIn")
    version = History(QUALITY_TESTS).next_version(text, who="ann", why="elsewhere", when=1)
    await system.log.send(version_records(version, "activate"))

    async def known() -> bool:
        return (await system.get("quality-tests"))["active"] == 1

    await until(known)
    asked = {"text": BEFORE, "run": RUN, "last": 3}
    found = await system.post("quality-tests/dry-run", asked)
    assert (found["changed"], found["same"] > 0) == (0, True), "beside what was in force before"


async def test_a_run_that_is_not_stored_is_not_tried(system: System) -> None:
    await system.post("quality-tests/dry-run", {"text": BEFORE, "run": 5}, 404)


@pytest.mark.parametrize(
    ("scope", "qtname", "lumisection"),
    [
        ("lumisection", "dead", 4),
        ("lumisection", "dead", 6),
        ("run", "dead", 4),
        ("run", "dead", 6),
        ("last:3", "three", 4),
        ("last:3", "three", 6),
    ],
)
async def test_a_report_run_again_is_the_same_bit_for_bit(
    system: System, scope: str, qtname: str, lumisection: int
) -> None:
    for text in (None, STRICTER, OTHER):
        # Whatever is in force now: it is run by the tests of then.
        if text is not None:
            await system.post("quality-tests/activate", {"text": text, "why": "other tests"})
        found = await system.explain(scope=scope, qtname=qtname, lumisection=lumisection)
        assert (found["same"], found["differs"], found["notes"]) == (True, [], [])
        assert found["report"] == found["again"]
        assert found["proof"]["contents"]


async def test_tests_that_nobody_knows_any_more_are_named(system: System, archive: Archive) -> None:
    clock = SettableClock()
    references = ReferenceDesk(system.log, archive, clock)
    desk = QualityDesk(system.log, archive, references, clock, read_tests(STRICTER, "stricter"))
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(references.run()), tasks.create_task(desk.run())]
        then, now, notes = await desk.again(RUN, 4, "pixel", "lumisection")
        for task in running:
            task.cancel()
    assert "are not known" in notes[0]
    assert now.contents == then.contents
    assert now.reports != then.reports


async def test_what_was_never_reported_cannot_be_explained(system: System) -> None:
    await system.explain(404, qtname="other")
    await system.explain(404, lumisection=5)
    await system.explain(404, scope="last:9")


async def test_summaries_name_the_test_that_is_to_blame(system: System) -> None:
    found = await system.get(f"runs/{RUN}/summary", scope="last:3", lumisection=6, depth=1)
    pixel = found["workspaces"]["pixel"]
    assert pixel["lumisection"] == 6
    assert sum(pixel["counts"].values()) == 5
    assert pixel["judged"] + pixel["not_judged"] == 5
    assert pixel["cause"]["outcome"] == pixel["worst"]
    (folder,) = pixel["folders"].values()
    assert folder["folders"] == {}
    assert found["map"]["pixel"].keys() == {
        "barrel",
        "charge",
        "configuration",
        "events",
    }
    assert await system.get(f"runs/{RUN}/summary", scope="last:3", depth=1) == found
    await system.get(f"runs/{RUN}/summary", 404, scope="last:9")
