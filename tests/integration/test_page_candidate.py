"""A candidate beside production on production's page: the same plots twice, and what differs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from dqmstream.clock import SystemClock
from dqmstream.deployments.step import Step
from playback.bench.program import Program, finished, running
from services.deploying.records import take_step
from services.log import open_log
from tests.ink import ink
from tests.integration.conftest import RunningSystem, Visit, _visit, screenshot, until
from tests.integration.test_kafka import loaded
from tests.upgraded_pixels import CHANGED, NEW

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

CHARGE: Final = "Pixel/Layer1/charge"
CRYSTALS: Final = "EcalBarrel/Occupancy/crystals"
SOURCE: Final = ["--lumisections", "3", "--rate", "400", "--seconds", "10", "--speed", "0"]
FAULT: Final = ["--fault", "hot:ecal:ieta10/iphi200*50@3"]
"""A crystal is hot in the last LS, in production as in the candidate."""
BESIDE: Final = "Set of bookings or candidate that is shown beside"
_NOT_THERE: Final = r" 50[234] \("
_CURVE: Final = [98, 183, 240]
_OVER: Final = [245, 154, 196]

_WORDS: Final = """async () => {
  const { apart, otherLumisections } = await import("/layouts/apart.js");
  const axis = { type: "regular", bins: 1, lower: 0, upper: 1 };
  const element = { kind: "histogram", storage: "count", shape: [3], axes: [axis] };
  const window = { word: "run", closed: true, first: 1, last: 3, lumisections: 3 };
  const totals = { entries: 6, nan: 0, outside: 0, value: null, invalid: "" };
  const plot = (change = {}) => ({
    header: {
      element: { ...element, ...change.element }, window: { ...window, ...change.window },
      totals: change.totals === null ? null : { ...totals, ...change.totals },
    },
    arrays: { values: Float64Array.from(change.values ?? [1, NaN, 3]) },
  });
  const said = [
    {}, { values: [1, NaN, 4] }, { values: [0, 2, 4] },
    { element: { axes: [{ ...axis, upper: 2 }] } },
    { element: { kind: "profile" } }, { window: { last: 2, lumisections: 2 } },
    { window: { closed: false }, values: [0, 0, 0] }, { totals: { nan: 1 } }, { totals: null },
  ].map((change) => apart(plot(), plot(change)));
  const newest = { window: { word: "last-10", last: 4, lumisections: 4 } };
  const lags = [plot(newest), plot()];
  const covers = [otherLumisections(...lags), otherLumisections(plot(), plot())];
  return [...said, apart(...lags), ...covers];
}"""


_JUDGED: Final = """async () => {
  const { Judged, meetingAt } = await import("/layouts/judged.js");
  const judged = new Judged();
  const usual = { closed: true, workspace: "pixel", scope: "lumisection" };
  const of = (lumisection, outcomes, more = {}) => Object.entries(outcomes).map(
    ([path, outcome]) => ({ ...usual, lumisection, path, outcome, ...more }),
  );
  const put = (source, reports, truncated = false) => judged.put(source, { reports, truncated });
  const said = (path = "a") => {
    const found = judged.both("", "beside", path);
    return found && [found.lumisection, ...found.outcomes];
  };
  const told = [];
  put("", of(5, { a: "BAD" }));
  put("beside", of(4, { a: "GOOD" }));
  told.push(said());
  put("", of(4, { a: "GOOD" }));
  told.push(said());
  put("beside", of(5, { a: "GOOD" }, { closed: false }));
  told.push(said());
  put("beside", of(5, { x: "GOOD" }, { workspace: "ecal" }));
  told.push(said());
  put("beside", of(5, { a: "GOOD" }, { scope: "run" }));
  told.push(said());
  put("beside", of(5, { a: "BAD", b: "GOOD" }));
  put("", of(6, { a: "GOOD", b: "GOOD" }));
  told.push(said(), said("b"), said("c"));
  put("beside", of(6, { a: "WARNING" }), true);
  told.push(said("b"), said());
  const outcomes = { pixel: 1 };
  const row = (lumisection, more) => ({ lumisection, closed: true, outcomes, ...more });
  const rows = [row(3), row(4), row(5, { outcomes: {} }), row(6, { closed: false })];
  const a = { a: "GOOD" };
  const theirs = [of(9, a), of(4, a, { closed: false }), of(4, a), []];
  return [told, theirs.map((reports) => meetingAt(reports, rows))];
}"""
"""What two sources are said to have judged, report after report, and where they meet."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Production, the candidate, and what the candidate is started with."""

    production: Program
    candidate: Program
    settings: dict[str, str]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Production, and a candidate that filled the same events with a pixel workspace in which one
    element forgets a module and one is new; a system of its own, as on the same brokers."""
    folder = tmp_path_factory.mktemp("candidate")
    production = {"data": str(folder / "production"), "port": "0", "workspaces": "pixel,ecal"}
    upgrade = {"workspaces": "tests.upgraded_pixels:workspace,ecal"}
    candidate = {**production, **upgrade, "data": str(folder / "candidate")}
    demo = ["demo", *SOURCE, *FAULT, "--exit", "--json"]
    for settings in (production, candidate):
        finished(demo, settings, timeout=600)
    finished(
        ["deploy", "plan", "v2", "--why", "a new plot", "--json"],
        {**production, **upgrade},
        timeout=600,
    )
    with running(["run"], candidate) as ours:
        asyncio.run(_runs_beside(production, ours.address))
        with running(["run"], production) as program:
            yield Beside(program, ours, candidate)


async def _runs_beside(settings: dict[str, str], url: str) -> None:
    """As `deploy candidate` writes it down, which needs brokers."""
    clock = SystemClock()
    async with open_log(loaded(settings), clock) as log:
        await take_step(
            log,
            lambda now: Step(
                deployment="v2", action="run", before=now.hash, after=now.hash, url=url
            ),
            who="expert",
            why="",
            clock=clock,
        )


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, beside: Beside) -> AsyncIterator[Visit]:
    address, process = beside.production.address, beside.production.process
    async with _visit(browser, RunningSystem(address, process)) as visit:  # type: ignore[arg-type]
        yield visit


@asynccontextmanager
async def another(settings: dict[str, str]) -> AsyncIterator[None]:
    """The candidate once more; started and ended beside the event loop."""
    program = running(["run"], settings)
    await asyncio.to_thread(program.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(program.__exit__, None, None, None)


def cell(page: Page, words: str) -> Locator:
    return page.locator(".cell", has_text=words)


async def test_a_candidate_is_chosen_and_stands_beside_production_with_what_differs_named(
    visit: Visit,
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#layout=:{CHANGED},{CHARGE},{NEW}&run=1&window=run")
    await page.get_by_label(BESIDE).select_option("candidate:v2")
    await expect(page).to_have_url(re.compile(r"with=candidate%3Av2"))
    changed, same = (
        cell(page, "Layer 1: clusters by module"),
        cell(page, "Layer 1: cluster charge"),
    )
    await expect(changed.locator(".differs")).to_have_text(
        re.compile("▲ outcomes differ, 1 bin differs")
    )
    await expect(changed.locator("figcaption").first).to_contain_text("in production")
    await expect(changed.locator("figcaption").last).to_contain_text("in candidate v2")
    await expect(same).to_have_attribute("data-beside", "")
    await expect(same.locator(".differs")).to_be_hidden()
    await expect(page.locator(".layout-main .layout-note")).to_contain_text(
        "Left production, right candidate v2, on the same axes. Outcomes differ in 1 of 2 plots."
    )
    only = cell(page, NEW)
    await only.scroll_into_view_if_needed()
    await expect(only.locator(".differs")).to_have_text("▲ only in candidate v2")
    await same.scroll_into_view_if_needed()
    await until(lambda: _both_drawn(page), "both are drawn")
    await changed.scroll_into_view_if_needed()
    await screenshot(page, "candidate-side-by-side")
    await page.reload()
    await expect(page.get_by_label(BESIDE)).to_have_value("candidate:v2")
    await expect(changed.locator(".differs")).to_contain_text("1 bin differs")


async def _both_drawn(page: Page) -> bool:
    canvases = [f".cell:nth-child(2) .cell-plots figure:nth-of-type({n}) canvas" for n in (1, 2)]
    return all([await ink(page, each, _CURVE) > 100 for each in canvases])


async def test_the_system_view_counts_what_differs_and_leads_to_it_side_by_side(
    visit: Visit,
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#view=system&run=1")
    row = page.locator("tr", has_text="runs beside")
    await expect(row).to_contain_text(
        re.compile(r"run 1, LS 1–3: 1 different, 1 only in the candidate, \d+ same")
    )
    worst = page.locator(".compared")
    await expect(worst).to_contain_text("What differs in candidate v2")
    await expect(worst.locator("li").first).to_have_text(f"{CHANGED} different in 1 cell")
    await worst.scroll_into_view_if_needed()
    await screenshot(page, "candidate-in-system-view")
    await worst.get_by_role("link", name=CHANGED).click()
    await expect(page).to_have_url(re.compile(f"layout=:?.*{quote(CHANGED)}"))
    await expect(page.locator(".cell .differs")).to_contain_text("1 bin differs")


async def test_a_candidate_lies_over_the_large_plot_unscaled_as_its_address_says(
    visit: Visit,
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#path={CHANGED}&run=1&window=run")
    await page.get_by_role("button", name="candidate v2").click()
    await expect(page).to_have_url(re.compile("over=candidate%3Av2"))
    legend = page.locator(".legend")
    await expect(legend).to_contain_text("candidate v2, LS 1–3")
    await until(lambda: _has_ink(page, _OVER), "it is drawn over the plot")
    await expect(page.get_by_role("button", name="candidate v2 ×")).to_be_visible()
    await screenshot(page, "candidate-over-large-plot")
    await page.reload()
    await expect(legend).to_contain_text("candidate v2, LS 1–3")
    await page.get_by_role("button", name="candidate v2 ×").click()
    await expect(page).not_to_have_url(re.compile("over="))


async def _has_ink(page: Page, colour: list[int]) -> bool:
    return await ink(page, "canvas.large", colour) > 20


async def test_in_what_contents_differ_is_said_as_the_command_says_it(visit: Visit) -> None:
    await visit.page.goto(f"{visit.url}/#layout=:{CHARGE}&run=1")
    assert await visit.page.evaluate(_WORDS) == [
        "",
        "1 bin differs",
        "3 bins differ",
        "re-binned",
        "of another kind",
        "of other LSs",
        "",
        "different",
        "",
        "",
        "LS 1–3",
        "",
    ]


async def test_a_verdict_is_compared_with_that_of_the_same_ls_and_stays_until_both_have_the_next(
    visit: Visit,
) -> None:
    """On the page's own module: what is open, judged by one of them, or cut off is not compared."""
    await visit.page.goto(f"{visit.url}/#layout=:{CHARGE}&run=1")
    assert await visit.page.evaluate(_JUDGED) == [
        [
            None,
            [4, "GOOD", "GOOD"],
            [4, "GOOD", "GOOD"],
            [4, "GOOD", "GOOD"],
            [4, "GOOD", "GOOD"],
            [5, "BAD", "BAD"],
            [5, None, "GOOD"],
            None,
            None,
            [6, "GOOD", "WARNING"],
        ],
        [4, 3, 4, 0],
    ]


