"""Layouts on the page: imported, changed, shared, restored; two versions of a workspace side by
side."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from playback.bench.program import finished, running
from services.gateway.access_file import changed_tokens
from services.gateway.access_tokens import Role
from tests.ingesting import SECRETS, access, bearer
from tests.ink import ink
from tests.integration.conftest import RunningSystem, Visit, _visit, fits, screenshot, until
from tests.integration.test_kafka import wait_for
from tests.integration.test_page_plots import _WHITE
from tests.upgraded_pixels import CHANGED, NEW

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

CHARGE: Final = "Pixel/Layer1/charge"
SIZE: Final = "Pixel/Layer1/size"
MAP: Final = "Pixel/Layer1/occupancy_map"
TITLES: Final = {
    CHARGE: "Layer 1: cluster charge",
    SIZE: "Layer 1: cluster size",
    MAP: "Layer 1: clusters by place of the module",
}
ABSENT: Final = "Pixel/Phase9/charge"
UPGRADE: Final = "tests.upgraded_pixels:workspace,ecal"
RUN: Final = "/api/v1/runs/1"


_VALUES: Final = """async () => {
  const { plain, moveCell, changeCell, removeTab } = await import("/layouts/value.js");
  const { differences } = await import("/layouts/difference.js");
  const ask = async (path) => (await fetch(`api/v1/${path}`)).json();
  const sorted = (layout) => JSON.stringify(Object.entries({ ...layout, tabs: 0 }).sort());
  const shipped = (await ask("layouts")).layouts.filter((row) => row.shipped);
  const wrong = [];
  for (const { name } of shipped) {
    const { layout } = await ask(`layouts/${name}`);
    if (sorted(plain(layout)) !== sorted(layout)) wrong.push(name);
    if (differences(layout, plain(layout)).length) wrong.push(name);
  }
  const { layout } = await ask("layouts/Workspaces/pixel");
  const wide = changeCell(layout, 0, 0, { span: 2 });
  const rows = differences(layout, removeTab(moveCell(wide, 0, 0, 1), 2));
  return { many: shipped.length, wrong, marks: rows.map(({ mark }) => mark) };
}"""
"""What `plain` and `differences` say of shipped layouts, and of one with three changes."""


_LOOKS: Final = """async (styles) => {
  const names = ["display", "padding", "margin", "color", "backgroundColor", "border", "fontSize"];
  let elements = [];
  const look = () => elements.map((element) => {
    const style = getComputedStyle(element);
    const before = getComputedStyle(element, "::before").content;
    return [...names.map((name) => `${name}: ${style[name]}`), `::before: ${before}`];
  });
  const links = await Promise.all(styles.map((href) => new Promise((done) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href, media: "not all" });
    link.onload = () => done(link);
    document.head.append(link);
  })));
  elements = [...document.body.querySelectorAll("*")];
  const alone = look();
  for (const link of links) link.media = "all";
  const other = look();
  return elements.flatMap((element, i) => {
    const changed = other[i].filter((words, at) => words !== alone[i][at]);
    const name = `${element.tagName}.${element.className} ${element.textContent.slice(0, 30)}`;
    return changed.length ? [`${name}: ${changed.join(", ")}`] : [];
  });
}"""
"""Elements that look otherwise with the styles of other views than without them."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A run that is over, filled by the pixel workspace that is shown and by its next version
    beside it, with a token of every role."""
    folder = tmp_path_factory.mktemp("layouts")
    settings = {"data": str(folder), "port": "0", "workspaces": "pixel,ecal"}
    changed_tokens(folder / "tokens.json", lambda _: access().tokens)
    source = ["--lumisections", "3", "--rate", "400", "--seconds", "10", "--speed", "0"]
    finished(["demo", *source, "--no-faults", "--exit", "--json"], settings, timeout=600)
    with running(["run"], {**settings, "workspaces": UPGRADE}) as program:
        wait_for("both versions have filled the run", lambda: len(sets(program.address)) == 2)
        yield RunningSystem(program.address, program.process)  # type: ignore[arg-type]


def sets(url: str) -> dict[str, bool]:
    """The sets that have all LSs of the pixel workspace in the run, and whether it is shown."""
    rows = httpx.get(f"{url}{RUN}/sets", timeout=60).json().get("sets", [])
    return {
        row["set"]: part["shown"]
        for row in rows
        for part in row["workspaces"]
        if part["workspace"] == "pixel" and part["lumisections"] == 3
    }


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, system: RunningSystem) -> AsyncIterator[Visit]:
    async with _visit(browser, system) as visit:
        yield visit


@asynccontextmanager
async def another(browser: Browser, system: RunningSystem) -> AsyncIterator[Visit]:
    """Somebody else's browser."""
    context = await browser.new_context()
    async with _visit(browser, system) as visit:
        yield visit
    await context.close()


