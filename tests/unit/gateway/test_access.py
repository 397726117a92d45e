"""Tokens and roles: who gets in, who does not, and what nobody ever sees."""

import asyncio
import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import Depends
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.transport.memory import MemoryLog
from services.cli import app as program
from services.gateway.access import Access, requires
from services.gateway.access_file import changed_tokens, follow_tokens, read_tokens
from services.gateway.access_tokens import Role, Token, Tokens, new_secret, sha256_of
from services.gateway.admission import PROTOCOL, TOKEN_PREFIX
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings, Limits
from services.logging.logs import Hider
from tests.filled import make_topics
from tests.ingesting import SECRETS, access, bearer, gateway, parts_with_ingest

LADDER = (Role.VIEWER, Role.SHIFTER, Role.EXPERT, Role.ADMIN)


@pytest.fixture
async def log() -> MemoryLog:
    made = MemoryLog(SystemClock())
    await make_topics(made, 2)
    return made


def asking(log: MemoryLog, settings: GatewaySettings | None = None) -> httpx.AsyncClient:
    app = create_app(parts_with_ingest(log, settings=settings))
    for role in Role:
        app.router.routes.insert(0, _route(f"/only/{role}", role))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def _route(path: str, role: Role):
    from fastapi.routing import APIRoute  # noqa: PLC0415

    async def answer() -> dict[str, str]:
        return {}

    return APIRoute(path, answer, methods=["POST"], dependencies=[Depends(requires(role))])


def token(name: str = "a", secret: str = "", **more: object) -> Token:
    return Token(name=name, role=Role.VIEWER, sha256=sha256_of(secret or new_secret()), **more)


def test_each_role_may_what_those_below_may_and_a_producer_only_sends() -> None:
    for low, role in enumerate(LADDER):
        assert [role.may(wanted) for wanted in LADDER] == [low >= high for high in range(4)]
        assert role.may(Role.PRODUCER) is (role is Role.ADMIN)
        assert not Role.PRODUCER.may(role)
    assert Role.PRODUCER.may(Role.PRODUCER)


def test_a_token_is_256_random_bits_and_its_file_holds_only_the_hash() -> None:
    secret = new_secret()
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(secret) == len("dqm_") + 43  # 43 digits of 6 bits
    tokens = Tokens([token(secret=secret)])
    assert secret not in tokens.encode().decode()
    assert tokens.find(secret, 0) == tokens.all[0]
    assert Tokens.decode(tokens.encode(), file="x").all == tokens.all
    for wrong in (secret[:-1], secret + "A", secret.swapcase(), new_secret(), "", "dqm_", "ä" * 47):
        assert tokens.find(wrong, 0) is None


def test_a_token_that_has_expired_is_none() -> None:
    secret = new_secret()
    tokens = Tokens([token(secret=secret, expires=1_000)])
    assert tokens.find(secret, 999) is not None
    assert tokens.find(secret, 1_000) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"tokens": [{"name": "a"}]}', "missing required field `role`"),
        (b'{"tokens": [{"name": "a", "role": "king", "sha256": ""}]}', "Invalid enum value 'king'"),
        (b'{"tokens": [{"name": "a", "role": "admin", "sha256": "0"}]}', "matching regex"),
        (b'{"tokens": [], "more": 1}', "unknown field `more`"),
        (b'\xff{"tokens": []}', "malformed"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"tokens file {path}: .*{said}"):
        read_tokens(path)


def test_two_tokens_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="name 'a' stands there twice"):
        Tokens([token("a"), token("a")])


def test_the_file_is_its_owners_alone_and_one_that_others_may_write_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "tokens.json"
    changed_tokens(path, lambda tokens: Tokens([*tokens.all, token()]))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="can be written by others"):
        read_tokens(path)