async def test_a_candidate_that_is_behind_is_compared_where_it_is(visit: Visit) -> None:
    """Asked for its newest verdicts it answers those of LS 2, as one does that is an LS behind:
    of LS 3, in which a crystal is hot, nothing is said to differ."""
    page = visit.page

    async def behind(route: Route) -> None:
        url = route.request.url
        await route.continue_(url=url if "lumisections=" in url else f"{url}&lumisections=2")

    await page.route("**/deployments/v2/runs/*/reports?*", behind)
    await page.goto(f"{visit.url}/#layout=:{CHANGED},{CRYSTALS}&run=1&window=run&with=candidate:v2")
    changed, hot = cell(page, "Layer 1: clusters by module"), page.locator(".cell").last
    await expect(changed.locator(".differs")).to_contain_text("outcomes differ")
    await expect(changed.locator(".differs")).to_have_attribute(
        "title", "LS 2: GOOD here, BAD beside"
    )
    await hot.scroll_into_view_if_needed()
    await expect(hot).to_have_attribute("data-beside", "")
    await expect(hot.locator(".badge").first).to_have_attribute("data-outcome", "BAD")
    await expect(hot.locator("figcaption .badge")).to_have_attribute("data-outcome", "GOOD")
    await expect(hot.locator(".differs")).to_be_hidden()
    await expect(page.locator(".layout-main .layout-note")).to_contain_text(
        "Outcomes differ in 1 of 2 plots."
    )


