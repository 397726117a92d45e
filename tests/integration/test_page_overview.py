"""Overview, wall, phone, runs, system, find and time travel, in a browser on a whole system."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.integration.conftest import fits, screenshot, until

# One loop for all: the browser lives in it, and is started once.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

OCCUPANCY: Final = "Pixel/Layer1/occupancy"
_LONG: Final = 300_000
"""Milliseconds until the fault of LS 5 has happened, on a machine that does much else."""

VIEWS: Final = {
    "overview": ("", "#needing h2"),
    "workspace": ("#workspace=pixel&window=run", '#title h1:text-is("pixel")'),
    "plot": (f"#path={OCCUPANCY}&window=run", "#detail:not([aria-busy]) h2"),
    "alarms": ("#view=alarms", '[data-view="alarms"] h1'),
    "find": ("#view=find", '[data-view="find"] h1'),
    "runs": ("#view=runs", '[data-view="runs"] h1:text-is("Runs")'),
    "run": ("#view=runs&runs=page", '[data-view="runs"] h1:text-is("Run 1")'),
    "system": ("#view=system", '[data-view="system"] h1'),
}
"""Views by name: address, and the heading by which it is known."""


async def _bad(page: Page, url: str, view: str = "") -> None:
    """Open a view, and wait until the fault was found."""
    await page.goto(f"{url}/{view}")
    await expect(page.locator("#verdict strong")).to_have_text("BAD", timeout=_LONG)


def _tile(name: str) -> str:
    return f'.tile[data-key="{name}"]'


async def test_the_overview_tells_how_data_taking_goes_and_since_when_what_is_bad(
    visit: Any,
) -> None:
    page = visit.page
    await _bad(page, visit.url)
    tile = page.locator(_tile("pixel"))
    await expect(tile.locator(".change")).to_have_text(
        re.compile(r"BAD since LS [56], GOOD before")
    )
    await expect(tile.locator(".good strong")).to_have_text(re.compile(r"^[6-9]\d\.\d\s%$"))
    await expect(tile.locator('.map [data-grade="part"]')).to_have_count(1)
    figures = page.locator("#now > div")
    await expect(figures.filter(has_text="Beam mode")).to_contain_text("STABLE BEAMS")
    await expect(figures.filter(has_text="Rate").locator("dd")).to_have_text(re.compile(r"\d ev/s"))
    delay = figures.filter(has_text="Stream delay")
    await expect(delay.locator("dd")).to_have_text(re.compile(r"^\d+(\.\d)? s$"))
    outcomes = await page.locator(".tile:has(h3)").evaluate_all(
        "all => all.map((one) => one.dataset.outcome)"
    )
    assert outcomes == sorted(outcomes, key=["BAD", "WARNING", "GOOD"].index)
    await screenshot(page, "overview")


async def test_alarms_that_need_someone_say_what_to_do_and_lead_to_their_plot(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url)
    alarm = page.locator("#needing li", has_text="pixel dead modules").first
    await alarm.wait_for(timeout=_LONG)
    await expect(alarm.locator(".action")).to_contain_text("Call")
    await alarm.locator("a").click()
    await expect(page.locator("#detail")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"window=(\d+)-\1"))
    shown = page.get_by_role("region", name="Alarms of this element")
    await expect(shown.locator(".alarm-name b")).to_have_text(["pixel dead modules"])
    await expect(shown.locator('[data-action="acknowledge"]')).to_have_text("Acknowledge (shifter)")
    await screenshot(page, "plot-alarm")
    await page.get_by_role("link", name="Back").click()
    await expect(page.locator("#overview")).to_be_visible()
    await expect(page).not_to_have_url(re.compile("path=|workspace=|window="))
    await page.go_back()
    await expect(page.locator("#detail")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#overview")).to_be_visible()


async def test_a_path_or_workspace_that_is_not_booked_is_said_with_the_nearest_names(
    visit: Any,
) -> None:
    page = visit.page
    await _bad(page, visit.url, "#path=Pixel/Layer1/ocupancy")
    said = page.locator(".unbooked")
    await expect(said).to_contain_text("Run 1 books no element of this path")
    await expect(said.locator("li a").first).to_have_text(OCCUPANCY)
    await expect(page.locator("canvas.large")).to_be_hidden()
    await said.get_by_role("link", name="All elements of Pixel/Layer1").click()
    await expect(page.locator(f'.card[data-path="{OCCUPANCY}"]')).to_have_count(1)
    await page.go_back()
    await said.locator("li a").first.click()
    await expect(page.locator("canvas.large")).to_be_visible()
    await expect(said).to_be_hidden()
    await page.goto(f"{visit.url}/#workspace=pixle")
    await expect(page.locator("#grid .nothing")).to_have_text(
        "This run has no workspace “pixle”: it has ecal, pixel"
    )


async def test_the_wall_can_be_read_from_afar_and_shows_what_is_bad(visit: Any) -> None:
    page = visit.page
    await page.set_viewport_size({"width": 1920, "height": 1080})
    await _bad(page, visit.url, "?wall=1")
    wall = page.locator("#wall")
    await expect(wall).to_be_visible()
    await expect(page.locator("#top")).to_be_hidden()
    await expect(wall.locator("header > strong")).to_have_text("BAD")
    await expect(wall.locator("h2")).to_contain_text("of 2", timeout=_LONG)
    first = await wall.locator("h2").inner_text()
    sizes = await wall.locator("header strong, dd, li b, li span:last-child").evaluate_all(
        "all => all.map((each) => parseFloat(getComputedStyle(each).fontSize))"
    )
    assert min(sizes) >= 0.037 * 1080
    await fits(page, 1920)
    await screenshot(page, "wall")
    await expect(wall.locator("h2")).not_to_have_text(first, timeout=_LONG)
    await page.keyboard.press("Escape")
    await expect(wall).to_be_hidden()
    await expect(page.locator("#overview")).to_be_visible()


async def test_every_view_fits_a_phone_and_is_restored_by_its_address(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url)
    for name, (view, heading) in VIEWS.items():
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.evaluate("hash => { location.hash = hash; }", view)
        head = page.locator(heading).first
        await expect(head, name).to_be_visible()
        await fits(page, 390)
        await screenshot(page, f"phone-{name}")
        before = await head.inner_text()
        await page.reload()
        await expect(page.locator("#verdict strong"), name).to_have_text("BAD", timeout=_LONG)
        await expect(head, name).to_have_text(before)
        await fits(page, 390)
        await page.set_viewport_size({"width": 1400, "height": 900})
        await screenshot(page, name)


async def test_a_view_that_does_not_come_says_so_and_comes_when_it_is_chosen_again(
    visit: Any,
) -> None:
    page = visit.page
    visit.expects_failed_requests = True
    await page.goto(f"{visit.url}/#view=constructor")
    await expect(page.locator("#plots")).to_be_visible()
    await page.route("**/system/view.js", lambda route: route.abort("connectionfailed"))
    await page.locator("#views a", has_text="System").click()
    await expect(page.locator("#view [role=alert]")).to_contain_text("System could not be loaded")
    await page.unroute("**/system/view.js")
    await page.locator("#views a", has_text="Plots").click()
    await page.locator("#views a", has_text="System").click()
    await expect(page.locator(VIEWS["system"][1]).first).to_be_visible()


async def test_the_list_of_runs_tells_outcomes_and_is_filtered_by_its_address(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#view=runs")
    row = page.locator('.runs > li[data-key="1"]')
    await expect(row.locator(".outcomes")).to_contain_text(re.compile(r"pixel \d+ of \d+"))
    await page.get_by_label("Worst outcome").select_option("GOOD")
    await expect(page.locator(".runs > li")).to_have_count(0)
    await expect(page).to_have_url(re.compile("runs=outcome(:|%3A)GOOD"))
    await page.get_by_label("Worst outcome").select_option("BAD")
    await expect(row).to_be_visible()


async def test_the_page_of_a_run_has_a_strip_for_each_subsystem_and_gives_its_plots_away(
    visit: Any,
) -> None:
    page = visit.page
    await _bad(page, visit.url, "#view=runs&runs=page")
    strip = page.locator('.strips > li[data-key="pixel"]')
    await expect(strip.locator(".spans")).to_contain_text(re.compile(r"BAD LS [56]"))
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="CSV").last.click()
    kept = Path(await (await waiting.value).path())
    assert b"Pixel/" in await asyncio.to_thread(kept.read_bytes)
    await strip.locator(".spans a").first.click()
    await expect(page.locator("#title h1")).to_have_text("pixel")
    await expect(page).to_have_url(re.compile(r"window=[56]-"))


async def test_the_system_view_tells_processes_with_rate_lag_and_memory(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#view=system")
    filler = page.locator('.process[data-key$="/filler-0"]')
    cell = filler.locator('[data-label="Rate"]')
    await expect(cell).to_have_text(re.compile(r"\d events/s"))
    await expect(filler.locator('[data-label="Lag"]')).to_have_text(re.compile(r"^\d"))
    await expect(filler.locator('[data-label="Memory"]')).to_have_text(re.compile(r"\d.[MG]B"))
    memory = page.locator('section:has(> h2:text("Contents the gateway keeps")) tbody tr')
    await expect(memory.filter(has_text="pixel")).to_contain_text("Pixel/")


async def test_brackets_go_to_where_the_verdict_changed(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#workspace=pixel")
    await page.locator("#strip-cells [data-key='6'] [data-outcome='BAD']").wait_for(timeout=_LONG)
    await page.keyboard.press("[")
    await expect(page.locator("#strip-note")).to_contain_text(re.compile("LS [56] alone"))
    await expect(page).to_have_url(re.compile(r"window=([56])-\1"))
    await page.get_by_role("slider").fill("2")
    await expect(page.locator("#strip-note")).to_contain_text("LS 2 alone")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Play").click()
    # Each is shown for a second: a busy machine may look after two.
    await expect(page.locator("#strip-note")).to_contain_text(re.compile(r"LS ([4-9]|\d\d+) alone"))


async def test_in_the_large_view_brackets_go_by_the_outcomes_of_the_element_that_is_shown(
    visit: Any,
) -> None:
    """The fault makes the workspace BAD in LS 5; an element that is GOOD in it has no change."""
    page = visit.page
    await _bad(page, visit.url, f"#path={OCCUPANCY}")
    before = page.get_by_role("button", name="◂ change")
    await expect(before).to_be_enabled(timeout=_LONG)
    await expect(before).to_have_attribute("title", re.compile("of this element became another"))
    await page.keyboard.press("[")
    await expect(page).to_have_url(re.compile("window=5-5"))
    await page.evaluate("hash => { location.hash = hash; }", "#path=Pixel/Layer1/charge")
    words = page.locator("#travel .nowhere")
    await expect(words).to_have_text(re.compile(r"no change: GOOD in all \d+ LSs in which it was"))
    await expect(before).to_be_disabled()
    await page.keyboard.press("[")
    assert "window=" not in page.url
    await page.evaluate("hash => { location.hash = hash; }", "#workspace=pixel")
    await expect(words).to_be_hidden()
    await expect(before).to_be_enabled()


async def test_the_outcome_of_an_element_is_the_worst_of_those_that_judge_the_ls_alone(
    visit: Any,
) -> None:
    """Only where no test judges an LS alone those over more LSs count."""
    page = visit.page
    await page.goto(visit.url)
    found = await page.evaluate("""async () => {
      const { outcomesOf } = await import("/travel/verdicts.js");
      const { stretchesOf } = await import("/stretches.js");
      const of = (lumisection, scope, outcome) => ({ lumisection, scope, outcome });
      const outcomes = outcomesOf([
        of(1, "run", "BAD"), of(1, "lumisection", "GOOD"), of(1, "last:5", "BAD"),
        of(2, "lumisection", "WARNING"), of(2, "lumisection", "BAD"), of(2, "lumisection", "GOOD"),
        of(3, "run", "GOOD"), of(3, "last:5", "WARNING"),
      ]);
      return [[...outcomes], stretchesOf([1, 2, 3, 200, 201, 900], 200)];
    }""")
    assert found == [
        [[1, "GOOD"], [2, "BAD"], [3, "WARNING"]],
        [[1, 200], [201, 201], [900, 900]],
    ]


async def test_the_past_is_shown_as_it_was_known_with_a_banner(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#workspace=pixel")
    await page.locator("#strip-cells [data-key='7'] [data-outcome='BAD']").wait_for(timeout=_LONG)
    rows = await page.request.get(f"{visit.url}/api/v1/runs/1/lumisections")
    by_number = {row["lumisection"]: row for row in (await rows.json())["lumisections"]}
    # When LS 5 had begun and none of its outcomes was known.
    began = by_number[5]["began"]
    assert began < min(by_number[5]["made"].values())
    at = await page.evaluate("ms => new Date(ms).toISOString()", began // 1_000_000 + 1)
    await page.goto(f"{visit.url}/#workspace=pixel&at={at}")
    await expect(page.locator("#past")).to_contain_text("As it was known at")
    await expect(page.locator("#past")).to_contain_text("Up to LS 5")
    await expect(page.locator("#strip-cells button")).to_have_count(5)
    await expect(page.locator("#verdict strong")).to_have_text("GOOD")
    card = page.locator(f'.card[data-path="{OCCUPANCY}"]')
    await card.scroll_into_view_if_needed()
    await expect(card).to_have_attribute("data-outcome", "GOOD")
    # Contents come after their LS, and LS 5 had only begun.
    await expect(card.locator("footer")).to_contain_text(re.compile(r"LS 1(–[2-4])?(?![–\d])"))
    await screenshot(page, "past")
    slider = page.get_by_role("slider", name="Moment whose knowledge is shown")
    await expect(slider).to_have_value(re.compile("[1-9]"))
    stood = int(await slider.input_value())
    await slider.focus()
    await page.keyboard.press("ArrowRight")
    await expect(page).not_to_have_url(re.compile(re.escape(at)))
    await expect(slider).to_have_value(str(stood + 1))
    await screenshot(page, "past-slider")
    await page.keyboard.press("Home")
    await expect(page.locator("#strip-cells button")).to_have_count(1)
    await page.keyboard.press("End")
    await expect(page.locator("#past")).to_be_hidden()
    await expect(page).not_to_have_url(re.compile("at="))
    await page.goto(f"{visit.url}/#at={at}")
    await expect(page.locator(_tile("pixel"))).to_have_attribute("data-outcome", "GOOD")
    await expect(page.locator(_tile("pixel")).locator(".good")).to_contain_text("not known")
    await page.get_by_role("button", name="Back to now").click()
    await expect(page.locator("#verdict strong")).to_have_text("BAD")


async def test_a_moment_that_cannot_be_read_is_said_not_to_be_the_past(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#workspace=pixel&at=yesterday")
    said = page.locator("#unread")
    await expect(said).to_contain_text("This is now, not the past")
    await expect(said).to_contain_text("“yesterday”")
    await expect(page.locator("#past")).to_be_hidden()
    card = page.locator(f'.card[data-path="{OCCUPANCY}"]')
    await card.scroll_into_view_if_needed()
    await expect(card).to_have_attribute("data-drawn", "")
    await said.get_by_role("button", name="Show now").click()
    await expect(said).to_be_hidden()
    await expect(page).to_have_url(re.compile("#workspace=pixel$"))


async def test_elements_are_found_by_letters_by_regular_expression_and_by_filter(
    visit: Any,
) -> None:
    page = visit.page
    await _bad(page, visit.url, "#match=pxl1occ")
    await expect(page.locator(".card").first).to_have_attribute("data-path", OCCUPANCY)
    await page.goto(f"{visit.url}/#match=/layer[12]/occupancy$/")
    await expect(page.locator(".card")).to_have_count(2)
    await page.goto(f"{visit.url}/#workspace=pixel")
    await page.get_by_label("Which elements are shown").select_option("alarms")
    await expect(page.locator(f'.card[data-path="{OCCUPANCY}"]')).to_be_visible(timeout=_LONG)

    async def are_few() -> bool:
        return await page.locator(".card").count() < 5

    await until(are_few, "only elements with alarms are shown")
    await page.keyboard.press("Escape")
    await page.locator("body").press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#help")).to_be_hidden()


async def test_the_tree_unfolds_by_keys_and_counts_problems(visit: Any) -> None:
    page = visit.page
    await _bad(page, visit.url, "#view=find")
    pixel = page.locator('[role="treeitem"][data-path="Pixel"]')
    await expect(pixel.locator("small").first).to_contain_text(re.compile(r"▲ [1-9] problem"))
    await pixel.focus()
    await page.keyboard.press("ArrowRight")
    await expect(pixel).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("ArrowDown")
    focused = page.locator('[role="treeitem"]:focus')
    await expect(focused).to_have_attribute("aria-level", "2")
    await page.keyboard.press("ArrowLeft")
    await expect(pixel).to_be_focused()