async def put(url: str, layout: dict[str, Any], based_on: int | None, why: str = "a test") -> int:
    """Write a layout as another expert does, without the page; the number of the version."""
    body = {"layout": layout, "why": why, "based_on": based_on}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client:
        answer = await client.put(
            f"/layouts/{layout['name']}", json=body, headers=bearer(Role.EXPERT)
        )
    assert answer.is_success, answer.text
    return int(answer.json()["version"])


def layout(name: str, *paths: str, **more: Any) -> dict[str, Any]:
    cells = [{"paths": [path]} for path in paths]
    return {"name": name, "tabs": [{"name": "Plots", "columns": 3, "cells": cells}], **more}


async def log_in(page: Page, role: Role) -> None:
    await page.click("#who")
    await page.fill("#login-token", SECRETS[role])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text(f"{role} · {role}")


async def show(page: Page, url: str, name: str, more: str = "") -> None:
    await page.goto(f"{url}/#layout={name}&run=1&window=run{more}")
    await page.wait_for_selector(".cells .cell")


def cells(page: Page) -> Locator:
    return page.locator(".cells .cell .cell-title")


def panel(page: Page) -> Locator:
    return page.locator(".layout-panel")


async def exported(page: Page) -> Any:
    """The file that a press on Export gives."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    file = await (await download.value).path()
    return json.loads(await asyncio.to_thread(file.read_text))


async def save(page: Page, why: str) -> None:
    await panel(page).get_by_role("button", name="Save …").click()
    await page.fill("#layout-why", why)
    await page.locator("#layout-ask").get_by_role("button", name="Save", exact=True).click()


async def test_shipped_layouts_are_listed_by_their_groups_and_a_plot_leads_to_the_large_one(
    visit: Any,
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#view=layouts&run=1")
    await page.wait_for_selector(".layout-groups li")
    for heading in ("Shift", "Summary", "Workspaces"):
        await expect(page.locator(f'.layout-groups h2:text-is("{heading}")')).to_be_visible()
    await screenshot(page, "layouts")
    # Nobody is logged in: there is nothing to change anything with.
    await expect(page.get_by_role("button", name="New layout")).to_be_hidden()
    await page.get_by_role("link", name="Workspaces/pixel").click()
    await expect(page.get_by_role("tab", selected=True)).to_have_text("overview")
    await page.get_by_role("tab", name="Layer1").click()
    await expect(page).to_have_url(re.compile("tab=Layer1"))
    card = page.locator(".cell", has_text="Layer 1: cluster charge").last
    await expect(card).to_have_attribute("data-drawn", "")
    await expect(card.locator("footer")).to_contain_text("run 1")
    await card.hover()
    await expect(card.locator(".cell-description")).to_be_visible()
    await screenshot(page, "layout")
    await expect(page.get_by_role("button", name="Edit")).to_be_hidden()
    await card.locator(".cell-title").click()
    await expect(page.locator("#detail h2")).to_have_text("Layer 1: cluster charge")
    # The large plot belongs to the layout: arrows go along it, and back is back there.
    await expect(page.locator("#detail .step[href]")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("tab", selected=True)).to_have_text("Layer1")


@pytest.mark.realdata
async def test_a_layout_file_of_cms_is_imported_and_what_is_not_here_says_so(
    visit: Any, real_data: Path
) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#view=layouts&run=1")
    await log_in(page, Role.EXPERT)
    await page.get_by_role("button", name="Import …").click()
    await page.set_input_files("#layout-file", real_data / "qtests-layouts/shift_pixel_layout.json")
    dialog = page.locator("#layout-ask")
    counts = dialog.get_by_text(re.compile(r"Mapped: \d+ of 17 paths; not mapped: \d+\."))
    await expect(counts).to_be_visible()
    await expect(dialog.locator(".unmapped tbody tr").first).to_be_visible()
    await screenshot(page, "layout-import")
    async with httpx.AsyncClient(base_url=f"{visit.url}/api/v1", timeout=60) as client:
        assert (await client.get("/layouts/Shift/Pixel")).status_code == 404
    await page.fill("#layout-why", "as the shifters of Run 2 had it")
    await dialog.get_by_role("button", name="Write 1 layout").click()
    await expect(page.locator(".layout-head .name h1")).to_have_text("Shift/Pixel")
    absent = page.locator(".cell:not([data-there])")
    await expect(absent.first.locator("code")).to_contain_text("/")
    await expect(absent.first).to_contain_text("Run 1 books no element of this path.")
    there = page.locator(".cell[data-there]").first
    await expect(there).to_have_attribute("data-drawn", "")
    await screenshot(page, "layout-imported")


async def test_an_expert_builds_a_layout_and_moves_plots_by_keys_and_by_pointer(visit: Any) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/#view=layouts&run=1&window=run")
    await log_in(page, Role.EXPERT)
    await page.get_by_role("button", name="New layout").click()
    await page.locator("#layout-ask input").fill("Experts/Moved")
    await page.keyboard.press("Enter")
    find = page.get_by_label("Find elements to add")
    for path in (CHARGE, SIZE, MAP):
        await find.fill(path)
        await panel(page).get_by_role("button", name=f"Add {path}", exact=True).click()
    await expect(cells(page)).to_have_text([TITLES[CHARGE], TITLES[SIZE], TITLES[MAP]])
    await page.locator(".cell").nth(1).focus()
    await page.keyboard.press("Shift+ArrowLeft")
    await expect(cells(page).first).to_have_text(TITLES[SIZE])
    await expect(panel(page).get_by_role("status").first).to_contain_text("is plot 1 of 3 now")
    await expect(page.locator(".cell").first).to_be_focused()
    await page.keyboard.press("+")
    await expect(page.locator(".cell").first).to_have_css("grid-column-start", "span 2")
    await page.locator(".cell").nth(2).drag_to(page.locator(".cell").first)
    await expect(cells(page).first).to_have_text(TITLES[MAP])
    await panel(page).get_by_role("button", name="Undo").click()
    await expect(cells(page).first).to_have_text(TITLES[SIZE])
    await save(page, "")
    await expect(page.locator("#layout-ask .login-problem")).to_contain_text("Say why")
    await page.fill("#layout-why", "tried out")
    await page.locator("#layout-ask").get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved as version 1 of Experts/Moved.")).to_be_visible()
    moved = (await exported(page))["tabs"][0]["cells"]
    assert moved == [{"paths": [SIZE], "span": 2}, {"paths": [CHARGE]}, {"paths": [MAP]}]


async def test_what_an_expert_changes_is_what_a_viewer_sees_by_the_address(
    browser: Browser, system: RunningSystem, visit: Any
) -> None:
    page = visit.page
    await put(visit.url, layout("Shift/Mine", SIZE, CHARGE, ABSENT), None)
    await show(page, visit.url, "Shift/Mine")
    await log_in(page, Role.EXPERT)
    await page.get_by_role("button", name="Edit").click()
    form = panel(page)
    await page.locator(".cell").nth(1).focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Charge of layers 1 and 2")
    await form.get_by_label("For the shifter").first.fill("Two peaks alike, at 25 ke.")
    await form.get_by_label("Reference").select_option("none")
    await form.get_by_label("Logarithmic y").select_option("true")
    await page.get_by_label("Find elements to add").fill("Pixel/Layer2/charge")
    await form.get_by_role("button", name="Draw Pixel/Layer2/charge over the chosen plot").click()
    await expect(page.locator(".cell-over li")).to_have_text(["Layer 2: cluster charge"])
    await form.get_by_text("Layout", exact=True).click()
    await form.get_by_label("For the shifter").last.fill("First here: https://example.org/shift")
    await screenshot(page, "layout-editing")
    await save(page, "for the night shift")
    await expect(page.get_by_text("Saved as version 2 of Shift/Mine.")).to_be_visible()
    cell = (await exported(page))["tabs"][0]["cells"][1]
    assert (cell["draw"], cell["reference"]) == ({"log_y": True}, {"choice": "none"})
    async with another(browser, system) as viewer:
        other = viewer.page
        await other.goto(page.url)
        link = other.locator(".layout-description a")
        await expect(link).to_have_attribute("href", "https://example.org/shift")
        await expect(cells(other)).to_have_text(
            [TITLES[SIZE], "Charge of layers 1 and 2", "charge"]
        )
        await expect(other.locator(".cell").nth(1)).to_have_attribute("data-drawn", "")
        await expect(other.locator(".cell").nth(2)).to_contain_text(ABSENT)
        await expect(other.get_by_role("button", name="Edit")).to_be_hidden()
        await other.set_viewport_size({"width": 390, "height": 844})
        await fits(other, 390)
        await screenshot(other, "layout-phone")


async def test_what_is_exported_is_what_the_gateway_has_and_differs_from_it_in_nothing(
    visit: Any,
) -> None:
    """Of all shipped layouts; and of a changed one the differences are those that were made."""
    page = visit.page
    await page.goto(f"{visit.url}/#view=layouts&run=1")
    found = await page.evaluate(_VALUES)
    assert found == {"many": 4, "wrong": [], "marks": ["−", "~", "↕"]}


async def test_only_plots_on_screen_are_asked_for_each_with_the_reference_of_its_choice(
    visit: Any,
) -> None:
    page = visit.page
    many = layout("Experts/Many", *[CHARGE] * 60)
    nothing = {"choice": "catalogue", "name": "no such reference"}
    choices = [nothing, {"choice": "run", "run": 1}, {"choice": "none"}]
    for cell, choice in zip(many["tabs"][0]["cells"], choices, strict=False):
        cell["reference"] = choice
    many["tabs"][0]["cells"][1]["draw"] = {"log_y": True, "x_range": [10, 40], "stats": True}
    await put(visit.url, many, None)
    await show(page, visit.url, "Experts/Many")
    first, last = page.locator(".cell").first, page.locator(".cell").last
    await expect(first.locator("footer")).to_contain_text("no such reference")
    await expect(first.locator(".cell-title")).to_have_attribute(
        "href", re.compile("ref=no%20such")
    )
    await page.locator(".cell .cell-title").nth(1).click()
    await expect(page.locator("#detail .legend")).to_contain_text("run 1")
    await expect(page).to_have_url(
        re.compile("ref=run(:|%3A)1&.*zoom=10(:|%3A)40&(box=on&)?.*log=y")
    )
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("ref=|zoom=|log=|box="))
    assert await page.locator(".cell[data-drawn]").count() < 40

    async def painted(number: int) -> bool:
        return await ink(page, f".cell:nth-child({number}) canvas", _WHITE) > 10

    await until(partial(painted, 2), "the run that is its reference lies over the second plot")
    await expect(page.locator(".cell:nth-child(3)")).to_have_attribute("data-drawn", "")
    assert not await painted(3)
    await last.scroll_into_view_if_needed()
    await expect(last).to_have_attribute("data-drawn", "")


async def test_options_of_root_and_ranges_of_cells_mean_what_they_say(visit: Any) -> None:
    """On the page's own modules: letters of an option are no options of their own."""
    page = visit.page
    await page.goto(visit.url)
    styles, parts = await page.evaluate("""async () => {
      const { styleOf } = await import("/layouts/styles.js");
      const { largeParts } = await import("/layouts/large.js");
      const { cellOf } = await import("/layouts/value.js");
      const words = ["TEXT", "SAME", "text45", "e1p", "HISTE", "COLZTEXT", "colz", "hist same",
        "L", "E2", "P", "E1 SAME", "SAMES", "lego2", "points", "", "BAR2", "*H", "PLC"];
      const draw = { log_z: false, log_y: true, y_range: [1, 5], stats: false };
      const map = cellOf({ paths: ["a"], draw, reference: { choice: "none" } });
      const axes = [{}, {}];
      const booked = { axes, draw: { log_z: true, log_y: true } };
      const trend = { axes: [{}], draw: { per_lumisection: true } };
      const ranged = cellOf({ paths: ["a"], draw: { x_range: [3, 9] } });
      return [
        Object.fromEntries(words.map((word) => [word, styleOf(word)])),
        [largeParts(map, booked, ""), largeParts(ranged, trend, ""), largeParts(map, null, "off")],
      ];
    }""")
    nothing = dict.fromkeys(("TEXT", "SAME", "text45", "SAMES", "points", "", "PLC"))
    assert styles == nothing | {
        "e1p": "points",
        "HISTE": "steps",
        "COLZTEXT": "map",
        "colz": "map",
        "hist same": "steps",
        "L": "line",
        "E2": "points",
        "P": "points",
        "E1 SAME": "points",
        "lego2": "map",
        "BAR2": "steps",
        "*H": "points",
    }
    assert parts == [
        {"ref": "off", "box": "off", "log": "z", "zoom": ",1:5"},
        {},
        {"box": "off"},
    ]


