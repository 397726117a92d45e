"""What routes share: the gateway's parts, and parameters that several of them take."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from dqmstream.clock import Clock
from dqmstream.histograms.layout import Layout
from dqmstream.workspaces.budget import MemoryBudgets
from services.draining import Drain
from services.gateway.access import Access
from services.gateway.alarm_desk import AlarmDesk
from services.gateway.alarm_rules_desk import AlarmRulesDesk
from services.gateway.caller import Caller
from services.gateway.candidate_comparing import Comparing
from services.gateway.candidate_relay import CandidateRelay
from services.gateway.catalogue import Found, find
from services.gateway.deployment_desk import DeploymentDesk
from services.gateway.desk import Desk
from services.gateway.formats.encoding import Encoding, Turns
from services.gateway.ingest import Ingest
from services.gateway.layout_desk import LayoutDesk
from services.gateway.library import Library
from services.gateway.limits import client_key
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.notification_desk import NotificationDesk
from services.gateway.notification_routes_desk import NotificationRoutesDesk
from services.gateway.posted_desk import PostedDesk
from services.gateway.problems import ProblemError, not_found, problem_answer
from services.gateway.quality_desk import QualityDesk
from services.gateway.readings import Readings
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.search import Matches, glob_matches, regex_matches
from services.gateway.settings import GatewaySettings
from services.gateway.stream import Stream
from services.gateway.windows import Window, parse_range
from services.status.statuses import StatusReport

__all__ = [
    "PROBLEMS",
    "Asked",
    "ChosenWindow",
    "Gateway",
    "Parts",
    "Pattern",
    "RunWord",
    "SetWord",
    "answer",
    "asker",
    "check_lumisections",
    "chosen_elements",
    "etag",
    "matching",
    "range_window",
    "unchanged",
]

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    404: problem_answer("Nothing of that name is known."),
    409: problem_answer("The sum asked for cannot be made."),
    413: problem_answer("More is asked for than one answer may hold."),
    421: problem_answer("The Host header names no host of this gateway."),
    422: problem_answer("A parameter is wrong: which, what came, what was expected."),
    503: problem_answer("The store cannot be asked, or has not got all of it yet: ask again."),
}

RunWord = Annotated[
    str,
    Path(
        pattern=r"^(current|[1-9][0-9]{0,9})$",
        description="A run number, or `current` for the one that began last.",
        examples=["current"],
    ),
]


SetWord = Annotated[
    str | None,
    Query(
        alias="set",
        pattern=r"^[0-9a-f]{16}$",
        description="Of this set of bookings, whether readers are shown it or not "
        "(`/runs/{run}/sets`); by default of the one that is shown.",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a gateway is made of."""

    view: LiveView
    desk: Desk
    stream: Stream
    library: Library
    readings: Readings
    settings: GatewaySettings
    clock: Clock
    metrics: GatewayMetrics
    status: Callable[[], Awaitable[StatusReport]]
    is_ready: Callable[[], bool] = field(default=lambda: True)
    lag: Callable[[], dict[str, int]] = field(default=dict)
    drain: Drain = field(default_factory=Drain)
    encoding: Encoding = field(default_factory=Encoding)
    streams: Turns = field(default_factory=Turns)
    access: Access = field(default_factory=Access)
    budgets: MemoryBudgets = field(default_factory=MemoryBudgets)
    ingest: Ingest | None = None
    references: ReferenceDesk | None = None
    quality: QualityDesk | None = None
    notifications: NotificationDesk | None = None
    notification_routes: NotificationRoutesDesk | None = None
    alarms: AlarmDesk | None = None
    alarm_rules: AlarmRulesDesk | None = None
    posted: PostedDesk | None = None
    layouts: LayoutDesk | None = None
    deployments: DeploymentDesk | None = None
    relay: CandidateRelay | None = None
    comparing: Comparing | None = None


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Gateway = Annotated[Parts, Depends(_parts)]


def _chosen_window(
    lumisections: Annotated[
        str | None,
        Query(
            description="LSs `a-b` (both included) or `a`, numbered from 1.",
            examples=["12-40"],
            max_length=20,
        ),
    ] = None,
    last: Annotated[int | None, Query(ge=1, le=100_000, description="The newest LSs.")] = None,
    window: Annotated[
        Literal["lumisection", "run"] | None,
        Query(description="The whole run (the default), or its newest LS."),
    ] = None,
) -> Window:
    given = [name for name in (lumisections, last, window) if name is not None]
    if len(given) > 1:
        detail = "more than one of lumisections, last and window given, expected at most one"
        raise ProblemError(422, detail)
    if lumisections is not None:
        return range_window(lumisections)
    if last is not None:
        return Window("last", count=last)
    return Window(window or "run")