def test_changes_by_several_processes_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    command = [sys.executable, "-m", "services.cli", "token", "new", "--role", "viewer"]
    making = [
        subprocess.Popen(
            [*command, "--name", f"n{number}", "--tokens-file", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    said = [process.communicate(timeout=150)[0].decode().strip() for process in making]
    tokens = read_tokens(path)
    assert sorted(one.name for one in tokens.all) == ["n0", "n1", "n2", "n3"]
    assert all(tokens.find(secret, 0) for secret in said)


async def test_the_file_is_followed_and_a_broken_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.access_file._LOOK", 0.01)
    path = tmp_path / "tokens.json"
    news = follow_tokens(path, Tokens())
    await asyncio.to_thread(changed_tokens, path, lambda _: Tokens([token("first")]))
    assert [one.name for one in (await anext(news)).all] == ["first"]
    path.write_text("{")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(anext(news))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        path.write_bytes(Tokens([token("second")]).encode())
    assert [one.name for one in waiting.result().all] == ["second"]
    path.unlink()
    assert (await anext(news)).all == ()


async def test_a_route_names_the_role_it_takes(log: MemoryLog) -> None:
    async with asking(log) as client:
        for wanted in Role:
            for role in (None, *Role):
                answer = await client.post(f"/only/{wanted}", headers=bearer(role))
                if role is None:
                    assert answer.status_code == 401
                    assert answer.headers["www-authenticate"] == 'Bearer realm="dqmstream"'
                else:
                    assert answer.status_code == (200 if role.may(wanted) else 403), (role, wanted)
                if answer.status_code != 200:
                    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        f"Bearer {new_secret()}",
        f"Basic {SECRETS[Role.ADMIN]}",
        SECRETS[Role.ADMIN],
        f"Bearer {SECRETS[Role.ADMIN]},{SECRETS[Role.ADMIN]}",
        "Bearer " + "x" * 10_000,
        "Bearer \xe4",
    ],
    ids=["empty", "blank", "word", "unknown", "basic", "bare", "two", "long", "not_ascii"],
)
async def test_a_token_that_is_none_is_refused_even_where_none_is_asked_for(
    log: MemoryLog, header: str
) -> None:
    async with asking(log) as client:
        answer = await client.get(
            "/api/v1/runs", headers={"authorization": header.encode("latin-1")}
        )
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert (await client.get("/api/v1/runs")).status_code == 200


async def test_a_token_in_the_url_or_a_cookie_is_no_token(log: MemoryLog) -> None:
    secret = SECRETS[Role.ADMIN]
    async with asking(log) as client:
        for name in ("token", "access_token"):
            answer = await client.post("/only/viewer", params={name: secret})
            assert answer.status_code == 401
        client.cookies.set("token", secret)
        assert (await client.post("/only/viewer")).status_code == 401


async def test_a_page_of_another_origin_may_not_write_even_with_a_token(log: MemoryLog) -> None:
    async with asking(log) as client:
        for origin, status in (
            ("https://evil.example", 403),
            ("http://localhost", 200),
            ("null", 403),
        ):
            headers = bearer(Role.ADMIN) | {"origin": origin}
            answer = await client.post("/only/admin", headers=headers)
            assert answer.status_code == status, origin
        preflight = {"origin": "https://evil.example", "access-control-request-method": "PUT"}
        answer = await client.options("/api/v1/ingest/runs/1/sources/a/b", headers=preflight)
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_reading_can_be_made_to_take_a_token(log: MemoryLog) -> None:
    settings = GatewaySettings(read_needs_token=True)
    async with asking(log, settings) as client:
        for path in (
            "/api/v1/runs",
            "/api/v1/openapi.json",
            "/metrics",
            "/nothing",
            "//api/v1/runs",
        ):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers=bearer(Role.PRODUCER))).status_code == 403
        for role in LADDER:
            answer = await client.get("/api/v1/runs", headers=bearer(role))
            assert answer.status_code == 200
        for path in ("/health", "/ready", "/", "/index.html", "/session.js", "/display"):
            assert (await client.get(path)).status_code == 200
        where = "/api/v1/ingest/runs/1"
        assert (await client.get(where, headers=bearer(Role.PRODUCER))).status_code == 200
        assert (await client.get(where)).status_code == 401


async def test_the_stream_takes_a_token_when_reading_does(log: MemoryLog) -> None:
    async with gateway(log, GatewaySettings(read_needs_token=True)) as url:
        address = url.replace("http", "ws") + "/api/v1/stream"
        refusals = (({}, 401), (bearer(Role.PRODUCER), 403), ({"authorization": "Bearer no"}, 401))
        for headers, status in refusals:
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, additional_headers=headers, open_timeout=60)
            assert refused.value.response.status_code == status
            assert refused.value.response.headers["www-authenticate"].startswith("Bearer")
        async with connect(
            address, additional_headers=bearer(Role.VIEWER), open_timeout=60
        ) as stream:
            assert json.loads(await stream.recv())["type"] == "hello"
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                address,
                additional_headers=bearer(Role.VIEWER),
                origin="https://evil.example",
                open_timeout=60,
            )
        assert refused.value.response.status_code == 403