async def test_the_way_back_keeps_what_was_chosen_and_leaves_what_a_link_brought(
    visit: Any,
) -> None:
    """On the page's own module: a cell's reference is neither that of the next plot nor of the
    layout; a reference and a window that were chosen in the large view stay."""
    page = visit.page
    await page.goto(visit.url)
    found = await page.evaluate("""async () => {
      const { Origin } = await import("/travel/origin.js");
      const plain = { path: "", ref: "", norm: "", box: "", log: "", cell: "" };
      const from = { ...plain, layout: "A", window: "last-10" };
      const opened = { ...from, path: "a", ref: "off", log: "y" };
      const origin = new Origin();
      origin.follow(opened, from);
      const first = [origin.back(), origin.step({ path: "b", ref: "run:1" })];
      const second = { ...opened, path: "b", ref: "run:1", log: "" };
      origin.follow(second, opened);
      first.push(origin.back(), origin.step());
      const chosen = { ...second, window: "5-5", ref: "golden" };
      origin.follow(chosen, second);
      const then = [origin.back(), origin.step({ path: "c", ref: "off", box: "on" })];
      const direct = new Origin();
      const brought = { ref: "off", norm: "none" };
      direct.follow({ ...opened, norm: "entries" }, opened);
      return [first, then, [direct.back(brought), direct.step({}, brought)], from];
    }""")
    first, then, direct, origin = found
    nothing = {"ref": "", "norm": "", "box": ""}
    assert first == [origin, {**nothing, "path": "b", "ref": "run:1"}, origin, nothing]
    assert then == [
        origin | {"window": "5-5", "ref": "golden"},
        {"path": "c", "ref": "golden", "norm": "", "box": "on"},
    ]
    assert direct == [{"path": "", "ref": ""}, {"ref": "", "norm": "entries", "box": ""}]


