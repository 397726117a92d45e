"""An import that its file resolves by LS only in part, in a browser: the whole run is no LS."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import boost_histogram as bh
import numpy as np
import pytest
import pytest_asyncio
import uproot
from playwright.async_api import Browser, Page, expect

from playback.bench.program import Program, running
from tests.integration.conftest import PATIENCE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

RUN = 500
LUMISECTIONS = (3, 4, 5, 6)

_NOTE_POINTS = """
window.drawn = { points: new Set(), words: new Set(), bars: new Set() };
const { arc, clearRect, fillText, stroke } = CanvasRenderingContext2D.prototype;
const { moveTo, lineTo } = Path2D.prototype;
const steps = new WeakMap();
for (const [name, original] of [['moveTo', moveTo], ['lineTo', lineTo]]) {
  Path2D.prototype[name] = function (x, y) {
    steps.set(this, [...(steps.get(this) ?? []), [name, x, y]]);
    return original.call(this, x, y);
  };
}
Object.assign(CanvasRenderingContext2D.prototype, {
  // It is drawn anew where the page has found its width: what was drawn before is gone.
  clearRect(...box) {
    if (this.canvas.classList.contains('trend')) Object.values(drawn).forEach((set) => set.clear());
    return clearRect.call(this, ...box);
  },
  arc(x, ...others) {
    if (this.canvas.classList.contains('trend')) drawn.points.add(Math.round(x));
    return arc.call(this, x, ...others);
  },
  fillText(text, ...others) {
    if (this.canvas.classList.contains('trend')) drawn.words.add(text);
    return fillText.call(this, text, ...others);
  },
  stroke(...path) {
    (steps.get(path[0]) ?? []).forEach(([name, x, y], i, all) => {
      const upright = name === 'lineTo' && all[i - 1][1] === x && all[i - 1][2] !== y;
      if (upright && this.canvas.classList.contains('trend')) drawn.bars.add(Math.round(x));
    });
    return stroke.call(this, ...path);
  },
});
"""
_DRAWN = "() => ({ points: [...drawn.points], words: [...drawn.words], bars: [...drawn.bars] })"


def write_file(path: Path) -> Path:
    """As CMS's DQM saves a run: charge by LS, occupancy of the whole run."""
    rng = np.random.default_rng(RUN)
    top = f"DQMData/Run {RUN}/Tracker"
    with uproot.recreate(path) as file:
        for number in LUMISECTIONS:
            charge = bh.Histogram(bh.axis.Regular(40, 0, 80, metadata="charge [ke]"))
            charge.fill(rng.normal(20 + number, 5, 500))
            file[f"{top}/By Lumi Section {number}-{number}/Charge/charge"] = charge
        occupancy = bh.Histogram(bh.axis.Regular(20, 0, 20, metadata="module"))
        occupancy.fill(rng.integers(0, 20, 12_345))
        file[f"{top}/Run summary/Occupancy/modules"] = occupancy
    return path


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A system that has imported the file."""
    folder = tmp_path_factory.mktemp("imported")
    settings = {"data": str(folder / "data"), "port": "0"}
    command = ["import", str(write_file(folder / "DQM_V0001_R000000500.root"))]
    with running([*command, "--workspace", "tracker"], settings) as program:
        said = list(_until(program, "all is imported"))
        assert any("4 LSs, whole run" in line for line in said), said
        yield program


def _until(program: Program, beginning: str) -> Iterator[str]:
    for line in program.lines():
        yield line
        if line.startswith(beginning):
            return


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that notes what is drawn in trends, and that nothing breaks."""
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    await page.add_init_script(_NOTE_POINTS)
    yield page
    await page.close()
    assert broken == []


async def test_the_strip_shows_the_whole_run_beside_its_lumisections(
    imported: Program, page: Page
) -> None:
    await page.goto(f"{imported.address}/#run={RUN}&workspace=tracker")
    whole = page.locator("#strip-whole")
    await expect(whole).to_contain_text("whole run")
    cells = page.locator("#strip-cells button")
    await expect(cells).to_have_count(len(LUMISECTIONS))
    keys = [await cell.get_attribute("data-key") for cell in await cells.all()]
    assert keys == [str(number) for number in LUMISECTIONS]
    await whole.click()
    await page.wait_for_function("location.hash.includes('window=0-0')")
    await expect(whole).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#strip-note")).to_contain_text("whole run alone")
    card = page.locator('.card[data-path="Tracker/Occupancy/modules"]')
    await expect(card.locator("footer")).to_contain_text(re.compile(r"12\W?345 entries"))
    await expect(card.locator("footer")).to_contain_text(f"run {RUN} · whole run")
    await whole.click()
    await expect(whole).to_have_attribute("aria-pressed", "false")


async def test_a_trend_says_the_number_of_the_whole_run_and_has_points_of_lumisections_only(
    imported: Program, page: Page
) -> None:
    at = f"{imported.address}/#run={RUN}&workspace=tracker&path="
    await page.goto(f"{at}Tracker/Charge/charge")
    drawn = await _trend(page, "5", points=len(LUMISECTIONS))
    assert len(drawn["points"]) == len(LUMISECTIONS)
    assert drawn["bars"] == drawn["points"], "each mean has its error"
    assert not any("whole run" in word for word in drawn["words"])
    await page.goto(f"{at}Tracker/Occupancy/modules")
    await page.reload()
    drawn = await _trend(page, "whole run: ")
    assert drawn["points"] == []


async def _trend(page: Page, word: str, points: int = 0) -> dict[str, list[str]]:
    """What was drawn last in the large trend, once a word stands there, and so many points."""
    for _ in range(PATIENCE // 100):
        drawn: dict[str, list[str]] = await page.evaluate(_DRAWN)
        told = any(each.startswith(word) for each in drawn["words"])
        if told and len(drawn["points"]) >= points:
            return drawn
        await asyncio.sleep(0.1)
    pytest.fail(f"{word!r} is not drawn in the trend: {drawn}")
