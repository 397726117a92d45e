"""The page of a gateway whose log a test writes: what calls somebody, and the system view."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState
from dqmstream.messages.operations import Dead, Heartbeat, LogLine, OpenLumisection
from dqmstream.messages.topics import ALARM_STATE, EVENTS, HEARTBEATS, dead_topic
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import gateway
from tests.integration.conftest import PATIENCE, _running_system, _visit, screenshot, until

# One loop for all: the browser lives in it, and is started once.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

SECOND: Final = 10**9

_SPY: Final = """
window.rung = 0;
window.told = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) {
  window.rung += 1;
  return start.apply(this, given);
};
const Real = window.Notification;
window.Notification = class extends Real {
  constructor(title, options) {
    super(title, options);
    window.told.push(`${title} | ${options?.body ?? ""}`);
  }
};
"""
"""Real tones and notifications, counted as they begin."""


async def _raise(log: Log, *numbers: int, why: str = "") -> None:
    """Raise alarms of elements by their numbers, all at once."""
    told = AlarmCheckpoint(group="a", log="", step=1, positions={}, told=0, when=1)
    sent = [outgoing(ALARM_STATE, 0, told, b"checkpoint/a")]
    for number in numbers:
        state = AlarmState(
            alarm=f"quality:Pixel/e{number}:full",
            state="raised",
            life="raised",
            since=SystemClock().wall(),
            raised=number,
            run=1,
            lumisection=3,
            workspace="pixel",
            path=f"Pixel/e{number}",
            qtname="full",
            level="BAD",
            now="BAD",
            why=why,
            action="Look at the plot.",
        )
        sent.append(outgoing(ALARM_STATE, 0, state, state.alarm.encode()))
    await log.send(sent)


@asynccontextmanager
async def _spied(browser: Browser, log: Log) -> AsyncIterator[tuple[Page, str]]:
    """A page that may notify, at alarms, on a log in which one stands already."""
    await make_topics(log, 1)
    await _raise(log, 1)
    async with gateway(log, GatewaySettings(update_interval=0.1)) as url:
        context = await browser.new_context(viewport={"width": 1200, "height": 800})
        await context.grant_permissions(["notifications"], origin=url)
        await context.add_init_script(_SPY)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(f"{url}/#view=alarms")
        await page.locator(".alarm").first.wait_for()
        yield page, url
        await context.close()


async def _rung(page: Page) -> int:
    return int(await page.evaluate("window.rung"))


async def _becomes(page: Page, what: str) -> None:
    """Wait until something holds in the page: its policy keeps Playwright from waiting there."""

    async def is_so() -> bool:
        return bool(await page.evaluate(what))

    await until(is_so, what)


async def test_an_alarm_that_is_raised_rings_until_it_is_silenced_also_over_a_reload(
    browser: Browser,
) -> None:
    log = MemoryLog(SystemClock())
    async with _spied(browser, log) as (page, _):
        await page.click("#alarm-sound")
        assert await _rung(page) == 0  # what stood before makes no noise
        await _raise(log, 2)
        await _becomes(page, "window.rung > 0")
        await page.click("#alarm-silence")
        silence = page.locator("#alarm-silence")
        await expect(silence).to_contain_text("Silent until")
        before = await _rung(page)
        await _raise(log, 3)
        await expect(page.locator("#bell b")).to_have_text("3")
        assert await _rung(page) == before
        words = await silence.inner_text()
        await page.reload()
        await expect(silence).to_have_text(words)  # nobody is left to think that it would ring
        await expect(page.locator("#bell")).to_have_attribute("data-muted", "")
        await page.click("h1")
        await _raise(log, 4)
        await expect(page.locator("#bell b")).to_have_text("4")
        assert await _rung(page) == 0
        await silence.click()
        await expect(silence).to_have_text("Silence 10 min")
        await _raise(log, 5)
        await _becomes(page, "window.rung > 0")


async def test_an_alarm_that_is_raised_is_told_by_the_browser_as_soon_as_that_is_on(
    browser: Browser,
) -> None:
    log = MemoryLog(SystemClock())
    async with _spied(browser, log) as (page, _):
        await _raise(log, 2)
        await expect(page.locator("#bell b")).to_have_text("2")
        assert await page.evaluate("window.told") == []
        await page.click("#alarm-notices")
        await expect(page.locator("#alarm-notices")).to_have_text("Notifications on")
        await _raise(log, 3, why="all channels full")
        await _becomes(page, "window.told.length > 0")
        (told,) = await page.evaluate("window.told")
        assert told.startswith("BAD: full | Pixel/e3")
        assert "all channels full" in told
        assert "Look at the plot." in told
        await _raise(log, *range(4, 10))
        await expect(page.locator("#bell b")).to_have_text("9")
        await _becomes(page, "window.told.length > 4")
        # A flood does not bury whoever looks elsewhere: three, and how many more.
        assert (await page.evaluate("window.told"))[4:] == ["3 more alarms | "]


def _beat(**more: Any) -> Heartbeat:
    now = SystemClock().wall()
    return Heartbeat(process="host/7", state="ready", when=now, memory=300_000_000, **more)


async def test_the_system_view_shows_what_is_open_missing_and_dead_with_the_last_warnings(
    browser: Browser,
) -> None:
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    await log.ensure_topics([TopicSpec(name=dead_topic(EVENTS), partitions=1)])
    now = SystemClock().wall()
    filler = _beat(
        service="filler-0",
        positions={f"{EVENTS}/0": 0},
        open=(
            OpenLumisection(
                run=7, lumisection=12, segment=0, partition=0, since=now - 90 * SECOND,
                awaiting=("camera-2",),
            ),
        ),
        missing=("camera-2",),
        waits_for=("a new file",),
        lines=(
            LogLine(when=now - 5 * SECOND, level="warning", text="source is late source=camera-2"),
            LogLine(when=now - SECOND, level="error", text="LS closed without it"),
        ),
        counts={"events": 4_200},
    )  # fmt: skip
    letter = Dead(topic=EVENTS, partition=0, offset=41, reason="unreadable", detail="no columns")
    await log.send(
        [
            outgoing(HEARTBEATS, 0, filler, b"host/7/filler-0"),
            outgoing(dead_topic(EVENTS), 0, letter, b"k"),
        ]
    )
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    async with gateway(log, GatewaySettings()) as url:
        await page.goto(f"{url}/#view=system")
        more = page.locator('.process[data-key$="/filler-0"] details')
        summary = more.locator("summary")
        await expect(summary).to_contain_text("Last 2 warnings of its log, the newest at")
        await summary.click()
        lines = more.locator("li")
        await expect(lines).to_have_count(2)
        await expect(lines.last).to_contain_text("LS closed without it")
        await expect(lines.last.locator("b")).to_have_text("error")
        await expect(more).to_contain_text("Waits for a new file")
        opened = page.locator('section:has(> h2:text("Open lumisections")) tbody tr')
        await expect(opened).to_contain_text("LS 12")
        await expect(opened).to_contain_text("camera-2 (missing)")
        missing = page.locator('section:has(> h2:text("Missing producers")) [data-bad]')
        await expect(missing).to_have_text("camera-2")
        dead = page.locator('section:has(> h2:text("Dead letters")) tbody tr')
        await expect(dead).to_contain_text("unreadable: no columns")
        await expect(dead).to_contain_text("partition 0, offset 41")
        await expect(page.locator(".problems li", has_text="camera-2").first).to_be_visible()
        held = page.locator('h2:text("Contents the gateway keeps")')
        await expect(held).to_contain_text("of its cache")
        await screenshot(page, "system-troubled")
    await page.close()


_TREND_WORKSPACE: Final = """
workspace = "mine"