async def test_next_and_previous_show_each_plot_as_its_own_cell_of_the_layout_draws_it(
    visit: Any,
) -> None:
    """Two cells have the same element; the address restores which, and all that it draws."""
    page = visit.page
    second = "Pixel/Layer2/charge"
    plots = layout("Experts/Own", CHARGE, SIZE, MAP, CHARGE)
    first, size, _, again = plots["tabs"][0]["cells"]
    first["draw"] = {"log_y": True}
    first["reference"] = {"choice": "none"}
    size.update(title="How wide", description="Two peaks: https://example.org/size")
    size.update(reference={"choice": "run", "run": 1}, draw={"x_range": [1, 6], "stats": False})
    again.update(paths=[CHARGE, second], title="Both layers", draw={"style": "points"})
    await put(visit.url, plots, None)
    await show(page, visit.url, "Experts/Own")
    title, legend = page.locator("#detail h2"), page.locator("#detail .legend")
    words, told = page.locator("#detail .description"), page.locator("#detail .name small")
    log = page.get_by_role("button", name="Log", exact=True)
    await cells(page).first.click()
    await expect(log).to_have_attribute("aria-pressed", "true")
    await expect(told).to_have_text("Plot 1 of 5 of Experts/Own")
    await page.get_by_role("link", name="Next plot").click()
    await expect(title).to_have_text("How wide")
    await expect(words.locator("a")).to_have_attribute("href", "https://example.org/size")
    await expect(legend).to_contain_text("run 1")
    await expect(page).to_have_url(re.compile("ref=run(:|%3A)1&.*zoom=1(:|%3A)6&.*box=off"))
    await expect(page).not_to_have_url(re.compile("log="))
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text(TITLES[MAP])
    await expect(page).not_to_have_url(re.compile("ref=|zoom=|box=|log="))
    await page.keyboard.press("ArrowRight")
    await expect(title).to_have_text("Both layers")
    await expect(page).to_have_url(re.compile(f"path={CHARGE}.*cell=4"))
    await expect(legend).to_contain_text("Layer 2: cluster charge")
    await page.reload()
    await expect(title).to_have_text("Both layers")
    await expect(legend).to_contain_text("Layer 2: cluster charge")
    await expect(told).to_have_text("Plot 4 of 5 of Experts/Own")
    for before in (TITLES[MAP], "How wide"):
        await page.keyboard.press("ArrowLeft")
        await expect(title).to_have_text(before)
    await page.reload()
    await expect(title).to_have_text("How wide")
    await page.keyboard.press("ArrowLeft")
    await expect(log).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Escape")
    await expect(page.locator(".layout-head .name h1")).to_have_text("Experts/Own")
    await expect(page).not_to_have_url(re.compile("ref=|cell=|zoom=|log=|box="))


