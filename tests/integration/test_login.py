"""Logging in at a real provider, step by step over HTTP: who comes in, and what stops others."""

import asyncio
import base64
import hashlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.transport.memory import MemoryLog
from services.gateway.problems import ProblemError
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import access, gateway
from tests.logging_in import ADA, BOB, EVE, access_with, provider, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as (address, _):
        yield address


@pytest.fixture
async def log() -> MemoryLog:
    made = MemoryLog(SystemClock())
    await make_topics(made, 2)
    return made


@pytest.fixture
async def browser(log: MemoryLog, issuer: str) -> AsyncIterator[httpx.AsyncClient]:
    """It keeps cookies and follows nothing by itself; reading takes a token at its gateway."""
    tokens = access_with(access(), settings_of(issuer))
    async with (
        gateway(log, GatewaySettings(read_needs_token=True), tokens=tokens) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        yield client


async def at_provider(browser: httpx.AsyncClient, person: dict[str, Any] | None) -> str:
    """Begin, and log in or refuse at the provider: the address that leads back."""
    begun = await browser.get("/api/v1/login", params={"challenge": CHALLENGE})
    assert begun.status_code == 302, begun.text
    form = {"action": "deny"} if person is None else {"sub": person["sub"]}
    # A client of its own: the provider is another site, and is sent no cookie of ours.
    async with httpx.AsyncClient(timeout=60) as away:
        answered = await away.post(begun.headers["location"], data=form)
    assert answered.status_code == 302, answered.text
    return str(answered.headers["location"])


async def back(browser: httpx.AsyncClient, address: str) -> str:
    """What the page is handed when the browser comes back."""
    answer = await browser.get(address)
    assert answer.status_code == 303
    place = urlsplit(answer.headers["location"])
    assert place.query == ""
    assert place.path == "/"
    return parse_qs(place.fragment)["login"][0]


async def taken(browser: httpx.AsyncClient, code: str, verifier: str = VERIFIER) -> httpx.Response:
    return await browser.post("/api/v1/login/exchange", json={"code": code, "verifier": verifier})


async def logged_in(browser: httpx.AsyncClient, person: dict[str, Any]) -> dict[str, Any]:
    found = await taken(browser, await back(browser, await at_provider(browser, person)))
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_who_logs_in_has_the_role_of_the_claim(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/v1/runs")).status_code == 401
    nobody = (await browser.get("/api/v1/me")).json()
    assert nobody["provider"]["start"] == "login"
    for person, role in ((ADA, "shifter"), (BOB, "expert")):
        found = await logged_in(browser, person)
        me = (await browser.get("/api/v1/me", headers=bearer(found["token"]))).json()
        assert (me["name"], me["role"]) == (f"oidc:{person['preferred_username']}", role)
        assert me["expires"] == found["expires"]
        assert (
            await browser.get("/api/v1/runs", headers=bearer(found["token"]))
        ).status_code == 200
        wrong = bearer(found["token"][:-4] + "AAAA")
        assert (await browser.get("/api/v1/runs", headers=wrong)).status_code == 401


async def test_the_way_to_the_provider_has_pkce_state_and_nonce_and_ours_is_no_cookie_of_others(
    browser: httpx.AsyncClient,
) -> None:
    begun = await browser.get("/api/v1/login", params={"challenge": CHALLENGE})
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["state"][0]) >= 32
    assert len(asked["nonce"][0]) >= 32
    assert CHALLENGE not in begun.headers["location"]
    cookie = begun.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=lax", "path=/api/v1/login"))


async def test_a_login_is_worth_a_token_once_and_only_to_the_page_that_began_it(
    browser: httpx.AsyncClient,
) -> None:
    code = await back(browser, await at_provider(browser, ADA))
    other = await taken(browser, code, "w" * 43)
    assert (other.status_code, other.json()["detail"]) == (
        401,
        "this login was begun in another page",
    )
    assert (await taken(browser, code)).status_code == 200
    again = await taken(browser, code)
    assert again.status_code == 401
    assert "taken already" in again.json()["detail"]


async def test_an_answer_to_another_login_is_refused(browser: httpx.AsyncClient) -> None:
    address = await at_provider(browser, ADA)
    code = await back(browser, address.replace("state=", "state=x"))
    assert "state" in (await taken(browser, code)).json()["detail"]
    # Without the cookie: begun in another browser.
    address = await at_provider(browser, ADA)
    browser.cookies.clear()
    refused = await taken(browser, await back(browser, address))
    assert refused.status_code == 401
    assert "not begun in this browser" in refused.json()["detail"]


async def test_a_code_that_was_put_into_another_login_fails_by_its_nonce(
    browser: httpx.AsyncClient,
) -> None:
    """Its state is right: only the nonce in the ID token tells that it is somebody else's code."""
    stolen = parse_qs(urlsplit(await at_provider(browser, BOB)).query)["code"][0]
    mine = urlsplit(await at_provider(browser, ADA))
    state = parse_qs(mine.query)["state"][0]
    refused = await taken(browser, await back(browser, f"{mine.path}?code={stolen}&state={state}"))
    assert refused.status_code == 401
    assert "nonce" in refused.json()["detail"]


async def test_who_has_no_role_or_says_no_is_told_why(browser: httpx.AsyncClient) -> None:
    refused = await taken(browser, await back(browser, await at_provider(browser, EVE)))
    assert refused.status_code == 403
    assert "your groups give none" in refused.json()["detail"]
    refused = await taken(browser, await back(browser, await at_provider(browser, None)))
    assert refused.status_code == 403
    assert "did not let you in" in refused.json()["detail"]


async def test_an_error_of_the_provider_is_told_also_where_it_has_no_state(
    browser: httpx.AsyncClient,
) -> None:
    """Some providers leave it out of their errors; nobody is let in by one."""
    locked = {"error": "access_denied", "error_description": "the account is locked"}
    for more, status, expected in (
        ({}, 403, "did not let you in: the account is locked"),
        ({"state": "of another login"}, 401, "the answer is of another login"),
    ):
        address = urlsplit(await at_provider(browser, None))
        query = urlencode(locked | more)
        refused = await taken(browser, await back(browser, f"{address.path}?{query}"))
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.status_code == status
        assert expected in refused.json()["detail"]
    address = urlsplit(await at_provider(browser, None))
    browser.cookies.clear()
    refused = await taken(browser, await back(browser, f"{address.path}?{urlencode(locked)}"))
    assert refused.status_code == 401
    assert "not begun in this browser" in refused.json()["detail"]


async def test_a_login_is_renewed_until_the_provider_ends_it_and_ends_when_one_leaves(
    browser: httpx.AsyncClient, issuer: str
) -> None:
    found = await logged_in(browser, ADA)
    renewed = await browser.post("/api/v1/login/renew", json={"renewal": found["renewal"]})
    assert renewed.status_code == 200, renewed.text
    token, renewal = renewed.json()["token"], renewed.json()["renewal"]
    assert token != found["token"]
    left = await browser.post("/api/v1/login/leave", json={"token": token, "renewal": renewal})
    assert left.json()["elsewhere"].startswith(f"{issuer}/oauth2/end_session?client_id=dqmstream")
    assert (await browser.get("/api/v1/me", headers=bearer(token))).status_code == 401
    again = await browser.post("/api/v1/login/renew", json={"renewal": renewal})
    assert again.status_code == 401
    found = await logged_in(browser, ADA)
    async with httpx.AsyncClient(timeout=60) as admin:
        await admin.post(f"{issuer}/users/{ADA['sub']}/revoke-tokens")
    ended = await browser.post("/api/v1/login/renew", json={"renewal": found["renewal"]})
    assert ended.status_code == 401


async def test_a_login_that_was_left_is_over_however_its_tokens_are_spelled(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of before it was renewed, too; and nobody makes a gateway forget it."""
    monkeypatch.setattr("services.gateway.oidc._MOST_USED", 4)
    first = await logged_in(browser, ADA)
    renewed = await browser.post("/api/v1/login/renew", json={"renewal": first["renewal"]})
    later = renewed.json()
    left = {"token": later["token"], "renewal": later["renewal"]}
    assert (await browser.post("/api/v1/login/leave", json=left)).status_code == 200
    for number in range(8):
        made_up = {"token": f"dqm_p.{number}", "renewal": f"gAAAA{number}"}
        assert (await browser.post("/api/v1/login/leave", json=made_up)).status_code == 200
    for token in (first["token"], later["token"], later["token"][:9] + "~~~~" + later["token"][9:]):
        assert (await browser.get("/api/v1/me", headers=bearer(token))).status_code == 401
    for renewal in (
        first["renewal"],
        later["renewal"],
        later["renewal"][:9] + "~~~~" + later["renewal"][9:],
    ):
        again = await browser.post("/api/v1/login/renew", json={"renewal": renewal})
        assert again.status_code == 401, again.text
        assert "this login is over" in again.json()["detail"]


async def test_a_token_ends_and_another_gateway_with_the_same_secret_takes_it_until_then(
    log: MemoryLog, issuer: str
) -> None:
    """So does the same gateway when it was started again."""
    chosen = settings_of(issuer, token_seconds=600.0)
    tokens = access_with(access(), chosen)
    async with (
        gateway(log, tokens=tokens) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        found = await logged_in(client, BOB)
    clock = SettableClock(SystemClock().wall())
    for settings, ahead, in_force in (
        (chosen, 0, True),
        (settings_of(issuer, secret="another"), 0, False),  # noqa: S106
        (chosen, 601, False),
    ):
        clock.advance(ahead)
        other = access_with(access(), settings, clock)
        assert other.people is not None
        caller = other.people.find(found["token"], clock.wall())
        assert (caller is not None) is in_force
        if caller:
            assert caller.name == "oidc:bob"


async def test_an_id_token_that_has_expired_is_not_believed(log: MemoryLog) -> None:
    with provider("--token-max-age", "-600") as (address, _):
        tokens = access_with(access(), settings_of(address))
        async with (
            gateway(log, tokens=tokens) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            refused = await taken(client, await back(client, await at_provider(client, ADA)))
            assert refused.status_code == 401
            assert "not to be believed" in refused.json()["detail"]


async def test_a_provider_that_is_away_or_is_another_is_named(log: MemoryLog) -> None:
    with provider() as (address, process):
        tokens = access_with(access(), settings_of(address))
        async with (
            gateway(log, tokens=tokens) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            found = await logged_in(client, ADA)
            address_back = await at_provider(client, ADA)
            _end(process)
            refused = await taken(client, await back(client, address_back))
            assert refused.status_code == 503
            assert "does not answer" in refused.json()["detail"]
            renewed = await client.post("/api/v1/login/renew", json={"renewal": found["renewal"]})
            assert renewed.status_code == 503
            # Who is inside stays inside.
            me = await client.get("/api/v1/me", headers=bearer(found["token"]))
            assert me.json()["role"] == "shifter"
        tokens = access_with(access(), settings_of(address))
        async with (
            gateway(log, tokens=tokens) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            begun = await client.get("/api/v1/login", params={"challenge": CHALLENGE})
            assert begun.status_code == 503
    with provider() as (address, _):
        named = address.replace("localhost", "127.0.0.1")
        # It answers there, too, and calls itself by the name that it was asked by: not so behind
        # a path that is none of its own.
        tokens = access_with(access(), settings_of(named + "/realms/x"))
        async with (
            gateway(log, tokens=tokens) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            begun = await client.get("/api/v1/login", params={"challenge": CHALLENGE})
            assert begun.status_code == 502
            assert "with something that is no JSON" in begun.json()["detail"]


async def test_a_provider_that_calls_itself_otherwise_is_not_believed() -> None:
    said = b'{"issuer": "https://login.example.org"}'

    async def answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
        issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        people = access_with(access(), settings_of(issuer), SettableClock()).people
        assert people is not None
        with pytest.raises(ProblemError) as refused:
            await people.begin(CHALLENGE, "http://localhost/")
    assert refused.value.status == 502
    expected = f"calls itself 'https://login.example.org', expected '{issuer}'"
    assert expected in refused.value.detail


async def test_those_who_wait_for_a_provider_that_is_away_wait_for_one_question() -> None:
    """Not as long one after the other; later it is asked again."""
    asked = 0

    async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.close()

    clock = SettableClock()
    async with await asyncio.start_server(hangs_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        people = access_with(access(), settings_of(f"http://127.0.0.1:{port}"), clock).people
        assert people is not None
        for questions in (1, 2):
            begun = [people.begin(CHALLENGE, "http://localhost/") for _ in range(5)]
            for problem in await asyncio.gather(*begun, return_exceptions=True):
                assert isinstance(problem, ProblemError)
                assert problem.status == 503
                assert "does not answer" in problem.detail
            assert asked == questions
            clock.advance(3)


async def test_a_gateway_without_a_provider_says_that_tokens_log_in(log: MemoryLog) -> None:
    async with gateway(log) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.get("/api/v1/me")).json()["provider"] is None
        begun = await client.get("/api/v1/login", params={"challenge": CHALLENGE})
        assert begun.status_code == 404
        assert "tokens log in" in begun.json()["detail"]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)