[[elements]]
kind = "histogram"
path = "Mine/charge"
title = "Charge in layer 1"
description = "Its mean does not move."
axes = [{ type = "regular", bins = 100, lower = 0, upper = 200, label = "charge", unit = "ke" }]
fill = "pixel.charge"
select = "pixel.layer == 1"
draw = { per_lumisection = true }
"""


async def _answer(page: Page, url: str) -> Any:
    return await (await page.request.get(url)).json()


async def _is_mean_rate(rate: Any, visit: Any) -> bool:
    """Whether the page says the run's events over its time, to 1 %."""
    said = float((await rate.inner_text()).split(" ev/s")[0].replace("\u202f", ""))
    run = (await _answer(visit.page, f"{visit.url}/api/v1/runs/1"))["run"]
    rows = (await _answer(visit.page, f"{visit.url}/api/v1/runs/1/lumisections"))["lumisections"]
    lasted = (run["newest"] - rows[0]["began"]) / SECOND
    return said == pytest.approx(run["events"] / lasted, rel=0.01)


async def test_after_the_run_its_mean_rate_stands_and_a_trend_says_which_lss_it_shows(
    browser: Browser, tmp_path: Path
) -> None:
    declared = tmp_path / "mine.toml"
    await asyncio.to_thread(declared.write_text, _TREND_WORKSPACE)
    flags = (
        "--lumisections",
        "8",
        "--seconds",
        "1",
        "--no-faults",
        "--workspaces",
        f"pixel,{declared}",
    )
    with _running_system(tmp_path, *flags) as system:
        async with _visit(browser, system) as visit:
            page = visit.page
            await page.goto(f"{visit.url}/#window=last-3")
            await expect(page.locator("#link")).to_contain_text("run ended", timeout=240_000)
            rate = page.locator("#now > div", has_text="Rate").locator("dd")
            await expect(rate).to_have_text(re.compile(r"^\d.* ev/s, mean of the run$"))
            # The run's last sets may come after its end.
            await until(partial(_is_mean_rate, rate, visit), "the mean rate is that of the run")
            await page.goto(f"{visit.url}/#workspace=mine&window=last-3")
            foot = page.locator('.card[data-path="Mine/charge"] footer span')
            await expect(foot.first).to_have_text(re.compile("^run 1 · LS 1–8 · simulated$"))
            await expect(foot.last).to_have_text("")
            await screenshot(page, "trend-card")
            # Filters, where one plot is not judged, nothing is bad, and nothing stale until all is.
            cards = page.locator(".card")
            for path, only, found in (
                ("Mine/charge", "unjudged", 1),
                ("Mine/charge", "problems", 0),
                ("Mine/charge", "stale", 0),
                ("Pixel/Layer1/occupancy", "unjudged", 0),
                ("Pixel/Layer1/occupancy", "problems", 0),
                ("Pixel/Layer1/occupancy", "", 1),
            ):
                await page.goto(f"{visit.url}/#match={path}&only={only}")
                await expect(page.locator("#title h1")).to_have_text(f"Search: {path}")
                await expect(page.locator("#title p")).to_have_text(re.compile(r"^\d+ found$"))
                await expect(page.locator(f'.card[data-path="{path}"]')).to_have_count(found)
            visit.expects_failed_requests = True
            await asyncio.to_thread(system.process.kill)
            await page.goto(f"{visit.url}/#workspace=mine&only=stale")
            await expect(cards).to_have_attribute("data-path", "Mine/charge")
