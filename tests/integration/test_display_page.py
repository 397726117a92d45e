"""The page of single events in a browser, on a whole system with live data."""

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.writer import write_streamer_file
from playback.bench.program import Program, running
from tests.ink import ink
from tests.integration.conftest import until

# One loop for all: the browser lives in it, and is started once.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

_MUON = [255, 95, 87]
_TEXT = [228, 235, 242]
_DARK_PAGE = [11, 15, 21]
_LIGHT_PAGE = [255, 255, 255]

_FIELD = 3.8
_LIGHT_SPEED = 0.299792458


_KEEP_RULER = """
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
  if (/^[0-9.]+ (mm|cm|m)$/.test(text)) this.canvas.dataset.ruler = text;
  return write.call(this, text, ...more);
};
"""
"""A script for a page: canvases keep what their rulers say."""


async def _open(page: Page, url: str, view: str = "theme=dark") -> None:
    await page.goto("about:blank")
    await page.goto(f"{url}/display#{view}")
    await page.wait_for_selector("body[data-drawn*='/']")


async def _drawn(page: Page) -> str:
    return await page.locator("body").get_attribute("data-drawn") or ""


async def _painted(page: Page, colour: list[int], canvas: str = "#front") -> int:
    return await ink(page, canvas, colour)


async def _size(page: Page, canvas: str) -> int:
    size = "canvas => canvas.width * canvas.height"
    return int(await page.locator(canvas).evaluate(size))


async def _is_drawn_on(page: Page, canvas: str) -> bool:
    return await _painted(page, _DARK_PAGE, canvas) < await _size(page, canvas) - 1_000


async def _has(page: Page, colour: list[int], canvas: str = "#front") -> None:
    """Wait until a canvas has some pixels of a colour: not all that is picked has all objects."""

    async def is_painted() -> bool:
        return await _painted(page, colour, canvas) > 20

    await until(is_painted, f"{canvas} has pixels of {colour}")


async def _settled(page: Page, colour: list[int]) -> int:
    """How many pixels are of a colour, as soon as that stays: what was chosen is drawn by then."""
    counts = [-1]

    async def stays() -> bool:
        # The page draws in frames, and on a busy machine the next one may be long in coming.
        await page.evaluate("new Promise(requestAnimationFrame)")
        counts.append(await _painted(page, colour))
        return len(counts) > 5 and len(set(counts[-5:])) == 1

    await until(stays, f"as many pixels of {colour} as just before")
    return counts[-1]