def range_window(lumisections: str) -> Window:
    """LSs `a-b` or `a`; ProblemError 422 if they are none."""
    try:
        return Window("range", *parse_range(lumisections))
    except ValueError as error:
        raise ProblemError(422, str(error)) from error


ChosenWindow = Annotated[Window, Depends(_chosen_window)]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which elements: `match` is a glob, `regex` a regular expression; at most one of them."""

    match: str | None
    regex: str | None


def _pattern(
    match: Annotated[
        str | None,
        Query(
            description="Glob over paths, without regard to case: `*` stays in one folder, `**` "
            "crosses folders; without a slash it is matched against names.",
            examples=["pixel/**/charge*"],
            max_length=1_000,
        ),
    ] = None,
    regex: Annotated[
        str | None,
        Query(
            description="Regular expression (RE2), searched in paths without regard to case.",
            examples=["charge|occupancy"],
            max_length=1_000,
        ),
    ] = None,
) -> Pattern:
    if match is not None and regex is not None:
        raise ProblemError(422, "both match and regex given, expected at most one")
    return Pattern(match, regex)


Asked = Annotated[Pattern, Depends(_pattern)]


def matching(pattern: Pattern, longest: int) -> Matches | None:
    """The test a pattern means; None if none is given."""
    if pattern.match is not None:
        return glob_matches(pattern.match, longest=longest)
    if pattern.regex is not None:
        return regex_matches(pattern.regex, longest=longest)
    return None


async def chosen_elements(
    parts: Parts,
    number: int,
    paths: Sequence[str],
    pattern: Pattern,
    workspace: str | None,
    *,
    set_hash: str | None = None,
) -> list[Found]:
    """The elements of a run that a request names, within what one answer may hold.

    As a set books them, whether it is shown or not; for None as those do that are shown.

    Raises
    ------
    ProblemError
        404 for a path that is not booked, 413 for too many elements or cells.
    """
    limits = parts.settings.limits
    layouts = [
        layout
        for layout in await _layouts(parts, number, set_hash)
        if workspace in {None, layout.workspace}
    ]
    if not paths and pattern == Pattern(None, None):
        raise ProblemError(422, "no element named, expected path (repeated), match or regex")
    found = []
    for path in dict.fromkeys(paths):
        here = next((layout for layout in layouts if path in layout), None)
        if here is None:
            where = f"workspace {workspace!r}" if workspace else "any workspace"
            msg = f"path {path[:255]!r} is not booked in {where} of run {number}"
            if set_hash is not None:
                msg += f" by set {set_hash}"
            raise not_found(msg)
        found.append(Found(here, here[path]))
    if pattern != Pattern(None, None):
        named = {(each.layout.workspace, each.path) for each in found}
        matches = matching(pattern, limits.pattern)
        found += [e for e in find(layouts, matches) if (e.layout.workspace, e.path) not in named]
    cells = sum(each.element.size for each in found)
    if len(found) > limits.elements or cells > limits.cells:
        detail = (
            f"{len(found)} elements with {cells} cells asked for, one answer holds at most "
            f"{limits.elements} elements and {limits.cells} cells"
        )
        raise ProblemError(413, detail)
    return found


async def _layouts(parts: Parts, number: int, set_hash: str | None) -> list[Layout]:
    if set_hash is None:
        return await parts.library.layouts(number)
    return await parts.library.layouts_of(number, set_hash)


def etag(*versions: object) -> str:
    """The tag of an answer, from the versions of what it is made of."""
    digest = hashlib.blake2b(orjson.dumps(versions, default=str), digest_size=12).hexdigest()
    return f'"{digest}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """304 if the client has this version already."""
    held = request.headers.get("if-none-match", "")
    tags = {each.strip().removeprefix("W/") for each in held.split(",")}
    return Response(status_code=304, headers={"etag": tag}) if tag in tags else None


def asker(request: Request) -> str:
    """Who asks, as requests are counted."""
    caller: Caller = request.scope["caller"]
    if caller.name:
        return f"token {caller.name}"
    return f"address {client_key(request.client.host if request.client else '')}"


def answer(body: object, tag: str | None = None) -> Response:
    """A JSON answer; numbers that are not finite become null."""
    headers = {} if tag is None else {"etag": tag}
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    return Response(content, headers=headers, media_type="application/json")


def check_lumisections(parts: Parts, lumisections: int, size: int) -> None:
    """Refuse more LSs, or more cells LS by LS, than one answer covers (problem 413)."""
    limits = parts.settings.limits
    if lumisections > limits.lumisections or lumisections * size > 8 * limits.cells:
        detail = (
            f"{lumisections} lumisections of {size} cells asked for, one answer covers at most "
            f"{limits.lumisections} lumisections and {8 * limits.cells} cells LS by LS"
        )
        raise ProblemError(413, detail)