async def test_no_view_changes_how_another_looks(visit: Any) -> None:
    """Styles of a view come with its first opening, and stay."""
    page = visit.page
    styles = [f"{name}/{name}.css" for name in ("alarms", "layouts", "runs", "system")]
    for address, there in (
        (f"path={CHARGE}&run=1&window=3-3&over=1:1-1,1:2-2", ".controls .chip"),
        ("view=runs", ".runs li"),
        ("view=find&run=1", "[role=treeitem]"),
        ("layout=Workspaces/pixel&run=1&window=run", ".cell[data-drawn]"),
    ):
        await page.goto("about:blank")
        await page.goto(f"{visit.url}/#{address}")
        await page.wait_for_selector(there)
        found = await page.evaluate(_LOOKS, styles)
        assert not found, "\n".join(found)


async def test_what_no_answer_came_of_is_asked_for_again_and_nothing_is_said_of_it_until_then(
    visit: Any,
) -> None:
    """Of a run that is over no news asks for reports once more."""
    page = visit.page
    visit.expects_failed_requests = True
    reports = "**/api/v1/runs/1/reports?*"
    await page.route(reports, lambda route: route.abort("connectionrefused"))
    async with page.expect_event("requestfailed", lambda request: "path=" in request.url):
        await page.goto(f"{visit.url}/#path={CHARGE}&run=1&window=2-2")
    await expect(page.locator("#detail .facts, #detail .rows").first).to_contain_text("LS 2")
    await expect(page.locator("#detail .reports")).not_to_contain_text("No quality report")
    await page.unroute(reports)
    await expect(page.locator("#detail .reports .report").first).to_be_visible()
    await expect(page.locator("#detail header .badge")).to_have_attribute("data-outcome", "GOOD")


