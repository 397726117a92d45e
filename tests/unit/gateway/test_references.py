"""References over HTTP: made out of a real store by experts, onto a log; shown to everybody."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest

from dqmstream.clock import SettableClock
from dqmstream.messages.events import RunEnd
from dqmstream.messages.operations import Command
from dqmstream.messages.quality import Outcome
from dqmstream.messages.topics import COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.memory import MemoryLog
from services.gateway.access_tokens import Role
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.asking import Parts
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from tests.filled import make_topics
from tests.ingesting import access, bearer
from tests.unit.gateway.parts import parts_of

API = "/api/v1"
EXPERT = bearer(Role.EXPERT)
SAID = {"owner": "pixel experts", "reason": "certified"}
LSS = 6


class System(NamedTuple):
    """A gateway over a store with run 400001 of six LSs, a log, and its own desk."""

    client: httpx.AsyncClient
    detector: Detector
    log: MemoryLog
    parts: Parts
    clock: SettableClock

    async def get(self, route: str, status: int = 200, **query: Any) -> Any:
        answer = await self.client.get(f"{API}/{route}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Any = None, status: int = 200, *, who: Any = EXPERT, **given: Any
    ) -> Any:
        answer = await self.client.post(f"{API}/{path}", json=body, headers=who, **given)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def made(self, name: str = "golden", **fields: Any) -> Any:
        """The one version that is made of workspace `pixel`."""
        runs = {"runs": {"400001": []}, "workspaces": ["pixel"]}
        answer = await self.post("references", {"name": name, **SAID, **runs, **fields})
        (row,) = answer["references"]
        return row

    def sum(self, path: str, numbers: range) -> list[int]:
        """Cells of an element as they were filled."""
        total = 0
        for number in numbers:
            contents = self.detector.contents("pixel", number)
            place = contents.layout[path]
            total = total + contents.cells[place.offset : place.offset + place.cells]
        return np.asarray(total).tolist()


@pytest.fixture(scope="module", params=["sqlite"])
def stored(request: Any, tmp_path_factory: Any) -> Any:
    """The store, and the detector whose run is in it; another run of other conditions beside."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.sqlite'}"
    writer, detectors = StoreWriter(url, log="log"), []
    for run in (400_001, 400_002):
        detector = Detector(run=run, seed=run)
        detectors.append(detector)
        writer.write(list(detector.announce()), {})
        for number in range(1, LSS + 1):
            list(detector.fill(number, 100 * number))
            writer.write(list(detector.close(number)), {})
            writer.write([detector.conditions(number)], {})
            outcome = Outcome.BAD if number == 6 else Outcome.GOOD
            writer.write(list(detector.reports(number, {"pixel/charge": outcome})), {})
        end = RunEnd(
            run=run,
            source="made-up",
            incarnation="1",
            rereadable=True,
            partitions=1,
            last_lumisection=LSS,
        )
        writer.write([end], {})
    store = Store(url)
    yield Archive(store), detectors[0]
    store.close()
    writer.close()


@pytest.fixture
async def system(stored) -> AsyncIterator[System]:
    archive, detector = stored
    clock = SettableClock()
    log = MemoryLog(clock)
    await make_topics(log, 1)
    view = LiveView()
    settings = GatewaySettings(limits=Limits(requests_per_second=0), allowed_hosts=("localhost",))
    desk = ReferenceDesk(log, archive, clock)
    async with Desk.open() as thread, asyncio.TaskGroup() as tasks:
        parts = replace(
            parts_of(view, thread, settings, archive), access=access(), clock=clock, references=desk
        )
        following = tasks.create_task(desk.run())
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield System(client, detector, log, parts, clock)
        following.cancel()


# ----------------------------------------------------------------------- making


