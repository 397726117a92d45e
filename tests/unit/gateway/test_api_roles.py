"""Every route of the API, as anybody and with each role: who gets in is as the table says."""

import asyncio
import re
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.messages.quality import Outcome
from dqmstream.transport.memory import MemoryLog
from services.gateway.access_tokens import Role
from services.gateway.app import create_app, openapi_document
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from tests import bodies  # noqa: F401 tells Schemathesis how chunks look
from tests.filled import make_topics
from tests.ingesting import bearer, parts_with_ingest

NOBODY: Final = None
WHO: Final = (NOBODY, *Role)
FREE: Final = frozenset(WHO)
SENDERS: Final = frozenset({Role.PRODUCER, Role.ADMIN})

KNOWN: Final = {
    "run": "400001",
    "source": "a",
    "incarnation": "one",
    "lumisection": "1",
    "number": "0",
    "workspace": "pixel",
    "version": "0123456789abcdef",
}

DOCUMENT: Final = openapi_document()
OPERATIONS: Final = sorted(
    (method, path) for path, operations in DOCUMENT["paths"].items() for method in operations
)
READING: Final = {("get", path) for _, path in OPERATIONS if not path.startswith("/api/v1/ingest/")}
"""Routes that anybody may ask; what is neither here nor below nor ingest is a gap in this table."""
EXPERTS: Final = frozenset({Role.EXPERT, Role.ADMIN})
SHIFTERS: Final = EXPERTS | {Role.SHIFTER}
LOGGING_IN: Final = frozenset(
    f"/api/v1/login{more}" for more in ("", "/callback", "/exchange", "/renew", "/leave")
)
"""Routes that answer whoever asks: here one becomes somebody."""
ALWAYS_FREE: Final = frozenset({"/health", "/ready", "/api/v1/me"}) | LOGGING_IN
DECIDING: Final = {
    **{("post", path): FREE for path in LOGGING_IN},
    ("post", "/api/v1/references"): EXPERTS,
    ("post", "/api/v1/quality-tests/dry-run"): EXPERTS,
    ("post", "/api/v1/quality-tests/activate"): EXPERTS,
    ("post", "/api/v1/quality-tests/rollback"): EXPERTS,
    ("post", "/api/v1/alarm-rules/dry-run"): EXPERTS,
    ("post", "/api/v1/alarm-rules/activate"): EXPERTS,
    ("post", "/api/v1/alarm-rules/rollback"): EXPERTS,
    ("post", "/api/v1/posted-workspaces/dry-run"): EXPERTS,
    ("post", "/api/v1/posted-workspaces/activate"): EXPERTS,
    ("post", "/api/v1/posted-workspaces/{workspace}/rollback"): EXPERTS,
    ("post", "/api/v1/notification-routes/dry-run"): EXPERTS,
    ("post", "/api/v1/notification-routes/activate"): EXPERTS,
    ("post", "/api/v1/notification-routes/rollback"): EXPERTS,
    ("post", "/api/v1/reference-uploads"): EXPERTS,
    ("post", "/api/v1/references/{version}/accept"): EXPERTS,
    ("post", "/api/v1/references/{version}/retire"): EXPERTS,
    ("post", "/api/v1/alarm-actions/acknowledge"): SHIFTERS,
    ("post", "/api/v1/alarm-actions/shelve"): SHIFTERS,
    ("post", "/api/v1/alarm-actions/unshelve"): SHIFTERS,
    ("post", "/api/v1/alarm-actions/out-of-service"): EXPERTS,
    ("post", "/api/v1/alarm-actions/in-service"): EXPERTS,
    ("put", "/api/v1/subscriptions/{name}"): EXPERTS,
    ("delete", "/api/v1/subscriptions/{name}"): EXPERTS,
    ("post", "/api/v1/subscriptions/{name}/{action}"): EXPERTS,
    ("put", "/api/v1/layouts/{name}"): EXPERTS,
    ("delete", "/api/v1/layouts/{name}"): EXPERTS,
    ("post", "/api/v1/layout-restores/{name}"): EXPERTS,
    ("post", "/api/v1/layout-imports"): EXPERTS,
}
"""Routes by which people decide something."""


def made_up_app(**settings_: Any) -> Any:
    """A gateway with a run in memory, that takes events; its limits are no matter here."""
    view, detector = LiveView(), Detector()
    for message in [*detector.announce(), *detector.fill(1), *detector.close(1)]:
        view.apply(message, 1)
    for message in detector.reports(1, {"pixel/charge": Outcome.BAD}):
        view.apply(message, 1)
    log = MemoryLog(SystemClock())
    asyncio.run(make_topics(log, 2))
    hosts = ("localhost", "testserver")
    limits = Limits(requests_per_second=0)
    chosen = GatewaySettings(limits=limits, allowed_hosts=hosts, **settings_)
    return create_app(parts_with_ingest(log, view=view, settings=chosen, clock=SettableClock()))


def url_of(path: str) -> str:
    """A path with something that exists in the place of each parameter."""
    return re.sub(r"\{(\w+)\}", lambda found: KNOWN.get(found[1], "x"), path)


def let_in(method: str, path: str) -> frozenset[Role | None]:
    """Who may ask a route, as documents say."""
    if (method, path) in READING:
        return FREE
    return DECIDING.get((method, path), SENDERS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_route_lets_in_whom_the_table_names_and_nobody_else(
    method: str, path: str, app: Any
) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for who in WHO:
            answer = await client.request(method, url_of(path), headers=bearer(who))
            refused = answer.status_code in {401, 403}
            assert refused is (who not in let_in(method, path)), (who, answer.text)
            if refused:
                assert answer.status_code == (401 if who is NOBODY else 403)
                assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_when_reading_takes_a_token_nothing_is_free_but_the_probes_and_who_asks(
    method: str, path: str, closed_app: Any
) -> None:
    transport = httpx.ASGITransport(closed_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for who in WHO:
            answer = await client.request(method, url_of(path), headers=bearer(who))
            allowed = let_in(method, path)
            if (method, path) in READING and path not in ALWAYS_FREE:
                allowed = FREE - {NOBODY, Role.PRODUCER}
            assert (answer.status_code in {401, 403}) is (who not in allowed), (who, answer.text)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_whatever_writes_asks_for_a_token_in_the_document(method: str) -> None:
    """So that a route that writes cannot be added without a role."""
    for path, operations in DOCUMENT["paths"].items():
        if method in operations and path not in LOGGING_IN:
            assert operations[method]["security"] == [{"token": []}], path


@pytest.fixture(scope="module")
def app() -> Any:
    return made_up_app()


@pytest.fixture(scope="module")
def closed_app() -> Any:
    return made_up_app(read_needs_token=True)


UNSAID: Final = [
    # That two parameters exclude each other, or that a < b, is beyond what OpenAPI can say; so is
    # that the body of a chunk is Arrow.
    positive_data_acceptance,
    # It takes the token out of a request, which is put back here.
    negative_data_rejection,
]

schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", made_up_app(), timeout=300)


@schema.parametrize()
@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_answers_are_as_the_document_says_to_every_role(case: Any) -> None:
    """The same request by several: making one up takes longer than asking.

    What reading routes answer depends on no role that they let in, so a few of them do there.
    """
    writing = "/ingest/" in case.operation.path or case.method.lower() != "get"
    for who in WHO if writing else (Role.VIEWER, Role.PRODUCER):
        headers = bearer(who)
        response = case.call(headers=headers, timeout=120)
        case.validate_response(response, headers=headers, excluded_checks=UNSAID)