async def test_who_saves_after_somebody_else_is_told_and_loses_nothing(visit: Any) -> None:
    page = visit.page
    first = await put(visit.url, layout("Experts/Both", CHARGE), None)
    await show(page, visit.url, "Experts/Both")
    await log_in(page, Role.EXPERT)
    await page.get_by_role("button", name="Edit").click()
    await page.locator(".cell").first.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Mine")
    theirs = layout("Experts/Both", CHARGE, SIZE, title="Theirs")
    second = await put(visit.url, theirs, first, "size was lacking")
    await expect(page.locator(".layout-notices .layout-note")).to_contain_text(
        f"saved version {second} meanwhile"
    )
    await save(page, "a better title")
    dialog = page.locator("#layout-ask")
    await expect(dialog).to_contain_text(f"expert wrote version {second}")
    await expect(dialog).to_contain_text("size was lacking")
    await expect(dialog.locator(".login-problem .differences")).to_contain_text(SIZE)
    visit.complaints.clear()  # the refusal itself, as the browser sees it
    await screenshot(page, "layout-conflict")
    await dialog.get_by_role("button", name="Go on from theirs").click()
    await expect(page.locator(".layout-head .name h1")).to_have_text("Theirs")
    await panel(page).get_by_role("button", name="Undo").click()
    await expect(cells(page)).to_have_text(["Mine"])
    # Whatever happens to the page, what was typed is there.
    page.once("dialog", lambda one: one.accept())
    await page.reload()
    await page.get_by_role("button", name="Go on editing").click()
    await expect(cells(page)).to_have_text(["Mine"])
    await panel(page).get_by_role("button", name="Save …").click()
    await dialog.get_by_label("Name").fill("Experts/Mine")
    await page.fill("#layout-why", "mine beside theirs")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page).to_have_url(re.compile("layout=Experts/Mine"))
    await expect(cells(page)).to_have_text(["Mine"])
    # The browser may say it late.
    visit.complaints[:] = [one for one in visit.complaints if "409 (Conflict)" not in one]


