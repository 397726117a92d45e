"""The page in a browser, on whole systems with live data: what a shifter sees, and when."""

import asyncio
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from services.gateway.state import State, difference
from tests.ink import ink
from tests.integration.conftest import PATIENCE, fits, until

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_APPLIED = """async (text) => {
  const { apply, cellsOf } = await import(new URL("stream.js", document.baseURI).href);
  return JSON.parse(text).map(([before, change]) => {
    const held = { ...before, arrays: cellsOf(before.arrays) };
    apply(held, { sequence: 2, ...change });
    const plain = (values) => Array.from(values, (one) => (Number.isNaN(one) ? null : one));
    const { values, entries } = held.arrays;
    const arrays = { values: plain(values), entries: plain(entries) };
    return { header: held.header, arrays, rows: held.rows };
  });
}"""

# One loop for all: the browser lives in it, and is started once.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

OCCUPANCY = "Pixel/Layer1/occupancy"

_ENTRIES = """path => {
  const card = document.querySelector(`.card[data-path="${path}"]`);
  const foot = card?.querySelector("footer span:last-child")?.textContent ?? "";
  return Number(foot.replace(/[^0-9]/g, ""));
}"""

_LONG = 240_000
"""Milliseconds until a run has five LSs, on a machine that does much else."""
_LINE = [98, 183, 240]
_BAD = [255, 107, 74]


def _card(path: str) -> str:
    return f'.card[data-path="{path}"]'


async def _open(page: Page, url: str, view: str = "") -> None:
    await page.goto(f"{url}/{view}")
    await page.wait_for_selector("#workspaces li:nth-child(2)", state="attached")


async def _first_bad(page: Page) -> int:
    """Number of the first LS with a BAD, waiting for it."""
    found = page.locator('#strip-cells button:has([data-outcome="BAD"])').first
    await found.wait_for(timeout=_LONG)
    return int(await found.get_attribute("data-key") or 0)


async def _painted(page: Page, canvas: str, colour: list[int]) -> None:
    """Wait until a canvas has some pixels of a colour."""

    async def is_painted() -> bool:
        return await ink(page, canvas, colour) > 20

    await until(is_painted, f"{canvas} has pixels of {colour}")


async def _number(page: Page, name: str) -> int:
    row = page.locator("#detail .rows div", has=page.locator(f'dt:text-is("{name}")'))
    await expect(row.locator("dd")).to_have_text(re.compile(r"\d"))
    digits = [c for c in await row.locator("dd").inner_text() if c.isdigit()]
    return int("".join(digits))


async def _is_number(page: Page, name: str, wanted: Callable[[int], bool]) -> None:
    """Wait until a number of the large plot is as it is wanted."""

    async def is_so() -> bool:
        return wanted(await _number(page, name))

    await until(is_so, f"{name} as it is wanted")


async def test_nothing_has_the_page_painted_while_nothing_changes(visit: Any) -> None:
    """What moves without end moves by steps: else all plots are composed anew for each frame."""
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel&window=run")
    await page.wait_for_selector('[data-fresh="live"]')

    async def only_beats() -> bool:
        moving = await page.evaluate(
            "document.getAnimations().map(({ animationName, effect }) => ({ animationName, steps: "
            "effect.getKeyframes().every(({ easing }) => easing.startsWith('steps')) }))"
        )
        return bool(moving == [{"animationName": "beat", "steps": True}])

    # A stream that was late is not live for a moment, and nothing beats.
    await until(only_beats, "the beat moves, by steps, and nothing else")


