"""What integration tests share: whole systems as processes, and a browser to look at their page."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    async_playwright,
    expect,
)

from playback.browser import chromium

_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_START_SECONDS: Final = 480
PATIENCE: Final = 120_000
"""Milliseconds: contents of LSs come after the LSs, and machines of tests do much else."""
_FAILED: Final = ("net::ERR_", "404 (Not Found)")
"""How the browser says that no answer came, or not all of it, and that nothing is known. It has a
dozen words for a gateway that is killed: which one depends on how far a request had come."""
_SCREENSHOTS: Final = Path(os.environ.get("DQMSTREAM_SCREENSHOTS", "build/screenshots"))


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A whole system in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]
    data: Path = Path()


@dataclass(slots=True)
class Visit:
    """A page in the browser, and all it complained of or asked of others."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    expects_failed_requests: bool = False
    """The gateway goes away in this test, and one that knows nothing yet may come: that the
    browser says so is no complaint."""


@contextmanager
def _running_system(folder: Path, *flags: str) -> Iterator[RunningSystem]:
    """A synthetic run played through all services, LSs of 2 s, as a process.

    4 kHz, so that an LS has as many entries as the shipped quality tests want; longer than the
    tests of a module can take, however busy the machine is.
    """
    command = [sys.executable, "-m", "services.cli", "demo", "--port", "0", "--speed", "1"]
    command += ["--seconds", "2", "--rate", "4000", "--lumisections", "2000"]
    command += ["--workspaces", "pixel,ecal", "--data", str(folder / "data"), *flags]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
    try:
        yield RunningSystem(_address(process, folder), process, folder / "data")
    finally:
        _stop(process)


@pytest.fixture(scope="module")
def faulty_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system in which a pixel module dies and a crystal gets hot in LS 5."""
    with _running_system(tmp_path_factory.mktemp("faulty")) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium, of which as much patience is had in all tests."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_chromium(), args=list(_FLAGS), timeout=PATIENCE
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, faulty_system: RunningSystem) -> AsyncIterator[Visit]:
    """A browser's page for the faulty system; it must not complain, nor ask any other host."""
    async with _visit(browser, faulty_system) as visit:
        yield visit


@pytest_asyncio.fixture(loop_scope="module")
async def doomed_visit(
    browser: Browser, tmp_path: Path
) -> AsyncIterator[tuple[Visit, Callable[[], None]]]:
    """A page of a system in which nothing breaks, and what kills that system."""
    with _running_system(tmp_path, "--no-faults") as system:
        async with _visit(browser, system) as visit:
            visit.expects_failed_requests = True
            yield visit, system.process.kill


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Look until it is so, what nothing tells of; most is better waited for by `expect`."""
    last = time.monotonic() + PATIENCE / 1000
    while not await is_so():
        if time.monotonic() > last:
            pytest.fail(f"not so in {PATIENCE / 1000:g} s: {what}")
        await asyncio.sleep(0.1)


async def fits(page: Page, width: int) -> None:
    """Wait until nothing of a page is wider than so many pixels: canvases follow a new width."""

    async def is_within() -> bool:
        return bool(await page.evaluate("document.documentElement.scrollWidth") <= width)

    await until(is_within, f"the page is {width} px wide")


async def screenshot(page: Page, name: str) -> None:
    """Leave what a page looks like as `NAME.png` in the folder of screenshots."""
    await page.screenshot(path=_SCREENSHOTS / f"{name}.png")


@asynccontextmanager
async def _visit(browser: Browser, system: RunningSystem) -> AsyncIterator[Visit]:
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    visit = Visit(page, system.url)
    _listen(visit)
    yield visit
    await page.close()
    assert visit.complaints == []
    assert visit.foreign == []


def _listen(visit: Visit) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        failed = any(words in message.text for words in _FAILED)
        if not (visit.expects_failed_requests and failed):
            visit.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def on_error(error: Error) -> None:
        visit.complaints.append(str(error))

    def on_request(request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in {"data", "blob"} and asked.netloc != urlsplit(visit.url).netloc:
            visit.foreign.append(request.url)

    visit.page.on("console", on_console)
    visit.page.on("pageerror", on_error)
    visit.page.on("request", on_request)


def _chromium() -> str:
    found = chromium()
    if found is None:
        pytest.fail("no Chromium on PATH: name one in DQMSTREAM_CHROMIUM, or use -m 'not browser'")
    return found


def _address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address of the page, which is the first line the process prints."""
    for _ in range(_START_SECONDS * 10):
        line, ended, _ = (folder / "out").read_text().partition("\n")
        if ended and line.startswith("page: http"):
            return line.removeprefix("page: ")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    said = (folder / "err").read_text()[-2_000:]
    pytest.fail(f"the system did not start (status {process.poll()}): {said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
