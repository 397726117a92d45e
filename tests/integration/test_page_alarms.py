"""Alarms on the page: seen, acknowledged, shelved, explained, by who may and by nobody else."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState
from dqmstream.messages.topics import ALARM_STATE
from dqmstream.notifications.declaration import Declared
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from playback.broker.ports import free_port
from services.gateway.access_file import changed_tokens
from services.gateway.access_tokens import Role
from services.gateway.settings import GatewaySettings
from services.notifier.address import Address
from services.notifier.service import NotifierSettings, run_notifier
from services.notifier.webhook import Webhook
from tests.contrast import faint_words
from tests.filled import make_topics
from tests.ingesting import SECRETS, access, gateway
from tests.ink import ink
from tests.integration.conftest import (
    PATIENCE,
    RunningSystem,
    Visit,
    _running_system,
    _visit,
    screenshot,
    until,
)
from tests.notified import receiver
from tests.receiving import SECRET, FaultyReceiver

# One loop for all: the browser lives in it, and is started once.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

OCCUPANCY: Final = "Pixel/Layer1/occupancy"
DEAD: Final = "quality:Pixel/Layer1/occupancy:pixel dead modules"
FAULT: Final = 5
"""LS from which on the module is dead."""
_LONG: Final = 300_000
"""Milliseconds until the fault has happened, on a machine that does much else."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system in which a module dies in LS 5, with a token of every role."""
    folder = tmp_path_factory.mktemp("alarms")
    changed_tokens(folder / "data" / "tokens.json", lambda _: access().tokens)
    with _running_system(folder) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, system: RunningSystem) -> AsyncIterator[Visit]:
    async with _visit(browser, system) as visit:
        yield visit


@asynccontextmanager
async def another(browser: Browser, system: RunningSystem) -> AsyncIterator[Visit]:
    """Somebody else's browser."""
    async with _visit(browser, system) as visit:
        yield visit


def _row(name: str) -> str:
    return f'.alarm[data-key="{name}"]'


def _in(section: str, name: str = DEAD) -> str:
    return f'[data-section="{section}"] {_row(name)}'


async def _open(page: Page, url: str, more: str = "") -> None:
    await page.goto(f"{url}/#view=alarms{more}")
    await page.locator(f'{_row(DEAD)}:not([data-state="raising"])').wait_for(timeout=_LONG)


async def _log_in(page: Page, role: Role) -> None:
    await page.click("#who")
    await page.fill("#login-token", SECRETS[role])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text(f"{role} · {role}")


async def _raising(url: str) -> dict[str, Any]:
    """The step that raised the alarm: its state is told first, its steps are recorded then."""
    found: list[dict[str, Any]] = []

    async def is_recorded() -> bool:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client:
            steps = (await client.get(f"/alarms/{quote(DEAD)}/history")).json()["steps"]
        found[:] = [step for step in steps if step["event"] == "raised"]
        return bool(found)

    await until(is_recorded, "it is recorded that the alarm was raised")
    return found[0]