async def test_plots_are_drawn_and_grow_with_the_run(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel&window=run")
    path = "Pixel/clusters_per_event"
    await page.wait_for_selector(f"{_card(path)}[data-drawn]")
    await _painted(page, f"{_card(path)} canvas", _LINE)
    before = await page.evaluate(_ENTRIES, path)

    async def has_grown() -> bool:
        return bool(await page.evaluate(_ENTRIES, path) > before)

    await until(has_grown, "more entries")
    await expect(page.locator(f"{_card(path)} footer")).to_contain_text("run 1 · LS 1")
    await expect(page.locator("body")).to_have_attribute("data-fresh", "live")


async def test_only_plots_on_screen_are_watched(visit: Any) -> None:
    page = visit.page
    sent: list[dict[str, Any]] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda frame: sent.append(json.loads(frame))),
    )
    await _open(page, visit.url, "#workspace=pixel")
    await page.wait_for_selector(".card[data-drawn]")
    watched = [message["paths"] for message in sent if message.get("id") == "plots"]
    assert watched[-1]
    assert len(watched[-1]) < await page.locator(".card").count()
    last = await page.locator(".card").last.get_attribute("data-path")
    assert last not in watched[-1]
    await page.locator(".card").last.scroll_into_view_if_needed()
    await page.wait_for_selector(f"{_card(last)}[data-drawn]")
    watched = [message["paths"] for message in sent if message.get("id") == "plots"]
    assert last in watched[-1]