async def test_a_run_becomes_a_reference_with_its_exact_contents(system):
    row = await system.made(valid={"run_types": ["pp*"]}, labels={"energy": "6.8 TeV"})
    assert (row["number"], row["kind"], row["status"], row["stands"]) == (
        1,
        "run",
        "accepted",
        True,
    )
    assert (row["who"], row["owner"], row["labels"]) == (
        "expert",
        "pixel experts",
        {"energy": "6.8 TeV"},
    )
    assert row["windows"] == [
        {"run": 400_001, "set": row["windows"][0]["set"], "lumisections": [[1, 6]]}
    ]
    assert row["exposed"]["lumisections"] == LSS
    shown = await system.get(f"references/{row['id']}/contents", path="pixel/charge")
    (contents,) = shown["contents"]
    assert contents["arrays"]["values"] == system.sum("pixel/charge", range(1, 7))
    live = await system.get("runs/400001/contents", path="pixel/charge")
    assert contents.keys() == live["contents"][0].keys()
    assert contents["element"] == live["contents"][0]["element"]


async def test_lumisections_of_a_run_and_some_elements_become_one(system):
    row = await system.made(runs={"400001": [[2, 3], [5, 5]]}, paths=["pixel/charge"])
    assert (row["kind"], row["elements"]) == ("lumisections", 1)
    assert row["windows"][0]["lumisections"] == [[2, 3], [5, 5]]
    shown = await system.get(f"references/{row['id']}/contents", match="**")
    (contents,) = shown["contents"]
    two, one = system.sum("pixel/charge", range(2, 4)), system.sum("pixel/charge", range(5, 6))
    assert contents["arrays"]["values"] == [a + b for a, b in zip(two, one, strict=True)]
    await system.get(f"references/{row['id']}/contents", 404, path="pixel/other")


async def test_what_conditions_are_asked_for_leaves_lumisections_out(system):
    gated = {"require": "pileup > 50 and beam_mode == 'STABLE BEAMS'"}
    assert (await system.made(**gated))["exposed"]["lumisections"] == LSS
    body = {"name": "a", **SAID, "runs": {"400001": []}, "require": "pileup > 60"}
    refused = await system.post("references", body, 404)
    assert "pileup > 60" in refused["detail"]
    refused = await system.post("references", body | {"require": "pileup >"}, 422)
    assert "pileup >" in refused["detail"]


async def test_a_band_over_two_runs_has_the_median_of_shares(system):
    runs = {"400001": [], "400002": [[1, 4]]}
    row = await system.made("band", runs=runs, band="entries", paths=["pixel/charge"])
    assert (row["kind"], row["per"]) == ("band", "entries")
    assert row["exposed"]["lumisections"] == 10
    shown = await system.get(f"references/{row['id']}/contents", path="pixel/charge")
    arrays = shown["contents"][0]["arrays"]
    centre, lower, upper = (np.array(arrays[name]) for name in ("centre", "lower", "upper"))
    assert ((lower <= centre) & (centre <= upper)).all()
    assert centre[1:-1].sum() == pytest.approx(1, abs=0.1)


async def test_without_a_name_of_workspaces_all_that_have_the_elements_get_a_version(system):
    body = {"name": "all", **SAID, "runs": {"400001": []}}
    made = await system.post("references", body)
    assert [row["workspace"] for row in made["references"]] == ["pixel", "trigger"]
    made = await system.post("references", body | {"paths": ["pixel/**"]})
    assert [row["workspace"] for row in made["references"]] == ["pixel"]
    assert "none of the elements" in made["left_out"]["trigger"]
    await system.post("references", body | {"paths": ["nothing"]}, 422)


async def test_asked_twice_it_is_made_once_and_otherwise_a_later_version_stands(system):
    first, again = await system.made(), await system.made()
    assert again["id"] == first["id"]
    second = await system.made(reason="another reason")
    assert second["number"] == 2
    listed = await system.get("references", name="golden")
    assert [(row["number"], row["stands"]) for row in listed["references"]] == [
        (1, False),
        (2, True),
    ]
    chain = await system.get("references", standing=True)
    assert [row["id"] for row in chain["references"]] == [second["id"]]