async def test_a_fault_is_in_the_list_within_two_lumisections_with_what_to_do(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    row = page.locator(_in("calling"))
    await expect(row.locator(".alarm-name b")).to_have_text("pixel dead modules")
    await expect(row.locator(".alarm-do")).to_contain_text("Call")
    await expect(row.locator(".badge")).to_have_attribute("data-outcome", "BAD")
    raised = await _raising(visit.url)
    assert FAULT <= raised["lumisection"] <= FAULT + 2
    await expect(page.locator("#bell b")).to_have_text(re.compile(r"[1-9]"))
    await screenshot(page, "alarms")


async def test_a_role_that_may_not_is_told_which_one_may_and_one_that_may_does(
    browser: Browser, system: RunningSystem, visit: Any
) -> None:
    page = visit.page
    await _open(page, visit.url)
    button = page.locator(f'{_row(DEAD)} [data-action="acknowledge"]')
    await expect(button).to_have_text("Acknowledge (shifter)")
    await button.click(force=True)
    await expect(page.locator("#login .login-problem")).to_contain_text("takes the role shifter")
    await page.fill("#login-token", SECRETS[Role.VIEWER])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text("viewer · viewer")
    await expect(button).to_have_text("Acknowledge (shifter)")
    await button.click(force=True)
    await expect(page.locator("#login .login-problem")).to_contain_text("yours is viewer")
    await page.keyboard.press("Escape")
    await expect(page.locator(_in("calling"))).to_have_count(1)
    # The buttons are not what keeps anybody out.
    async with httpx.AsyncClient(base_url=f"{system.url}/api/v1", timeout=60) as client:
        header = {"authorization": f"Bearer {SECRETS[Role.VIEWER]}"}
        refused = await client.post(
            "/alarm-actions/acknowledge", json={"alarm": DEAD}, headers=header
        )
        assert refused.status_code == 403
    async with another(browser, system) as shifter:
        await _open(shifter.page, system.url)
        await _log_in(shifter.page, Role.SHIFTER)
        await shifter.page.click(f'{_row(DEAD)} [data-action="acknowledge"]')
        await shifter.page.locator(_in("acting")).wait_for()
        # Who only looks is told by the stream.
        await page.locator(_in("acting")).wait_for()
        await shifter.page.click(f"{_row(DEAD)} .alarm-name")
        step = shifter.page.locator(".alarm-steps li", has_text="acknowledged").first
        await expect(step).to_contain_text("by shifter")
        await screenshot(shifter.page, "alarm-acknowledged")


async def test_an_alarm_is_shelved_with_a_reason_and_an_end_and_taken_back(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    await _log_in(page, Role.SHIFTER)
    await page.click(f'{_row(DEAD)} [data-action="shelve"]')
    await page.click("#shelve button[type=submit]")  # without a reason nothing happens
    await expect(page.locator("#shelve")).to_be_visible()
    await page.fill("#shelve-why", "module 37 is off until the access")
    await page.select_option("#shelve-long", "60")
    await screenshot(page, "alarm-shelving")
    await page.keyboard.press("Tab")
    await page.click("#shelve button[type=submit]")
    shelved = page.locator(_in("hidden"))
    await shelved.wait_for()
    await expect(shelved).to_contain_text("by shifter: module 37 is off until the access")
    async with httpx.AsyncClient(base_url=f"{visit.url}/api/v1", timeout=60) as client:
        shelf = (await client.get(f"/alarms/{quote(DEAD)}")).json()["shelf"]
    assert shelf["until"] - shelf["when"] == pytest.approx(3600e9, abs=60e9)
    await shelved.locator('[data-action="unshelve"]').click()
    await expect(page.locator(_in("hidden"))).to_have_count(0)


async def test_the_wall_shows_the_shelved_alarm_of_the_workspace_that_it_names_and_no_other(
    visit: Any,
) -> None:
    page = visit.page
    await _open(page, visit.url)
    async with httpx.AsyncClient(base_url=f"{visit.url}/api/v1", timeout=60) as client:
        header = {"authorization": f"Bearer {SECRETS[Role.SHIFTER]}"}
        shelf = {"alarm": "quality:Pixel/**", "why": "module 37 is off", "seconds": 600}
        answer = await client.post("/alarm-actions/shelve", json=shelf, headers=header)
        assert answer.status_code == 200, answer.text
        await page.locator(_in("hidden")).wait_for()
        await page.set_viewport_size({"width": 1920, "height": 1080})
        await page.goto(f"{visit.url}/?wall=1#window=run")
        wall = page.locator("#wall")
        await expect(wall.locator("h2")).to_contain_text("pixel", timeout=_LONG)
        aside = wall.locator("aside")
        await expect(aside).to_have_attribute("data-alarm", re.compile("^quality:Pixel/"))
        await expect(aside).to_contain_text("put aside · until")
        await expect(aside).to_contain_text("by shifter: module 37 is off")
        await expect(aside.locator("p")).to_have_text("")  # what to do is not said of it
        # What is drawn is said, and what is bad in it is marked.
        plot = wall.locator(f'figure[data-key="{OCCUPANCY}"]')
        await expect(plot.locator("small")).to_have_text(re.compile(r"^run 1 · LS 1–\d+ · simul"))
        await _ringed(page, f'#wall figure[data-key="{OCCUPANCY}"] canvas')
        await screenshot(page, "wall-shelved")
        again = {"alarm": shelf["alarm"]}
        answer = await client.post("/alarm-actions/unshelve", json=again, headers=header)
        assert answer.status_code == 200, answer.text


async def _ringed(page: Page, canvas: str) -> None:
    """Wait until bad channels are marked on a canvas, which is once their reports have come."""

    async def is_marked() -> bool:
        return await ink(page, canvas, [255, 107, 74]) > 0

    await until(is_marked, f"bad channels are marked on {canvas}")


async def test_the_history_has_all_steps_the_newest_first_and_leads_to_their_plots(
    visit: Any,
) -> None:
    page = visit.page
    await _open(page, visit.url)
    await page.click('.alarm-tabs [data-tab="history"]')
    rows = page.locator(".history li")
    await rows.first.wait_for()
    times = await rows.locator("time").all_inner_texts()
    assert times == sorted(times, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", each) for each in times)
    await expect(page.locator(".alarm-zone")).to_have_text(re.compile(r"^Times are UTC[+−]\d"))
    fields = page.locator(".history-filters select")
    await fields.first.select_option("pixel")
    await page.get_by_label("Contains").fill("dead MODULES")
    await expect(page).to_have_url(re.compile("alarms=history.*workspace.*text"))
    await expect(rows.filter(has_text="ecal")).to_have_count(0)
    await expect(rows.filter(has_not_text=re.compile("dead modules", re.IGNORECASE))).to_have_count(
        0
    )
    raised = rows.filter(has=page.locator('b:text-is("raised")')).filter(has_text="Layer1").last
    await expect(raised).to_contain_text("by alarms")
    many = await rows.count()
    await screenshot(page, "alarms-history")
    await page.reload()
    await expect(page.get_by_label("Contains")).to_have_value("dead MODULES")
    await expect(rows.nth(many - 1)).to_be_visible()
    await fields.last.select_option("low")
    await expect(rows).to_have_count(0)
    await expect(page.locator(".history-said")).to_contain_text("None")
    await page.go_back()
    await page.goto(f"{visit.url}/#view=alarms&alarms=history,text:dead modules")
    await raised.locator(".history-plot").click()
    await page.locator("#detail").wait_for()
    await expect(page).to_have_url(re.compile(r"window=(\d+)-\1(&|$)"))


async def test_looking_for_new_steps_goes_neither_back_nor_over_the_record_again(
    visit: Any,
) -> None:
    """On the page's own module: nothing is found, however far back somebody asks."""
    page = visit.page
    await _open(page, visit.url)
    found = await page.evaluate("""async () => {
      const { AlarmHistory } = await import("/alarms/history.js");
      const root = document.createElement("div");
      const model = { boards: { quality: { rows: {} } } };
      const history = new AlarmHistory(root, { link: () => "" }, model);
      const [fetched, now] = [window.fetch, performance.now.bind(performance)];
      const asked = [];
      window.fetch = async (address, ...more) => {
        if (!String(address).includes("text=nothing")) return fetched(address, ...more);
        const from = Number(new URL(address, document.baseURI).searchParams.get("before") ?? 100);
        asked.push(from);
        return new Response(JSON.stringify({ steps: [], before: from - 1 }));
      };
      const rest = async (most) => {
        const later = () => new Promise((resolve) => setTimeout(resolve, 50));
        for (let look = 0; look < 1000 && asked.length < most; look += 1) await later();
        for (let look = 0; look < 10; look += 1) await later();
      };
      history.follow("history,text:nothing");
      await rest(10);
      performance.now = () => now() + 10_000;
      history.renew();
      await rest(11);
      root.querySelector("button").click();
      await rest(21);
      Object.assign(performance, { now });
      window.fetch = fetched;
      return asked;
    }""")
    down = list(range(100, 80, -1))
    assert found == [*down[:10], 100, *down[10:]]


async def test_the_past_has_the_alarms_that_stood_then(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    when = (await _raising(visit.url))["when"] // 1_000_000
    needing = page.locator("#needing")

    async def travel(milliseconds: int) -> None:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
        await page.goto(f"{visit.url}/#at={at.replace('+00:00', 'Z')}")
        await expect(needing.locator("h2")).to_have_text("Alarms that needed someone then")

    await travel(when + 1)
    item = needing.locator("li", has_text="pixel dead modules").first
    await expect(item).to_contain_text("nobody had acknowledged it")
    await expect(item).to_contain_text("0.0 s before")
    await expect(item.locator(".action")).to_contain_text("Call")
    await expect(page.locator("#past")).to_contain_text(re.compile(r"\(UTC[+−]\d\d:\d\d\)"))
    await screenshot(page, "past-alarms")
    await travel(when - 1_000)
    await expect(needing.locator("li", has_text="pixel dead modules")).to_have_count(0)
    await page.locator("#bell").click()
    await expect(page.locator(".alarm-note", has_text="Alarms of now")).to_be_visible()
    await page.goto(f"{visit.url}/")
    await expect(needing.locator("h2")).to_have_text("Alarms that need someone")


_CHOSEN: Final = """() => [...document.querySelectorAll('.alarm:has(input:checked)')].map(
  (row) => row.dataset.key)"""
_TELLS_BELL: Final = """() => {
  const calling = document.querySelectorAll('.alarm[data-calls]').length;
  return document.querySelector('#bell b').textContent === String(calling);
}"""


async def test_experts_take_alarms_out_of_service_and_several_are_chosen_at_once(
    visit: Any,
) -> None:
    page = visit.page
    await _open(page, visit.url)
    await _log_in(page, Role.EXPERT)
    out = page.locator(f'{_row(DEAD)} [data-action="out-of-service"]')
    await expect(out).to_have_text("Out of service …")
    await out.click()
    await page.fill("#shelve-why", "the layer is taken out")
    await page.click("#shelve button[type=submit]")
    await expect(page.locator(_in("hidden"))).to_contain_text("the layer is taken out")
    await page.click(f'{_row(DEAD)} [data-action="in-service"]')
    await expect(page.locator(_in("hidden"))).to_have_count(0)
    # Of the hot channel, if of nothing else.
    await page.locator('[data-section="calling"] .alarm').first.wait_for()
    await page.click("text=Choose all that need someone")
    chosen = await page.evaluate(_CHOSEN)
    assert chosen
    await page.click('.alarm-bar [data-action="acknowledge"]')
    await expect(page.locator(".alarm-said")).to_contain_text("on the record")
    for name in chosen:
        await expect(page.locator(_in("calling", name))).to_have_count(0)

    async def tells_bell_of_others() -> bool:
        return bool(await page.evaluate(_TELLS_BELL))

    # Another one may be raised meanwhile: it calls, and nothing else does.
    await until(tells_bell_of_others, "the bell calls for what is still to be acknowledged")


async def test_an_alarm_is_a_link_that_shows_its_proof_and_leads_to_its_plot(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, f"&alarm={quote(DEAD)}")
    chosen = page.locator(f"{_row(DEAD)} .alarm-chosen")
    await expect(chosen.locator('.report[data-outcome="BAD"]').first).to_contain_text("module 37")
    await expect(chosen.locator(".alarm-steps li").first).to_be_visible()
    await expect(chosen).to_be_in_viewport()
    await screenshot(page, "alarm-chosen")
    await page.click(f"{_row(DEAD)} .alarm-plot")
    await page.locator("#detail").wait_for()
    await expect(page).to_have_url(re.compile(r"window=(\d+)-\1(&|$)"))
    report = page.locator('#detail .report[data-outcome="BAD"]', has_text="module 37").first
    await report.wait_for()
    await page.go_back()
    await chosen.wait_for()


async def test_a_link_to_an_alarm_that_is_normal_says_so_and_has_its_history(
    browser: Browser,
) -> None:
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    await _keep(log, _state(1, state="normal", life="normal", level="OK", now="OK"))
    page = await browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(PATIENCE)
    async with _alive(log), gateway(log, GatewaySettings(update_interval=0.1)) as url:
        await page.goto(f"{url}/#view=alarms&alarm={quote('quality:Pixel/e1:full')}")
        note = page.locator(".alarm-note", has_text="is normal now")
        await note.wait_for()
        await note.locator("button").click()
        await expect(note.locator("h3").last).to_contain_text("History")
        await page.click("text=Who is told")
    await page.close()


async def test_filters_and_the_tree_count_what_the_gateway_knows(visit: Any) -> None:
    """Alarms come and go meanwhile: what is asked is asked again until both say the same."""
    page = visit.page
    await _open(page, visit.url)
    await page.goto(f"{visit.url}/#view=find")
    pixel = page.locator('[role="treeitem"][data-path="Pixel"] small').first
    await expect(pixel).to_contain_text("with alarms")
    cards = page.locator(".card")

    async def are_counted() -> bool:
        words = f"▲ {len(await _alarmed(visit.url))} with alarms"
        return words in await pixel.inner_text()

    async def are_shown() -> bool:
        shown = await cards.evaluate_all("all => all.map((one) => one.dataset.path)")
        return sorted(shown) == sorted(await _alarmed(visit.url))

    async def are_bad() -> bool:
        shown = await cards.evaluate_all("all => all.map((one) => ({ ...one.dataset }))")
        outcomes = {one.get("outcome") for one in shown}
        has_it = OCCUPANCY in {one["path"] for one in shown}
        return has_it and outcomes <= {"BAD", "WARNING", "ERROR", "INVALID"} and len(shown) < 10

    await until(are_counted, "the tree counts what has alarms")
    await page.goto(f"{visit.url}/#workspace=pixel&only=alarms&window=run")
    await until(are_shown, "the cards are those with alarms")
    await page.goto(f"{visit.url}/#workspace=pixel&only=problems&window=run")
    await expect(page.locator(f'.card[data-path="{OCCUPANCY}"]')).to_be_visible()
    await until(are_bad, "the cards are few, and all have problems")


async def _alarmed(url: str) -> set[str]:
    """Paths of the pixel workspace with alarms that need someone, or did: never none."""
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client:
        asked = {"show": "all", "workspace": "pixel"}
        rows = (await client.get("/alarms", params=asked)).json()["alarms"]
    needing = {"raised", "returned", "acknowledged"}
    alarmed = {row["path"] for row in rows if row["state"] in needing and row["path"]}
    assert alarmed
    return alarmed


async def test_words_of_every_view_can_be_read_and_nothing_moves_for_who_wants_that(
    visit: Any,
) -> None:
    page = visit.page
    await _open(page, visit.url)
    views = {
        "": "#needing h2",
        "workspace=pixel&window=run": ".card[data-drawn]",
        f"path={OCCUPANCY}&window=run": "#detail:not([aria-busy]) h2",
        "view=alarms": ".alarm",
        "view=alarms&alarms=history": ".history li",
        "view=find": '[role="treeitem"]',
        "view=runs": ".runs > li",
        "view=runs&runs=page": ".strips > li",
        "view=system": ".process",
        "wall=1": "#wall h2",
    }
    for view, part in views.items():
        await page.goto(f"{visit.url}/#{view}")
        await page.locator(part).first.wait_for()
        await until(partial(_has_words, page), f"there are words in {view}")
        _, faint = await faint_words(page)
        assert faint == [], view
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(f"{visit.url}/#")
    await page.locator("#needing h2").wait_for()
    moving = "document.getAnimations().filter((one) => one.effect.getTiming().duration > 1).length"
    assert await page.evaluate(moving) == 0


async def _has_words(page: Page) -> bool:
    looked, _ = await faint_words(page)
    return looked > 10


async def test_files_of_a_plot_are_saved_in_the_name_of_who_is_logged_in(visit: Any) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#path=Pixel/Layer1/occupancy&window=1-1")
    await _log_in(page, Role.VIEWER)
    await page.wait_for_selector("#detail:not([aria-busy]) .rows div", timeout=_LONG)
    async with page.expect_download() as waiting:
        await page.locator("#detail .links a", has_text="CSV").click()
    kept = await waiting.value
    assert kept.suggested_filename == "Pixel_Layer1_occupancy.csv"
    assert len(page.context.pages) == 1


_LOUDEST = """async () => {
  const { tones } = await import("/alarms/sound.js");
  const context = new OfflineAudioContext(1, 44100, 44100);
  const over = tones(context, "high", 0);
  const cells = (await context.startRendering()).getChannelData(0);
  return [over, Math.max(...cells), Math.max(...cells.slice(-2000))];
}"""


async def test_the_sound_is_one_can_be_tested_and_silenced(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    over, loudest, _ = await page.evaluate(_LOUDEST)
    assert 0.5 < over < 2
    assert 0.1 < loudest <= 1
    sound = page.locator("#alarm-sound")
    await expect(sound).to_have_text("Sound off")
    await page.click("#alarm-test")
    await expect(page.locator("#alarm-test")).to_have_attribute("data-rang", "1")
    await sound.click()
    await expect(sound).to_have_attribute("aria-pressed", "true")
    await page.click("#alarm-silence")
    await expect(page.locator("#alarm-silence")).to_contain_text("Silent until")
    await expect(page.locator(".alarm-switches small")).to_have_text("")  # it waits for no click
    # Before it was silent an alarm may have rung.
    rang = int(await page.locator("#alarm-test").get_attribute("data-rang") or 0)
    await page.click("#alarm-test")
    await expect(page.locator("#alarm-test")).to_have_attribute("data-rang", str(rang + 1))
    await page.reload()
    await expect(sound).to_have_text("Sound on")  # kept on this machine
    await sound.click()


def _state(number: int, **more: Any) -> AlarmState:
    given: dict[str, Any] = {
        "alarm": f"quality:Pixel/e{number}:full",
        "state": "raised",
        "life": "raised",
        "since": SystemClock().wall(),
        "raised": number,
        "run": 1,
        "lumisection": 1 + number % 3,
        "workspace": f"w{number % 3}",
        "path": f"Pixel/e{number}",
        "qtname": "full",
        "level": "BAD",
        "now": "BAD",
        "action": "Look at the plot.",
    }
    return AlarmState(**given | more)


async def _keep(log: Log, *states: AlarmState) -> None:
    told = AlarmCheckpoint(group="a", log="", step=1, positions={}, told=0, when=1)
    kept = [outgoing(ALARM_STATE, 0, state, state.alarm.encode()) for state in states]
    await log.send([*kept, outgoing(ALARM_STATE, 0, told, b"checkpoint/a")])


@asynccontextmanager
async def _alive(log: Log) -> AsyncIterator[None]:
    """The service of alarms says so now and then: of a silent one the page knows nothing after
    30 s."""

    async def tell() -> None:
        while True:
            await _keep(log)
            await asyncio.sleep(2)

    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(tell())
        yield
        telling.cancel()


async def test_a_flood_is_folded_and_the_page_is_whole_again_after_the_gateway_was_started_anew(
    browser: Browser,
) -> None:
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    await _keep(log, *(_state(number) for number in range(30)))
    settings = GatewaySettings(update_interval=0.1)
    page = await browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(PATIENCE)
    port = await asyncio.to_thread(free_port)
    async with _alive(log), gateway(log, settings, port=port) as url:
        await page.goto(f"{url}/#view=alarms")
        assert await page.locator(".alarm-none").is_hidden()
        groups = page.locator('[data-section="calling"] .alarm-group')
        await expect(groups).to_have_count(3)
        for number in (0, 1):  # the most urgent ones are open, the rest folded
            await expect(groups.nth(number)).to_have_attribute("open", "")
        await expect(groups.nth(2)).not_to_have_attribute("open", re.compile(""))
        await expect(page.locator(".alarm")).to_have_count(20)
        await expect(page.locator("#bell b")).to_have_text("30")
        await page.locator(".alarm-group summary").last.click()
        await expect(page.locator(".alarm")).to_have_count(30)
        await screenshot(page, "alarms-flood")
    await expect(page.locator("#bell")).to_have_attribute("data-level", "STALE")
    await expect(page.locator(".alarm-note").first).to_contain_text("Nobody knows")
    await screenshot(page, "alarms-stale")
    await _keep(log, _state(3, state="acknowledged", life="acknowledged"), _state(40))
    async with _alive(log), gateway(log, settings, port=port):
        await page.locator(_in("acting", "quality:Pixel/e3:full")).wait_for()
        await expect(page.locator("#bell b")).to_have_text("30")
        await expect(page.locator(".alarm-note").first).to_be_hidden()
        # What was raised while nobody heard it calls now.
        await expect(page.locator(".said")).to_contain_text("1 new alarm")
    await page.close()


async def _change_what_the_form_has_not_all_of(page: Page, url: str) -> None:
    place = f"{url}/api/v1/subscriptions/night%20shift"
    whole = {"receiver": "log", "kinds": ["quality"], "paths": ["Pixel/Layer[12]/**"]}
    header = {"authorization": f"Bearer {SECRETS[Role.EXPERT]}"}
    answer = await page.request.put(place, data={"subscription": whole}, headers=header)
    assert answer.ok, await answer.text()
    row = page.locator(".subscriptions li", has_text="night shift")
    await page.reload()
    await expect(row).to_contain_text("kinds = quality")
    await row.locator('[data-action="edit"]').click()
    await page.select_option("#subscribe-severity", "high")
    await page.click(".subscribe button")
    await expect(row).to_contain_text("severity = high")
    await expect(row).to_contain_text("kinds = quality")
    await expect(row).to_contain_text("paths = Pixel/Layer[12]/**")


async def test_an_expert_declares_who_is_told_and_a_test_arrives(browser: Browser) -> None:
    """The notifier and its receiver are real ones, only nothing has happened."""
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    hook = receiver(retry_first=0.01, retry_most=0.02)
    page = await browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(PATIENCE)
    ready = asyncio.Event()
    async with (
        FaultyReceiver.listening() as taking,
        gateway(log, GatewaySettings(update_interval=0.1)) as url,
        asyncio.TaskGroup() as tasks,
    ):
        sender = Webhook(Address(receiver=hook, url=taking.url, secret=SECRET), SystemClock())
        running = tasks.create_task(
            run_notifier(
                log,
                Declared(receivers=(hook,), subscriptions=()),
                {"log": sender},
                clock=SystemClock(),
                random=Random(1).random,
                ready=ready.set,
                settings=NotifierSettings(look=0.02),
            )
        )
        await ready.wait()
        await page.goto(f"{url}/#view=alarms&alarms=subscriptions")
        await expect(page.locator(".receivers li")).to_contain_text("log")
        await page.click(".subscribing summary")
        await expect(page.locator(".subscribe button")).to_have_text("Subscribe (expert)")
        await _log_in(page, Role.EXPERT)
        await page.fill("#subscribe-name", "night shift")
        await page.fill("#subscribe-workspaces", "pixel*, ecal")
        await page.click(".subscribe button")
        row = page.locator(".subscriptions li", has_text="night shift")
        await expect(row).to_contain_text("pixel*")
        await row.locator('[data-action="test"]').click()
        await expect(row.locator("small")).to_have_text("arrived")
        assert len(taking.requests) == 1
        await screenshot(page, "alarms-subscriptions")
        await _change_what_the_form_has_not_all_of(page, url)
        running.cancel()
        await sender.close()
    await page.close()