async def test_a_module_that_dies_in_ls_5_is_bad_within_two_lumisections(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel")
    assert 5 <= await _first_bad(page) <= 6
    await expect(page.locator("#verdict strong")).to_have_text("BAD")
    await expect(page.locator(_card(OCCUPANCY))).to_have_attribute("data-outcome", "BAD")
    await _painted(page, f"{_card(OCCUPANCY)} canvas", _BAD)


async def test_the_overview_shows_the_elements_with_problems(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url)
    await page.wait_for_selector(_card(OCCUPANCY))
    await page.wait_for_selector(_card("EcalBarrel/Occupancy/crystals"))
    await expect(page.locator('.tile[data-outcome="BAD"]')).to_have_count(2)
    shown = await page.locator(".card").count()
    assert shown < 10


async def test_a_click_opens_the_plot_large_with_its_reports(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel")
    await _first_bad(page)
    await page.locator(_card(OCCUPANCY)).click()
    report = page.locator('.report[data-outcome="BAD"]').first
    await expect(report).to_contain_text("pixel dead modules")
    await expect(report).to_contain_text("module 37")
    await expect(page.locator("#detail .description")).to_contain_text("dead module")
    await expect(page.locator("#detail .printed")).to_contain_text("run 1 · LS")
    await _painted(page, "canvas.large", _BAD)
    for form in ("PNG", "JSON"):
        link = await page.locator(".links a", has_text=form).get_attribute("href")
        answer = await page.request.get(f"{visit.url}/{link}", timeout=PATIENCE)
        assert answer.ok
    await page.keyboard.press("Escape")
    await expect(page.locator("#detail")).to_be_hidden()
    await expect(page.locator(_card(OCCUPANCY))).to_be_focused()


async def test_the_window_changes_the_numbers_and_the_address(visit: Any) -> None:
    page = visit.page
    path = "Pixel/clusters_per_event"
    await _open(page, visit.url, f"#path={path}&window=run")
    await page.wait_for_selector('#strip-cells [data-key="3"]:not([data-open])')
    await page.wait_for_selector("#detail:not([aria-busy]) .rows div")
    # LS 3 is closed; its contents may come after that.
    await _is_number(page, "Entries", lambda entries: entries > 16_000)
    await page.get_by_label("first LS").fill("1")
    await page.get_by_label("last LS", exact=True).fill("2")
    await page.get_by_label("last LS", exact=True).press("Enter")
    await expect(page.locator("#detail .printed")).to_contain_text("LS 1–2")
    await expect(page).to_have_url(re.compile("window=1-2"))
    await _is_number(page, "Entries", lambda entries: entries == 16_000)
    asked = await page.request.get(
        f"{visit.url}/api/v1/runs/1/contents?path={path}&lumisections=1-2"
    )
    assert (await asked.json())["contents"][0]["totals"]["entries"] == 16_000
    await page.reload()
    await expect(page.locator("#detail .printed")).to_contain_text("LS 1–2")
    await _is_number(page, "Entries", lambda entries: entries == 16_000)


async def test_a_click_on_a_lumisection_shows_it_alone(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel")
    await _first_bad(page)
    await page.locator('#strip-cells [data-key="2"]').click()
    await expect(page.locator(f"{_card(OCCUPANCY)} footer")).to_contain_text("run 1 · LS 2")
    await expect(page.locator(_card(OCCUPANCY))).to_have_attribute("data-outcome", "GOOD")
    await expect(page.locator("#strip-note")).to_contain_text("LS 2 alone")


async def test_conditions_stand_beside_each_lumisection_and_are_what_a_trend_is_against(
    visit: Any,
) -> None:
    await _open(visit.page, visit.url, f"#path={OCCUPANCY}")
    newest = re.compile(r"STABLE BEAMS · PU (60|[1-5][0-9])")  # it falls from LS to LS
    await expect(visit.page.locator("#fact-conditions")).to_have_text(newest)
    first = visit.page.locator("#strip-cells button").first
    await expect(first).to_have_attribute("title", re.compile("fill 1, STABLE BEAMS, PU 60"))
    await visit.page.get_by_label("What the trend is drawn against").select_option("pileup")
    trend = visit.page.get_by_role("img", name=f"mean of {OCCUPANCY} by pile-up")
    await expect(trend).to_be_visible()
    await _painted(visit.page, "canvas.trend", _LINE)


async def test_a_trend_over_runs_leads_to_a_run_and_says_how_it_was_judged(visit: Any) -> None:
    """One run is stored and live here: its point, its words below the pointer, and a click."""
    page = visit.page
    await _open(page, visit.url, f"#path={OCCUPANCY}")
    asked = {"path": OCCUPANCY, "quantity": "median"}

    async def is_judged() -> bool:
        told = await page.request.get(f"{visit.url}/api/v1/runs/1/trend/runs", params=asked)
        points = (await told.json())["points"] if told.ok else []
        return bool(points) and None not in {points[0]["value"], points[0]["outcome"]}

    await until(is_judged, "the run is judged and stored")
    await page.get_by_label("What the trend shows").select_option("median")
    await page.get_by_label("What the trend is drawn against").select_option("runs")
    trend = page.get_by_role("img", name=f"median of {OCCUPANCY} by runs")
    await expect(trend).to_be_visible()
    await expect(page).to_have_url(re.compile("of=median&by=runs"))
    tip = page.locator(".tip:visible")

    async def is_told() -> bool:
        for x in (200, 210):
            await trend.hover(position={"x": x, "y": 40})
        # Where the page moves below the pointer it is gone again.
        words = await tip.all_inner_texts()
        return any(re.match(r"run 1: [0-9.]+, [A-Z_]{3,}, 20", each) for each in words)

    await until(is_told, "the run is told below the pointer")
    await trend.click(position={"x": 205, "y": 40})
    await expect(page).to_have_url(re.compile("run=1&"))
    await expect(page).to_have_url(re.compile("by=runs"))


async def test_slash_searches_by_word_and_by_glob_and_escape_leaves(visit: Any) -> None:
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel")
    await page.wait_for_selector(".card")
    await page.keyboard.press("/")
    await page.keyboard.type("occupancy_m")
    await expect(page.locator(".card")).to_have_count(4)
    await page.locator("#search").fill("Pixel/Layer1/charge*")
    await expect(page.locator(".card")).to_have_count(2)
    await expect(page).to_have_url(re.compile("match=Pixel/Layer"))
    await page.keyboard.press("Escape")
    await expect(page.locator("#title h1")).to_have_text("pixel")


async def test_a_lost_change_is_a_gap_that_a_resync_closes(visit: Any) -> None:
    page = visit.page
    resyncs: list[str] = []
    dropped: list[str] = []

    def route(socket: WebSocketRoute) -> None:
        if not resyncs:
            # A slow gateway was silent for too long: a new connection brings what was lost.
            dropped.clear()
        server = socket.connect_to_server()
        socket.on_message(_noting(resyncs, server.send))
        server.on_message(_losing_one(dropped, socket.send))

    await page.route_web_socket("**/api/v1/stream?*", route)
    # Of a scalar there are changes only: a snapshot comes where most cells have changed.
    await _open(page, visit.url, "#path=Pixel/events&window=run")
    await page.wait_for_selector("#detail .rows div")

    async def is_told() -> bool:
        return bool(resyncs)

    await until(is_told, "the page asks for what it lacks")
    assert resyncs == dropped
    before = await _number(page, "Value")
    await _is_number(page, "Value", lambda value: value > before)


def _noting(resyncs: list[str], send: Callable[[str | bytes], None]) -> Callable[..., None]:
    def on_message(text: str | bytes) -> None:
        message = json.loads(text)
        if message["type"] == "resync":
            resyncs.append(message["channel"])
        send(text)

    return on_message


def _losing_one(dropped: list[str], send: Callable[[str | bytes], None]) -> Callable[..., None]:
    names: dict[int, str] = {}

    def is_lost(message: dict[str, Any]) -> bool:
        return message["type"] == "change" and names[message["number"]].startswith("plot/")

    def on_message(text: str | bytes) -> None:
        message = json.loads(text)
        messages = message["messages"] if message["type"] == "batch" else [message]
        names.update({one["number"]: one["channel"] for one in messages if "channel" in one})
        lost = next((one for one in messages if is_lost(one)), None)
        if lost is None or dropped:
            send(text)
            return
        dropped.append(names[lost["number"]])
        rest = [one for one in messages if one is not lost]
        send(json.dumps({"type": "batch", "messages": rest}))

    return on_message


def _random_state(random: Random) -> State:
    cells = 1 + random.randrange(2) * 7
    nan = float("nan")
    words = [None, True, 0, 1, "a", [1], {}, {"b": 1}, {"b": {"c": random.randrange(3)}, "d": 2}]
    return State(
        header={key: random.choice(words) for key in "xyz" if random.random() < 0.8},
        arrays={
            "values": np.array([random.choice([0.0, 1.5, -0.1, nan]) for _ in range(cells)]),
            "entries": np.array([random.choice([0, 1, 2**40]) for _ in range(cells)], np.int64),
        },
        rows={key: random.choice(words) for key in "pq" if random.random() < 0.8},
    )


async def test_the_page_makes_of_changes_what_the_gateway_has(visit: Any) -> None:
    """Whatever changes from one state to the next: keys, parts of objects, cells near and far."""
    random, cases = Random(1), []
    while len(cases) < 300:
        before, after = _random_state(random), _random_state(random)
        if (change := difference(before, after)) is not None:
            cases.append([_as_json(before), change, _as_json(after)])
    await _open(visit.page, visit.url, "")
    found = await visit.page.evaluate(_APPLIED, orjson.dumps(cases, option=_NUMPY).decode())
    assert found == [after for _, _, after in cases]


def _as_json(state: State) -> Any:
    body = {"header": state.header, "arrays": state.arrays, "rows": state.rows}
    return orjson.loads(orjson.dumps(body, option=_NUMPY))


async def test_a_dropped_connection_is_made_again_and_shows_grey_until_then(visit: Any) -> None:
    page = visit.page
    sockets: list[WebSocketRoute] = []
    is_open = asyncio.Event()
    is_open.set()

    async def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        await is_open.wait()
        socket.connect_to_server()

    await page.route_web_socket("**/api/v1/stream?*", route)
    await _open(page, visit.url, "#path=Pixel/events&window=run")
    await expect(page.locator("body")).to_have_attribute("data-fresh", "live")
    before = await _number(page, "Value")
    # A slow gateway that was silent for too long has been connected to anew by now.
    many = len(sockets)
    is_open.clear()  # or grey might be over before anybody looks
    await sockets[-1].close()
    await expect(page.locator("#verdict strong")).to_have_text("STALE")
    is_open.set()
    await expect(page.locator("body")).to_have_attribute("data-fresh", "live")
    assert len(sockets) > many
    await _is_number(page, "Value", lambda value: value > before)


async def test_a_phone_shows_it_without_scrolling_sideways(visit: Any) -> None:
    page = visit.page
    await page.set_viewport_size({"width": 390, "height": 800})
    await _open(page, visit.url, "#workspace=pixel")
    await page.wait_for_selector(".card[data-drawn]")
    await fits(page, 390)
    await page.locator("#menu").click()
    await expect(page.locator("#workspaces")).to_be_visible()


async def test_silence_alone_makes_what_is_shown_stale(visit: Any) -> None:
    """The rule itself, on the page's own module: no clock of ours can wait half a minute."""
    page = visit.page
    await _open(page, visit.url)
    states = await page.evaluate("""async () => {
      const { freshness } = await import("/freshness.js");
      const header = { now: 100e9, data_stale_after: 30 };
      const beat = (state) => ({ header, at: 0, rows: { a: { service: "filler-0", state } } });
      const run = { newest: 99e9, ended: false, live: true };
      const at = (now, beats, more = {}) => (
        freshness({ link: "live", pulse: beat(beats), run, now, ...more }).state
      );
      return [
        at(1_000, "ready"), at(28_000, "ready"), at(30_000, "ready"), at(1_000, "stale"),
        at(30_000, "ready", { run: { ...run, ended: true } }), at(1_000, "ready", { link: "lost" }),
      ];
    }""")
    assert states == ["live", "live", "stale", "stale", "ended", "lost"]


async def test_a_range_that_is_still_filled_is_read_again_while_events_come_steadily(
    visit: Any,
) -> None:
    """The strip of LSs changes each second: that must not put the reading off for ever."""
    page = visit.page
    await _open(page, visit.url, "#workspace=pixel&window=1-1999")
    covered = page.locator(f"{_card(OCCUPANCY)} footer span").first
    await expect(covered).to_contain_text("LS 1–")
    said = await covered.inner_text()
    await expect(covered).not_to_have_text(said)


async def test_names_that_are_cut_still_differ(visit: Any) -> None:
    """On the page's own module, with letters that are all 6 pixels wide."""
    page = visit.page
    await _open(page, visit.url)
    pots = [f"{arm}_{pot}" for arm in (45, 56) for pot in ("210_NR_HR", "210_FR_HR", "220_C1")]
    paths = [f"HLT_{path}_v1" for path in ("Jet500", "Jet550", "Photon33")]
    cut = await page.evaluate(
        """async ([pots, paths]) => {
      const { distinct } = await import("/canvas.js");
      const pen = { measureText: (text) => ({ width: 6 * text.length }) };
      return [[pots, 48], [pots, 72], [paths, 60]].map(([names, room]) => (
        distinct(pen, names, 10, room)
      ));
    }""",
        [pots, paths],
    )
    assert len(set(cut[0])) == len(pots)
    assert all(len(name) <= 8 and "…" in name for name in cut[0] if name not in pots)
    assert cut[1] == pots
    assert [name.startswith("HLT") for name in cut[2]] == [False, False, False]
    assert cut[2][:2] == ["Jet500_v1", "Jet550_v1"]


async def test_a_run_without_faults_is_good_until_its_system_is_killed(doomed_visit: Any) -> None:
    visit, kill = doomed_visit
    page = visit.page
    await _open(page, visit.url)
    good = '#strip-cells [data-key="4"] [data-outcome="GOOD"]'
    await page.wait_for_selector(good, timeout=_LONG)
    await expect(page.locator("#verdict strong")).to_have_text("GOOD")
    problems = ':is([data-outcome="BAD"], [data-outcome="WARNING"], [data-outcome="ERROR"])'
    await expect(page.locator(f"#strip-cells {problems}")).to_have_count(0)
    await expect(page.locator(".card")).to_have_count(0)
    kill()
    await expect(page.locator("#verdict strong")).to_have_text("STALE")
    await expect(page.locator("body")).to_have_attribute("data-fresh", "lost")
    await expect(page.locator("#link")).to_contain_text("connection lost")
    for part in ("#columns", "#verdict"):
        drained = await page.locator(part).evaluate("element => getComputedStyle(element).filter")
        assert "grayscale(1)" in drained