async def test_versions_tell_their_differences_and_an_earlier_one_is_restored(visit: Any) -> None:
    page = visit.page
    first = await put(visit.url, layout("Experts/History", CHARGE, SIZE), None, "the first")
    await put(visit.url, layout("Experts/History", SIZE), first, "charge taken out")
    await show(page, visit.url, "Experts/History")
    await log_in(page, Role.EXPERT)
    await page.get_by_role("button", name="Versions").click()
    row = page.locator(".layout-versions > li", has_text="the first")
    await row.get_by_role("button", name="Difference").click()
    await expect(row.locator(".differences li")).to_have_text([re.compile(f"−.*{CHARGE}")])
    await screenshot(page, "layout-versions")
    await row.get_by_role("link", name="Show").click()
    await expect(page.locator(".layout-notices .layout-note")).to_contain_text(
        "This is version 1; version 2 stands."
    )
    await expect(cells(page)).to_have_count(2)
    await page.get_by_role("button", name="Versions").click()
    await row.get_by_role("button", name="Restore …").click()
    await page.fill("#layout-why", "charge is wanted after all")
    await page.locator("#layout-ask").get_by_role("button", name="Restore").click()
    await expect(page.locator(".layout-notices .layout-note")).to_have_count(0)
    await expect(cells(page)).to_have_count(2)
    await expect(page).not_to_have_url(re.compile("version="))