async def test_who_asks_is_told_what_they_may(log: MemoryLog) -> None:
    for needs in (False, True):
        async with asking(log, GatewaySettings(read_needs_token=needs)) as client:
            nobody = (await client.get("/api/v1/me")).json()
            assert (nobody["name"], nobody["role"]) == ("", None)
            assert nobody["may"] == ([] if needs else ["viewer"])
            assert nobody["reading_takes_token"] is needs
            for role in LADDER:
                me = (await client.get("/api/v1/me", headers=bearer(role))).json()
                assert (me["name"], me["role"]) == (role, role)
                below = [str(one) for one in LADDER[: LADDER.index(role) + 1]]
                assert me["may"] == below + ["producer"] * (role is Role.ADMIN)
            wrong = await client.get("/api/v1/me", headers={"authorization": "Bearer no"})
            assert wrong.status_code == 401


async def test_a_browser_offers_its_token_as_a_subprotocol_which_is_never_answered(
    log: MemoryLog,
) -> None:
    async with gateway(log, GatewaySettings(read_needs_token=True)) as url:
        address = url.replace("http", "ws") + "/api/v1/stream"
        offer = [Subprotocol(PROTOCOL), Subprotocol(TOKEN_PREFIX + SECRETS[Role.VIEWER])]
        async with connect(address, subprotocols=offer, open_timeout=60) as stream:
            assert stream.subprotocol == PROTOCOL
            assert json.loads(await stream.recv())["type"] == "hello"
        for offer, status in (
            ([Subprotocol(PROTOCOL)], 401),
            ([Subprotocol(PROTOCOL), Subprotocol(TOKEN_PREFIX + new_secret())], 401),
            ([Subprotocol(TOKEN_PREFIX + SECRETS[Role.PRODUCER])], 403),
        ):
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, subprotocols=offer, open_timeout=60)
            assert refused.value.response.status_code == status