async def test_what_a_candidate_books_is_asked_once_however_often_it_is_wanted_meanwhile(
    visit: Visit,
) -> None:
    page = visit.page
    asked: list[str] = []

    async def late(route: Route) -> None:
        asked.append(route.request.url)
        await asyncio.sleep(2)
        await route.continue_()

    await page.route("**/deployments/v2/runs/*/elements?*", late)
    await page.goto(f"{visit.url}/#layout=:{CHARGE},{CHANGED}&run=1&window=run&with=candidate:v2")
    await page.wait_for_selector(".cell[data-drawn]")
    for window in ("1-1", "2-2", "run"):
        address = re.sub("window=[^&]*", f"window={window}", page.url)
        await page.evaluate("(address) => { location.href = address }", address)
        await asyncio.sleep(0.3)
    await expect(page.locator(".cell").first).to_have_attribute("data-beside", "")
    assert len(asked) == 1


async def test_a_candidate_that_goes_away_costs_words_and_comes_back(
    visit: Visit, beside: Beside
) -> None:
    """Production's plots, and all else of the page, go on. Last, as it ends the candidate."""
    page = visit.page
    visit.expects_failed_requests = True
    await page.goto(f"{visit.url}/#layout=:{CHARGE}&run=1&window=run&with=candidate:v2")
    plot, note = page.locator(".cell"), page.locator(".layout-main .layout-note")
    await expect(plot).to_have_attribute("data-beside", "")
    beside.candidate.process.terminate()
    await asyncio.to_thread(beside.candidate.process.wait)
    away = time.monotonic()
    await page.reload()
    await expect(note).to_contain_text("nothing new: candidate v2 does not answer")
    await expect(plot).to_have_attribute("data-drawn", "")
    await expect(plot.locator(".differs")).to_be_hidden()
    await screenshot(page, "candidate-away")
    async with httpx.AsyncClient(base_url=f"{visit.url}/api/v1", timeout=60) as client:
        answer = await client.get("/deployments/v2/compare", params={"run": 1, "lumisections": "1"})
    assert (answer.status_code, "v2 does not answer" in answer.text) == (502, True)
    again = {**beside.settings, "port": beside.candidate.address.rpartition(":")[2]}
    async with another(again):
        await expect(note).to_contain_text("right candidate v2, on the same axes")
        await expect(plot).to_have_attribute("data-beside", "")
        await page.goto("about:blank")
    # The browser says, too, what was answered: not often, and nothing else is complained of. One
    # that is on its way back may not answer in time, or say that it does not know all of it yet.
    assert len(visit.complaints) < 15 + (time.monotonic() - away) / 4
    visit.complaints[:] = [one for one in visit.complaints if not re.search(_NOT_THERE, one)]