async def test_two_versions_of_a_workspace_stand_side_by_side_and_what_differs_is_marked(
    visit: Any,
) -> None:
    page = visit.page
    (beside,) = [name for name, shown in sets(visit.url).items() if not shown]
    await put(visit.url, layout("Upgrade/Pixel", CHANGED, CHARGE, NEW, MAP), None)
    await show(page, visit.url, "Upgrade/Pixel")
    await page.get_by_label("Set of bookings or candidate that is shown beside").select_option(
        beside
    )
    await expect(page).to_have_url(re.compile(f"with={beside}"))
    changed = page.locator(".cell", has_text="Layer 1: clusters by module")
    await expect(changed).to_have_attribute("data-differs", "")
    await expect(changed.locator(".badge").first).to_have_attribute("data-outcome", "GOOD")
    await expect(changed.locator("figcaption .badge")).to_have_attribute("data-outcome", "BAD")
    same = page.locator(".cell", has_text="Layer 1: cluster charge")
    await expect(same.locator(".differs")).to_be_hidden()
    await expect(page.locator(".layout-main .layout-note")).to_contain_text(
        "Outcomes differ in 1 of 3 plots. 1 plot only in one of them."
    )
    only = page.locator(".cell", has_text=NEW)
    await expect(only).to_contain_text("books no element of this path")
    await expect(only.locator(".differs")).to_have_text(f"▲ only in set {beside[:8]}")
    for cell in (changed, same, only):
        await cell.scroll_into_view_if_needed()
        await expect(cell).to_have_attribute("data-beside", "")
    await changed.scroll_into_view_if_needed()
    await screenshot(page, "layout-side-by-side")
    await page.reload()
    await expect(changed).to_have_attribute("data-differs", "")
    of_set = {"paths": [NEW], "set": beside}
    tab = {"name": "New", "cells": [of_set]}
    await put(visit.url, {"name": "Upgrade/New", "tabs": [tab]}, None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await show(page, visit.url, "Upgrade/New")
    await expect(page.locator(".cell")).to_have_attribute("data-drawn", "")
    # References are asked for when the page has rested a moment: of this element there are none.
    # Those of the layout before may be asked for still.
    await page.evaluate("new Promise((done) => setTimeout(done, 500))")
    assert not [one for one in asked if "/references?" in one and quote(NEW, safe="") in one]


async def test_lss_are_held_to_compare_others_with_them_and_the_past_is_said_to_be_the_past(
    visit: Any,
) -> None:
    """In the grid, the layout and the large plot; the head tells the LS of then."""
    page = visit.page
    await put(visit.url, layout("Experts/Compared", CHARGE), None)
    await page.goto(f"{visit.url}/#layout=Experts/Compared&run=1&window=1-1")
    await page.wait_for_selector(".cell[data-drawn]")
    await page.keyboard.press("c")
    await expect(page).to_have_url(re.compile("over=1(:|%3A)1-1"))
    held = page.locator("#strip-cells [data-held]")
    await expect(held).to_have_attribute("data-key", "1")
    await page.locator('#strip-cells [data-key="3"]').click()
    await expect(page.locator(".cell footer")).to_contain_text("LS 3")
    await page.locator(".cell-title").click()
    await expect(page.locator("#detail .legend")).to_contain_text("run 1, LS 1")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="over run 1, LS 1-1").click()
    await expect(held).to_have_count(0)
    async with httpx.AsyncClient(base_url=visit.url, timeout=60) as client:
        rows = (await client.get(f"{RUN}/lumisections")).json()["lumisections"]
    # Half way to LS 3; the run was played as fast as the machine could: they may have come as one.
    moment = (rows[1]["began"] + rows[2]["began"]) // 2_000_000 + 1
    then = max(row["lumisection"] for row in rows if row["began"] <= moment * 1_000_000)
    at = datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
    await page.goto(f"{visit.url}/#run=1&workspace=pixel&at={at.replace('+00:00', 'Z')}")
    facts = page.locator("#facts")
    await expect(facts.locator("div", has=page.locator("#fact-lumisection"))).to_have_text(
        f"LS then{then}"
    )
    await expect(page.locator("#fact-rate")).to_have_text("not kept")
    await expect(page.locator("#link")).to_have_text("the past")
    await page.wait_for_selector("#grid .card[data-drawn]")
    await screenshot(page, "past")
