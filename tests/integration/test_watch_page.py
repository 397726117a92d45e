"""A watched run in a browser: what its files did not give is said on the LS it was for."""

import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from playback.bench.program import Program, finished, running
from tests.integration.conftest import PATIENCE, until
from tests.watched import record

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

RUN = 500001
FAULTS = {"lumisections": 8, "seed": 6, "missing": 0.3, "truncated": 0.3, "speed": 1000}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Program, list[dict[str, Any]]]]:
    """A system that has sent an emulated run, and what was done to each of its files."""
    folder = tmp_path_factory.mktemp("watched")
    root = folder / "ramdisk"
    root.mkdir()
    made = record(folder / "recorded", ("streamDQM",), files=4, seed=3)
    flags = [f"--{name}={value}" for name, value in FAULTS.items()]
    told = finished(["emulate", str(root), *map(str, made), *flags, "--json"], {}, timeout=600)
    files = msgspec.json.decode(Path(told["truth"]).read_bytes())["files"]
    settings = {"data": str(folder / "data"), "port": "0", "lumisection_timeout": "60"}
    with running(["watch", str(root), "--missing-timeout", "0.5"], settings) as program:
        last = max(file["lumisection"] for file in files)
        assert any(line.startswith(f"run {RUN} LS {last:>4} ") for line in program.lines())
        yield program, files


async def _says(cell: Locator, file: dict[str, Any]) -> bool:
    """Whether the words of an LS are what was done to its file."""
    words = await cell.get_attribute("title") or ""
    is_missing, lost = "missing" in file["faults"], file["events"] - file["readable"]
    said = re.search(r"(\d+) events? announced, not in the file", words)
    many = int(said[1]) if said else 0
    return ("no file came in time" in words) == is_missing and many == (0 if is_missing else lost)


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in which nothing breaks."""
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    await page.close()
    assert broken == []


async def test_each_lumisection_says_in_words_what_its_files_did_not_give(
    watched: tuple[Program, list[dict[str, Any]]], page: Page
) -> None:
    """A flag on its cell, words below the pointer and, once it is chosen, beside the strip."""
    program, files = watched
    await page.goto(f"{program.address}/#run={RUN}")
    cells = page.locator("#strip-cells button")
    await expect(cells).to_have_count(len(files))
    faults = {fault for file in files for fault in file["faults"]}
    assert faults == {"missing", "truncated"}
    for file in files:
        cell = page.locator(f'#strip-cells button[data-key="{file["lumisection"]}"]')
        await until(partial(_says, cell, file), f"what was done is said: {file}")
        if file["faults"]:
            await expect(cell).to_have_attribute("data-flag", "")
        elif file["events"]:
            await expect(cell).not_to_have_attribute("data-flag", re.compile(""))
    absent = next(file["lumisection"] for file in files if "missing" in file["faults"])
    await page.locator(f'#strip-cells button[data-key="{absent}"]').click()
    await expect(page.locator("#strip-note")).to_contain_text("no file came in time")
