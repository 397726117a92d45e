"""`dqmstream bench page`: 200 live plots in a browser, for minutes.

The program runs as a user starts it, with a live run, its 200 plots changing once a second;
headless Chromium shows all of them at once. The browser says itself how busy its main thread was
(`TaskDuration`), and how large its heap is after garbage was collected, at the start and at the
end; a loop of animation frames counts those that came too late. There is no graphics card: what
one would do is done by the processor, which it shares with the program.

The first paint is that of the overview, as a shifter opens it, with nothing kept by the browser.

It checks its own answer: all plots must be drawn, changes of them must have come, and the page may
not complain.
"""

import asyncio
from statistics import median
from typing import Any, Final

from playback.bench.live import live
from playback.bench.program import BenchError, Program
from playback.bench.row import Row
from playback.bench.workspace import BOOKING_200
from playback.browser import chromium

__all__ = ["measure"]

_WORKSPACE: Final = "playback.bench.workspace:BOOKING_200"
_PLOTS: Final = len(BOOKING_200.elements)
_SCREEN: Final = {"width": 4400, "height": 4000}
"""Pixels: room for all plots, so that all are live."""
_SETTLING: Final = 15.0
_START_SECONDS: Final = 90.0
_SPARE: Final = 10.0
_PAINTS: Final = 5
_FIRST_PAINT: Final = """
() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null
"""
_FRAMES: Final = """
globalThis.benchFrames = { drawn: 0, missed: 0, longest: 0 };
addEventListener("load", () => {
  let before = performance.now();
  const turn = (now) => {
    const waited = now - before;
    before = now;
    benchFrames.drawn += 1;
    benchFrames.missed += Math.max(0, Math.round(waited / (1000 / 60)) - 1);
    benchFrames.longest = Math.max(benchFrames.longest, waited);
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
});
"""


def measure(*, minutes: float = 10.0, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    minutes
        How long is measured, once all plots are drawn.
    quick
        A tenth of it, for trying.
    """
    seconds = minutes * (6 if quick else 60)
    with live(_WORKSPACE, seconds + _START_SECONDS + _SETTLING + _SPARE) as program:
        return asyncio.run(_looked_at(program, seconds))


async def _looked_at(program: Program, seconds: float) -> list[Row]:
    try:
        from playwright.async_api import async_playwright  # noqa: PLC0415
    except ImportError as error:
        msg = "the benchmark of the page needs playwright, which is not installed"
        raise BenchError(msg) from error
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=flags)
        try:
            first = await _first_paint(browser, program)
            page = await browser.new_page(viewport=_SCREEN)  # type: ignore[arg-type]
            return [first, *await _measured(page, program, seconds)]
        finally:
            await browser.close()


async def _first_paint(browser: Any, program: Program) -> Row:
    times = []
    for _ in range(_PAINTS):
        page = await browser.new_page()
        await page.goto(program.address, wait_until="load")
        painted = await page.wait_for_function(_FIRST_PAINT, timeout=1000 * _START_SECONDS)
        times.append(await painted.json_value())
        await page.close()
    return _goal("first paint of the page, median", median(times), "ms", 1000.0)


async def _measured(page: Any, program: Program, seconds: float) -> list[Row]:
    complaints: list[str] = []
    came = [0, 0]

    def on_frame(text: str | bytes) -> None:
        whole = text if isinstance(text, str) else text.decode("utf-8", "replace")
        if plots := whole.count('"arrays":{"'):
            came[0] += plots
            came[1] += len(text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("websocket", lambda socket: socket.on("framereceived", on_frame))
    await page.add_init_script(_FRAMES)
    await page.goto(f"{program.address}/#workspace={BOOKING_200.workspace}&window=run")
    await _all_drawn(page)
    await asyncio.sleep(_SETTLING)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    before, frames = await _state(session), await page.evaluate("() => ({ ...benchFrames })")
    came[:] = [0, 0]
    await asyncio.sleep(seconds)
    plots, size = came
    frames_after = await page.evaluate("() => ({ ...benchFrames })")
    after = await _state(session)
    took = after["Timestamp"] - before["Timestamp"]
    if complaints:
        msg = f"the page complains: {complaints[0][:500]}"
        raise BenchError(msg)
    if plots < 0.5 * _PLOTS * took:
        msg = f"{plots} changes of {_PLOTS} plots came in {took:.0f} s, expected about one a second"
        raise BenchError(msg)
    drawn, missed = (frames_after[name] - frames[name] for name in ("drawn", "missed"))
    busy = after["TaskDuration"] - before["TaskDuration"]
    script = after["ScriptDuration"] - before["ScriptDuration"]
    heaps = [state["JSHeapUsedSize"] / 1e6 for state in (before, after)]
    return [
        Row(name="plots on the screen, live", value=_PLOTS, unit=""),
        Row(name="changes of plots", value=plots / took, unit="/s"),
        Row(name="size of a change, before compression", value=size / plots, unit="B"),
        _goal("main thread busy", 100 * busy / took, "%", 50.0),
        Row(name="of that running scripts", value=100 * script / took, unit="%"),
        _goal("frames dropped, of 60 a second", 100 * missed / (drawn + missed), "%", 5.0),
        Row(name="longest wait for a frame", value=frames_after["longest"], unit="ms"),
        Row(name="heap at the start", value=heaps[0], unit="MB"),
        _goal("heap at the end", heaps[1], "MB", round(heaps[0] * 1.1 + 1, 1)),
    ]


def _goal(name: str, value: float, unit: str, goal: float) -> Row:
    return Row(name=name, value=value, unit=unit, goal=goal, higher_is_better=False)


async def _all_drawn(page: Any) -> None:
    """Wait until each plot is drawn, or say how many are."""
    drawn = 0
    try:
        async with asyncio.timeout(_START_SECONDS):
            while drawn < _PLOTS:
                await asyncio.sleep(1)
                drawn = await page.locator('.card[data-drawn=""]:not([aria-busy])').count()
    except TimeoutError:
        pass
    if drawn < _PLOTS:
        cards = await page.locator(".card").count()
        msg = f"{drawn} of {cards} plots were drawn in {_START_SECONDS:.0f} s, expected {_PLOTS}"
        raise BenchError(msg)


async def _state(session: Any) -> dict[str, float]:
    """What the browser counts, after its garbage is collected."""
    await session.send("HeapProfiler.collectGarbage")
    answer = await session.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


def _chromium() -> str:
    found = chromium()
    if found is None:
        msg = "no Chromium on PATH: name one in DQMSTREAM_CHROMIUM"
        raise BenchError(msg)
    return found