async def test_a_stream_ends_with_the_token_that_opened_it(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.admission._LOOK_AT_TOKEN", 0.02)
    tokens = access()
    async with gateway(log, GatewaySettings(read_needs_token=True), tokens=tokens) as url:
        address = url.replace("http", "ws") + "/api/v1/stream"
        async with connect(
            address, additional_headers=bearer(Role.VIEWER), open_timeout=60
        ) as stream:
            assert json.loads(await stream.recv())["type"] == "hello"
            tokens.tokens = Tokens()
            with pytest.raises(ConnectionClosed) as closed:
                await stream.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.reason == "the token is in force no longer"


async def test_too_many_requests_are_told_to_wait(log: MemoryLog) -> None:
    """Of an address, of one with wrong tokens, and of each token by itself."""
    limits = Limits(requests_per_second=1, burst_seconds=3)
    clock = SettableClock()
    parts = parts_with_ingest(log, settings=GatewaySettings(limits=limits), clock=clock)
    transport = httpx.ASGITransport(create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        async def statuses(headers: dict[str, str]) -> list[int]:
            return [
                (await client.get("/api/v1/runs", headers=headers)).status_code for _ in range(4)
            ]

        assert await statuses(bearer(Role.VIEWER)) == [200, 200, 200, 429]
        assert await statuses(bearer(Role.ADMIN)) == [200, 200, 200, 429]
        assert await statuses({"authorization": "Bearer no"}) == [401, 401, 401, 429]
        answer = await client.get("/health")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        clock.advance(1.0)
        assert (await client.get("/health")).status_code == 200
        counted = (await client.get("/metrics", headers=bearer(Role.EXPERT))).text
        assert 'dqm_gateway_refused_requests_total{status="429"} 4.0' in counted


async def test_a_revoked_token_ends_and_a_new_one_begins_while_the_gateway_runs(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.access_file._LOOK", 0.02)
    path, secret = tmp_path / "tokens.json", new_secret()
    async with (
        gateway(log, tokens=Access.of_file(path)) as url,
        httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {secret}"}, timeout=60
        ) as client,
    ):
        assert (await client.get("/api/v1/runs")).status_code == 401
        for tokens, wanted in (([token(secret=secret)], 200), ([], 401)):
            await asyncio.to_thread(changed_tokens, path, lambda _, t=tokens: Tokens(t))
            async with asyncio.timeout(60):
                while (await client.get("/api/v1/runs")).status_code != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


def test_a_token_is_never_logged(tmp_path: Path) -> None:
    """Whatever is wrong with what it is sent with, at the level that tells most."""
    code = f"""
import asyncio, httpx
from services.logging.logs import set_up_logs
from dqmstream.clock import SystemClock
from dqmstream.transport.memory import MemoryLog
from services.gateway.access_tokens import Role
from tests.filled import make_topics
from tests.ingesting import INGEST, SECRETS, bearer, gateway

async def main():
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    async with gateway(log) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
      for form in ("text", "json"):
        set_up_logs("debug", form)
        place = INGEST + "/runs/1/sources/a/b"
        for role in Role:
            secret = SECRETS[role]
            for header in (f"Bearer {{secret}}", f"bearer {{secret}}x", f"Basic {{secret}}"):
                for path in ("/api/v1/runs/x", place, "/nothing", place + "/end"):
                    sent = {{"authorization": header}}
                    for method in ("GET", "PUT", "DELETE"):
                        answer = await client.request(method, path, headers=sent, content=b"{{")
                        assert secret not in answer.text + str(answer.headers)
            with open({str(tmp_path / "tokens")!r}, "a") as file:
                file.write(secret + "\\n")

asyncio.run(main())
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False
    )
    assert ran.returncode == 0, ran.stderr
    for secret in (tmp_path / "tokens").read_text().split():
        assert secret not in ran.stdout + ran.stderr
        assert secret.removeprefix("dqm_") not in ran.stdout + ran.stderr


def test_a_token_that_gets_into_a_line_all_the_same_is_hidden() -> None:
    secret = new_secret()
    for text in (f"header Bearer {secret}", f"[{secret}]", secret):
        assert secret not in Hider().text(text)
    line = Hider()(None, "info", {"event": "x", "detail": {"header": [secret.encode()]}})
    assert secret not in str(line)


class TestCommands:
    """`dqmstream token`."""

    def run(self, *arguments: str, data: Path):
        return CliRunner().invoke(program, ["token", *arguments, "--data", str(data)])

    def test_a_token_is_printed_once_listed_without_it_and_revoked(self, tmp_path: Path) -> None:
        made = self.run(
            *("new", "--role", "producer", "--name", "pixel", "--source", "a", "--days", "2"),
            data=tmp_path,
        )
        assert made.exit_code == 0, made.output
        secret = made.stdout.strip()
        found = read_tokens(tmp_path / "tokens.json").find(secret, 0)
        assert found is not None
        assert (found.name, found.role, found.sources) == ("pixel", Role.PRODUCER, ("a",))
        assert found.expires == found.made + 2 * 86_400 * 10**9
        for arguments in (["list"], ["list", "--json"]):
            listed = self.run(*arguments, data=tmp_path)
            assert "pixel" in listed.stdout
            assert secret not in listed.output
            assert found.sha256 not in listed.output
        assert self.run("revoke", "pixel", data=tmp_path).exit_code == 0
        assert read_tokens(tmp_path / "tokens.json").all == ()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["new", "--role", "king", "--name", "a"], "role 'king' is none of viewer, shifter"),
            (["new", "--role", "viewer", "--name", "a b"], "matching regex"),
            (["new", "--role", "viewer", "--name", "a", "--source", "x"], "sends nothing"),
            (["revoke", "nobody"], "no token of the name 'nobody'"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_sentence(
        self, arguments: list[str], said: str, tmp_path: Path
    ) -> None:
        ran = self.run(*arguments, data=tmp_path)
        assert ran.exit_code == 2
        assert said in ran.output
        assert not (tmp_path / "tokens.json").exists()

    def test_a_file_that_is_named_and_missing_stops_the_start_of_a_gateway(
        self, tmp_path: Path
    ) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "services.cli", "run", "--port", "0", "--data", str(tmp_path)],
            env={"DQMSTREAM_TOKENS_FILE": str(tmp_path / "none.json"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert ran.returncode == 2
        assert "none.json does not exist: make it with `dqmstream token new`" in ran.stderr
