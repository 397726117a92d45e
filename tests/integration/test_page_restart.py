"""A gateway that is killed and started again, as a page that stays open sees it."""

import asyncio
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from playback.broker.ports import free_port
from tests.integration.conftest import _running_system, _visit, screenshot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

_LONG: Final = 240_000


async def test_a_gateway_that_is_killed_and_started_again_makes_the_page_whole_without_reload(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = str(await asyncio.to_thread(free_port))
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    with _running_system(first, "--no-faults", "--port", port) as system:
        async with _visit(browser, system) as visit:
            visit.expects_failed_requests = True
            page = visit.page
            await page.goto(visit.url)
            await expect(page.locator("body")).to_have_attribute(
                "data-fresh", "live", timeout=_LONG
            )
            await page.evaluate("document.body.dataset.same = 'yes'")
            system.process.kill()
            system.process.wait()
            await expect(page.locator("#verdict strong")).to_have_text("STALE")
            drained = await page.locator("#columns").evaluate("e => getComputedStyle(e).filter")
            assert "grayscale(1)" in drained
            await screenshot(page, "lost")
            with _running_system(second, "--no-faults", "--port", port):
                fresh = page.locator("body[data-fresh='live'][data-same='yes']")
                await fresh.wait_for(timeout=_LONG)
                await expect(page.locator(".tile").first).to_have_attribute(
                    "data-outcome", "GOOD", timeout=_LONG
                )