async def test_what_has_expired_is_not_said_to_be_used(system):
    row = await system.made(expires_days=1)
    assert (row["stands"], row["expired"]) == (True, False)
    system.clock.advance(86_400)
    (row,) = (await system.get("references"))["references"]
    assert (row["status"], row["stands"], row["expired"]) == ("accepted", False, True)
    assert (await system.get("references", standing=True))["total"] == 0


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"runs": {"9": []}}, 404, "run 9 is not stored"),
        ({"workspaces": ["none"]}, 404, "workspace 'none' is not stored"),
        ({"runs": {"400001": [[90, 99]]}}, 404, "no LS of workspace"),
        ({"runs": {"400001": [[5, 2]]}}, 422, "falls"),
        ({"runs": {"400001": [], "400002": []}}, 422, "a histogram is of one run"),
        ({"paths": ["regex:("]}, 422, "not a pattern"),
        ({"valid": {"first_run": 9, "last_run": 3}}, 422, "good for no run"),
        ({"name": "../etc"}, 422, "name"),
        ({"owner": ""}, 422, "owner"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
async def test_what_cannot_be_made_is_refused_and_nothing_is_written(system, body, status, why):
    asked = {"name": "a", **SAID, "runs": {"400001": []}, "workspaces": ["pixel"], **body}
    refused = await system.post("references", asked, status)
    assert why in json.dumps(refused)
    assert (await system.get("references"))["total"] == 0


@pytest.mark.parametrize("who", [None, Role.VIEWER, Role.SHIFTER, Role.PRODUCER])
async def test_only_experts_decide(system, who):
    asked = {"name": "a", **SAID, "runs": {"400001": []}}
    await system.post("references", asked, 401 if who is None else 403, who=bearer(who))


# -------------------------------------------------------------------- deciding


async def test_every_decision_is_on_record_with_who_why_and_when(system):
    row = await system.made(proposed=True)
    assert (row["status"], row["stands"]) == ("proposed", False)
    accepted = await system.post(f"references/{row['id']}/accept", {"why": "plots are fine"})
    assert (accepted["status"], accepted["stands"]) == ("accepted", True)
    again = await system.post(f"references/{row['id']}/accept", {"why": "once more"}, 409)
    assert "is accepted already: by expert, 'plots are fine'" in again["detail"]
    retired = await system.post(f"references/{row['id']}/retire", {"why": "menu changed"})
    assert (retired["status"], retired["stands"]) == ("retired", False)
    history = (await system.get("references/history", name="golden"))["history"]
    assert [(one["action"], one["status"], one["who"], one["why"]) for one in history] == [
        ("make", "proposed", "expert", "certified"),
        ("accept", "accepted", "expert", "plots are fine"),
        ("retire", "retired", "expert", "menu changed"),
    ]
    assert {one["version"] for one in history} == {row["id"]}
    commands = [
        CODEC.decode(record.headers, record.value)
        async for record in read_to_end(system.log, COMMANDS)
    ]
    assert all(isinstance(one, Command) for one in commands)
    assert {one.subject for one in commands} == {"reference/pixel/golden"}
    await system.get("references/history", 404, name="silver")


async def test_a_retired_version_gives_its_place_back_and_keeps_its_contents(system):
    first = await system.made()
    second = await system.made(runs={"400001": [[1, 2]]})
    await system.post(f"references/{second['id']}/retire", {"why": "too short"})
    (stands,) = (await system.get("references", standing=True))["references"]
    assert stands["id"] == first["id"]
    shown = await system.get(f"references/{second['id']}/contents", path="pixel/charge")
    assert shown["contents"][0]["arrays"]["values"] == system.sum("pixel/charge", range(1, 3))


async def test_another_gateway_reads_the_same_catalogue_from_the_log(system, stored):
    first = await system.made()
    second = await system.made(runs={"400001": [[1, 2]]})
    other = ReferenceDesk(system.log, None, SettableClock())
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(other.run())
        await other.ready()
        assert [one.id for one in other.known.catalogue.versions] == [first["id"], second["id"]]
        # Of what does not stand the contents are not held, but read when they are asked for.
        before = other.known.catalogue[first["id"]]
        assert other.known.data(before) is None
        data = await other.data(before)
        assert data.contents.cells.sum() > 0
        following.cancel()


# ------------------------------------------------------------ uploads, overlays


async def test_what_was_exported_can_be_uploaded_and_is_the_same(system):
    exported = await system.client.get(
        f"{API}/runs/400001/contents", params={"match": "pixel/**", "format": "uhi"}
    )
    answer = await system.client.post(
        f"{API}/reference-uploads",
        params={"name": "file", "workspace": "pixel", **SAID, "file": "a.json"},
        content=exported.content,
        headers=EXPERT | {"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    row = answer.json()["reference"]
    assert (row["kind"], row["file"], row["windows"]) == ("file", "a.json", [])
    shown = await system.get(f"references/{row['id']}/contents", path="pixel/charge")
    assert shown["contents"][0]["arrays"]["values"] == system.sum("pixel/charge", range(1, 7))


async def test_an_upload_says_what_it_is_good_for_as_what_is_made_does(system):
    exported = await system.client.get(
        f"{API}/runs/400001/contents", params={"match": "pixel/**", "format": "uhi"}
    )
    good_for = {
        "run_type": ["pp*", "hi*"],
        "beam_mode": ["STABLE BEAMS"],
        "energy": [6800, 2680.5],
        "last_run": 500_000,
        "label": ["scheme=a=b"],
    }

    async def upload(**more: Any) -> Any:
        return await system.client.post(
            f"{API}/reference-uploads",
            params={"name": "file", "workspace": "pixel", **SAID, **good_for, **more},
            content=exported.content,
            headers=EXPERT | {"content-type": "application/json"},
        )

    row = (await upload()).json()["reference"]
    assert row["valid"] == {
        "run_types": ["pp*", "hi*"],
        "beam_modes": ["STABLE BEAMS"],
        "prescales": [],
        "energies": [6800.0, 2680.5],
        "first_run": None,
        "last_run": 500_000,
    }
    assert row["labels"] == {"scheme": "a=b"}
    wrongs = ({"energy": -1}, {"label": "none"}, {"energie": 1}, {"energy": "high"})
    for wrong in (*wrongs, {"first_run": 500_001}):
        answer = await upload(**wrong)
        assert answer.status_code == 422, answer.text
        assert next(iter(wrong)) in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "why"),
    [
        (b"rubbish", "application/json", 422, "not JSON"),
        (b"root\x00rubbish", "application/octet-stream", 422, "no ROOT file that can be read"),
        (b"{}", "application/json", 422, "no histogram can be taken"),
        (b"{}", "text/html", 415, "Content-Type"),
    ],
)
async def test_an_upload_that_is_none_is_refused(system, content, kind, status, why):
    answer = await system.client.post(
        f"{API}/reference-uploads",
        params={"name": "file", "workspace": "pixel", **SAID},
        content=content,
        headers=EXPERT | {"content-type": kind},
    )
    assert answer.status_code == status, answer.text
    assert why in answer.text


async def test_an_overlay_is_the_chosen_reference_with_its_scale(system):
    refused = await system.get("runs/400001/reference", 404, path="pixel/charge")
    assert "there is none in the catalogue" in refused["detail"]
    own = await system.made("own", rank=-1)
    other = await system.made("other", runs={"400002": [[1, 3]]})
    query = {"path": "pixel/charge", "lumisections": "1-2"}
    overlay = await system.get("runs/400001/reference", **query)
    assert overlay["reference"]["id"] == other["id"]
    assert overlay["tried"] == ["own #1 is made of this very run"]
    assert own["stands"]
    values = overlay["contents"][0]["arrays"]["values"]
    expected = sum(system.sum("pixel/charge", range(1, 3))[1:-1]) / sum(values[1:-1])
    assert overlay["scale"] == pytest.approx(expected)
    by_lumisections = await system.get("runs/400001/reference", normalise="lumisections", **query)
    assert by_lumisections["scale"] == pytest.approx(2 / 3)
    unknown = await system.get("runs/400001/reference", normalise="luminosity", **query)
    assert unknown["scale"] is None
    assert (await system.get("runs/400001/reference", normalise="none", **query))["scale"] == 1


async def test_proposals_rank_runs_with_reasons(system):
    found = await system.get("references/proposals", run="400001", bad=0.5)
    (one,) = found["proposals"]
    assert (one["run"], one["refused"]) == (400_002, "")
    assert "luminosity 1.00 times as large" in one["reasons"]
    strict = await system.get("references/proposals", run="400001", lumisections=7, bad=0.5)
    assert strict["proposals"][0]["refused"] == "it has 6 LSs, expected at least 7"
    await system.get("references/proposals", 404, run="9")
