"""Logging in on the page: with a token, and at a real provider, there and back in a browser."""

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Request, WebSocket, expect

from dqmstream.clock import SystemClock
from dqmstream.transport.memory import MemoryLog
from services.gateway.access import Access
from services.gateway.access_tokens import Role, Tokens
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import SECRETS, access, gateway
from tests.integration.conftest import PATIENCE, screenshot, until
from tests.logging_in import access_with, provider, settings_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as (address, _):
        yield address


@pytest.fixture(scope="module")
def tokens(issuer: str) -> Access:
    return access_with(access(), settings_of(issuer, token_seconds=16.0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tokens: Access) -> AsyncIterator[str]:
    """A gateway where reading takes a token, and where one logs in at the provider."""
    log = MemoryLog(SystemClock())
    await make_topics(log, 2)
    async with gateway(log, GatewaySettings(read_needs_token=True), tokens=tokens) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of somebody of whom nothing is known."""
    context = await browser.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


async def test_where_reading_takes_a_token_the_page_asks_for_one_and_keeps_it_in_its_tab(
    tab: BrowserContext, url: str
) -> None:
    page = await tab.new_page()
    asked: list[str] = []
    streams: list[str] = []

    def on_request(request: Request) -> None:
        asked.append(request.url)

    def on_stream(stream: WebSocket) -> None:
        streams.append(stream.url)

    page.on("request", on_request)
    page.on("websocket", on_stream)
    await page.goto(f"{url}/#view=alarms")
    await expect(page.locator("#login h2")).to_have_text("Reading takes a token here")
    await page.keyboard.press("Escape")
    await expect(page.locator("#login")).to_be_visible()
    await screenshot(page, "login")
    api = [one for one in asked if "/api/" in one]
    assert all(one.endswith("/api/v1/me") for one in api), api  # nothing else is asked in vain
    assert not streams
    await page.fill("#login-token", "dqm_" + "x" * 43)
    await page.keyboard.press("Enter")
    await expect(page.locator(".login-problem").first).to_contain_text("no such token")
    await page.fill("#login-token", SECRETS[Role.SHIFTER])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text("shifter · shifter")
    await expect(page.locator("#link span")).not_to_have_text("connecting")
    await page.reload()
    await expect(page.locator("#who")).to_have_text("shifter · shifter")

    async def is_opened_again() -> bool:
        return len(streams) >= 2

    await until(is_opened_again, "the stream is opened again")
    secret = SECRETS[Role.SHIFTER]
    assert not [one for one in asked + streams if secret in one]
    assert await page.evaluate("() => document.cookie + JSON.stringify(localStorage)") == "{}"
    other = await tab.new_page()
    await other.goto(url)
    await expect(other.locator("#login")).to_be_visible()  # another tab is another place
    await page.click("#who")
    await page.click("text=Log out")
    await expect(page.locator("#login h2")).to_have_text("Reading takes a token here")
    assert await page.evaluate("() => JSON.stringify(sessionStorage)") == "{}"


async def test_a_token_that_is_revoked_shuts_the_page(
    tab: BrowserContext, url: str, tokens: Access
) -> None:
    page = await tab.new_page()
    await page.goto(url)
    await page.fill("#login-token", SECRETS[Role.VIEWER])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text("viewer · viewer")
    await expect(page.locator("#link span")).not_to_have_text("connecting")
    before = tokens.tokens
    tokens.tokens = Tokens([one for one in before.all if one.role is not Role.VIEWER])
    try:
        await expect(page.locator(".login-problem").first).to_contain_text("in force no longer")
    finally:
        tokens.tokens = before


async def test_a_tab_whose_login_is_over_asks_who_is_there(tab: BrowserContext, url: str) -> None:
    page = await tab.new_page()
    await page.goto(url)
    await expect(page.locator("#login h2")).to_have_text("Reading takes a token here")
    await page.evaluate(
        """() => {
      sessionStorage.setItem("dqmstream.token", "dqm_p.over");
      sessionStorage.setItem("dqmstream.renewal", "over");
    }"""
    )
    await page.reload()
    await expect(page.locator("#login h2")).to_have_text("Reading takes a token here")
    await expect(page.locator("#login .login-problem")).to_contain_text("this login is over")
    await page.fill("#login-token", SECRETS[Role.SHIFTER])
    await page.keyboard.press("Enter")
    await expect(page.locator("#who")).to_have_text("shifter · shifter")


async def test_one_logs_in_at_the_provider_and_comes_back_to_the_same_view(
    tab: BrowserContext, url: str, issuer: str
) -> None:
    page = await tab.new_page()
    seen: list[str] = []

    def on_request(request: Request) -> None:
        seen.append(request.url)

    page.on("request", on_request)
    await page.goto(f"{url}/#view=alarms&alarms=hidden")
    await page.click("text=Log in at localhost")
    await page.wait_for_url(f"{issuer}/**")
    await page.click("button[value='1001']")
    await page.wait_for_url(f"{url}/#view=alarms&alarms=hidden")
    who = page.locator("#who")
    await expect(who).to_have_text("oidc:ada · shifter")
    await screenshot(page, "login-provider")
    # Renewed half way, again and again, without anybody noticing.
    first = await page.evaluate("() => sessionStorage.getItem('dqmstream.token')")
    changed = "first => sessionStorage.getItem('dqmstream.token') !== first"
    await page.wait_for_function(changed, arg=first)
    await expect(who).to_have_text("oidc:ada · shifter")
    second = await page.evaluate("() => sessionStorage.getItem('dqmstream.token')")
    assert not [one for one in seen if first in one or second in one]
    cookies = [one["name"] for one in await tab.cookies(url)]
    assert "dqmstream-login" not in cookies
    await who.click()
    await page.click("text=too")
    await page.wait_for_url(f"{issuer}/oauth2/end_session**")
    await page.goto(url)
    await expect(page.locator("#login h2")).to_have_text("Reading takes a token here")


async def test_who_is_refused_at_the_provider_is_told_so_on_the_page(
    tab: BrowserContext, url: str, issuer: str
) -> None:
    page = await tab.new_page()
    await page.goto(url)
    for press, said in (
        ("button[value='1003']", "have no role here"),
        ("button[value='deny']", "did not let you in"),
    ):
        await page.click("text=Log in at localhost")
        await page.wait_for_url(f"{issuer}/**")
        await page.click(press)
        await page.wait_for_url(f"{url}/**")
        await expect(page.locator("#login .login-problem")).to_contain_text(said)
    await screenshot(page, "login-refused")
    # What was used stands in no address that could be gone back to.
    await expect(page).not_to_have_url(re.compile("login="))