async def test_events_come_by_themselves_with_what_they_are_and_why(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    first = await _drawn(page)

    async def is_another() -> bool:
        return await _drawn(page) != first

    await until(is_another, "another event is drawn")
    await expect(page.locator("#fact-run")).to_have_text("1")
    await expect(page.locator("#fact-marks")).to_have_text("simulated")
    await expect(page.locator("#fact-age")).to_contain_text("ago")
    await expect(page.locator("#why")).not_to_be_empty()
    await expect(page.locator("#legend li").first).to_contain_text("muons")
    await expect(page.locator("#recent button[aria-pressed=true]")).to_have_count(1)
    await expect(page.locator("#recent button").nth(1)).to_be_visible()
    await _has(page, _MUON)
    await _has(page, _MUON, "#side-view")


async def test_the_plots_lead_to_the_events_and_back(visit: Any) -> None:
    page = visit.page
    await page.goto(visit.url)
    await page.locator("#events").click()
    await page.wait_for_selector("body[data-drawn*='/']")
    await page.locator("#brand").click()
    await page.wait_for_selector("#workspaces li")


async def test_an_event_that_is_clicked_stays_until_it_is_let_go(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    before = await page.locator("#recent button").count()
    # From the middle: the oldest may be gone by the time it is clicked.
    held = await page.locator("#recent button").nth(before // 2).get_attribute("data-key")
    await page.locator(f"#recent button[data-key='{held}']").click()
    await page.wait_for_selector(f"body[data-drawn='{held}']")

    async def are_more() -> bool:
        return bool(await page.locator("#recent button").count() > min(before, 59))

    await until(are_more, "events are picked meanwhile")
    assert await _drawn(page) == held
    await expect(page.locator("#follow")).to_have_text("Held: follow again")
    event = str(held).partition("/")[2]
    await expect(page).to_have_url(re.compile(f"event={event}"))
    await page.keyboard.press("ArrowLeft")
    await page.wait_for_selector(f"body:not([data-drawn='{held}'])")
    await page.keyboard.press("Space")
    await expect(page.locator("#follow")).to_have_text("Following: hold")
    await expect(page).not_to_have_url(re.compile("event="))


async def test_a_link_shows_the_event_scale_and_theme_it_was_made_of(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    answer = await (await page.request.get(f"{visit.url}/api/v1/displays")).json()
    few = answer["displays"][:10]  # of the newest, so that it is there until the page has it
    event = few[len(few) // 2]["event"]
    view = f"run=1&event={event}&scale=calorimeter&theme=light"
    await _open(page, visit.url, view)
    await page.wait_for_selector(f"body[data-drawn='1/{event}']")
    await expect(page.locator("[data-scale=calorimeter]")).to_have_attribute("aria-pressed", "true")
    assert await _settled(page, _LIGHT_PAGE) > 10_000
    await page.locator("#theme").click()

    async def is_dark() -> bool:
        return await _painted(page, _LIGHT_PAGE) < 1_000

    await until(is_dark, "the page is dark")


async def test_an_event_that_is_gone_is_said_to_be(visit: Any) -> None:
    page = visit.page
    visit.expects_failed_requests = True
    await page.goto("about:blank")
    await page.goto(f"{visit.url}/display#run=1&event=999999999")
    await expect(page.locator("#problem")).to_contain_text(
        "event 999999999 of run 1 was not picked"
    )
    visit.complaints[:] = [each for each in visit.complaints if "404" not in each]


async def test_what_is_unticked_is_not_drawn(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    # Held: the next event might be without muons before the page is told to stay with this one.
    event = await _with_muons(page)
    await _open(page, visit.url, f"run=1&event={event}&theme=dark")
    await page.wait_for_selector(f"body[data-drawn='1/{event}']")
    assert await _settled(page, _MUON) > 20
    await page.locator("#legend li", has_text="muons").locator("input").uncheck()

    async def is_gone() -> bool:
        return await _painted(page, _MUON) == 0

    await until(is_gone, "no muon is drawn")


async def test_zooming_draws_less_of_the_detector_and_the_ruler_says_so(visit: Any) -> None:
    page = visit.page
    await page.add_init_script(_KEEP_RULER)
    await _open(page, visit.url, "theme=dark&scale=tracker")
    await page.locator("#follow").click()
    front = page.locator("#front")
    await expect(front).to_have_attribute("data-ruler", re.compile(" m$"))
    before = await front.get_attribute("data-ruler")
    await front.hover()
    for _ in range(10):
        await page.mouse.wheel(0, -400)

    async def is_shorter() -> bool:
        """Ten times 1.2 is six, and a length is rounded to 1, 2 or 5."""
        now = await front.get_attribute("data-ruler")
        return float(str(now).split()[0]) <= float(str(before).split()[0]) / 4

    await until(is_shorter, "the ruler says less")
    await front.dblclick()
    await expect(front).to_have_attribute("data-ruler", str(before))


async def test_what_is_pointed_at_is_named(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "theme=dark&scale=tracker")
    await page.locator("#follow").click()
    before = await _settled(page, _TEXT)
    # In the middle all muons begin.
    await page.locator("#front").hover()

    async def is_named() -> bool:
        return await _painted(page, _TEXT) > before + 50

    await until(is_named, "what is pointed at is named")
    await page.locator("#theme").hover()

    async def is_unnamed() -> bool:
        return await _painted(page, _TEXT) == before

    await until(is_unnamed, "nothing is named")


def _by_force(track: dict[str, float], steps: int, step: float) -> np.ndarray[Any, Any]:
    """Points of a particle pushed by q v x B, midpoint by midpoint; step in cm of its way."""
    pt, eta, phi, charge = (track[name] for name in ("pt", "eta", "phi", "charge"))
    momentum = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
    place = np.array([track["x"], track["y"], track["z"]])
    size = float(np.linalg.norm(momentum))

    def turned(p: Any) -> Any:
        # dp/ds = 0.3 q (p / |p|) x B, in GeV and m; B points along z
        return 0.01 * _LIGHT_SPEED * _FIELD * charge * np.array([p[1], -p[0], 0.0]) / size

    points = [place]
    for _ in range(steps):
        middle = momentum + turned(momentum) * step / 2
        momentum = momentum + turned(middle) * step
        place = place + middle / size * step
        points.append(place)
    return np.array(points)


@pytest.mark.parametrize("charge", [1, -1, 0])
async def test_tracks_bend_as_the_force_on_them_says(visit: Any, charge: int) -> None:
    """The page's closed form of a helix against a particle that is pushed step by step."""
    page = visit.page
    await _open(page, visit.url)
    track = {"pt": 1.2, "eta": 0.7, "phi": 2.0, "charge": charge, "x": 0.17, "y": -0.19, "z": 3.0}
    points = np.array(
        await page.evaluate(
            """async (track) => {
              const { way } = await import("./displayhelix.js");
              return way(track, { radius: 100, length: 280 });
            }""",
            track,
        )
    )
    pushed = _by_force(track, 20_000, 0.02)
    assert math.hypot(*points[-1][:2]) > 100
    for point in points:
        nearest = np.linalg.norm(pushed - point, axis=1).min()
        assert nearest < 0.011
    # From above the beam, with the field towards the viewer, positive ones turn clockwise.
    chord, start = points[-1][:2] - points[0][:2], np.array([math.cos(2.0), math.sin(2.0)])
    turning = start[0] * chord[1] - start[1] * chord[0]
    assert np.sign(round(turning, 6)) == -charge


async def test_a_gateway_that_dies_turns_the_page_grey(doomed_visit: Any) -> None:
    visit, kill = doomed_visit
    page = visit.page
    await _open(page, visit.url)
    await expect(page.locator("body")).to_have_attribute("data-fresh", "live")
    kill()
    await expect(page.locator("body")).to_have_attribute("data-fresh", "lost")
    await expect(page.locator("#link")).to_have_text("connection lost")
    style = "getComputedStyle(document.getElementById('columns')).filter"
    assert "grayscale" in await page.evaluate(style)


def _with_many_tracks(path: Path, folder: Path) -> Path:
    """A file of those events of another that have a vertex and ten tracks or more.

    Of one or two tracks none may pass the beam spot so near that it is seen on its scale.
    """
    file = StreamerFile(path, ReadSettings(columns=("event", "tracks.pt", "vertices.z")))
    chosen = {
        event
        for batch in file.batches()
        for event, tracks, vertices in zip(
            *(batch[name].to_pylist() for name in ("event", "tracks", "vertices")), strict=True
        )
        if len(tracks) >= 10 and vertices
    }
    events = [each.message for each in file.events() if each.message.event in chosen]
    # So few that the gateway keeps all of them, and the display leaves out none for want of time.
    assert 10 < len(events) < 50
    assert file.init is not None
    write_streamer_file(folder / f"{path.stem}.dat", file.init, events)
    return folder / path.name


@pytest.fixture(scope="module")
def replayed(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program that replays events of two real lumisections, and then goes on serving."""
    folder = tmp_path_factory.mktemp("real")
    paths = sorted((real_data / "cms-streamer").glob("run346373*.jsn"))
    files = [_with_many_tracks(path, folder) for path in paths]
    settings = {"data": str(folder / "data"), "port": "0", "display_rate": "1000"}
    with running(["replay", *map(str, files), "--speed", "0"], settings) as program:
        yield program


async def _with_muons(page: Page) -> int:
    """One of the newest events that has muons, by its number."""
    found: list[int] = []

    async def is_there() -> bool:
        newest = (await _answer(page, "displays?run=1", "displays"))[:30]
        found[:] = [row["event"] for row in newest if row["counts"].get("muon")]
        return bool(found)

    await until(is_there, "an event with muons is picked")
    return found[0]


async def _answer(page: Page, path: str, name: str) -> Any:
    """What the gateway of a page answers, under a name."""
    script = "async ([path, name]) => (await (await fetch(`api/v1/${path}`)).json())[name]"
    return await page.evaluate(script, [path, name])


@pytest.mark.realdata
@pytest.mark.timeout(900)
async def test_tracks_and_vertices_of_real_collisions_are_drawn(
    browser: Browser, replayed: Program
) -> None:
    """On each scale; of two lumisections all events that have enough of them."""
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(200_000)  # what decodes may have to be compiled first
    await _open(page, replayed.address, "theme=dark")
    await expect(page.locator("#fact-run")).to_have_text("346373")
    await expect(page.locator("#fact-marks")).to_be_empty()
    await expect(page.locator("#fact-time")).to_contain_text("2021-10-28 21:0")
    shown = (await _answer(page, "displays?run=346373", "displays"))[0]
    tracks = shown["counts"]["tracks"]
    assert tracks >= 10
    assert shown["counts"]["vertices"]
    view = f"run=346373&event={shown['event']}&theme=dark"
    for scale in ("tracker", "beams", "pixel", "calorimeter"):
        await _open(page, replayed.address, f"{view}&scale={scale}")
        await page.wait_for_selector(f"body[data-drawn='346373/{shown['event']}']")
        await expect(page.locator("#legend li").first).to_contain_text("tracks")
        for canvas in ("#front", "#side-view"):
            label = page.locator(canvas)
            await expect(label).to_have_attribute("aria-label", re.compile(rf": {tracks} track"))
            await until(partial(_is_drawn_on, page, canvas), f"something is drawn on {canvas}")
    await expect(page.locator("#paths li").first).to_contain_text("_v")
    await expect(page.locator("#hardest dd").first).to_contain_text("GeV")
    await page.close()
