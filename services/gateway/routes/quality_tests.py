"""Routes: quality tests in force, what others would say, why a report says what it says."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, RunWord, answer
from services.gateway.explaining import UNKNOWN, differing
from services.gateway.problems import not_found
from services.gateway.quality_desk import QualityDesk
from services.gateway.quality_models import (
    DryRunAnswer,
    ExplainAnswer,
    TestsAnswer,
    TryTests,
    dry_run_body,
)
from services.gateway.version_models import (
    WRITING,
    ActivateText,
    RollBack,
    VersionAnswer,
    VersionWord,
    shown_version,
    version_row,
)

__all__ = ["router"]

router = APIRouter(tags=["quality"], responses=PROBLEMS)


def _desk(parts: Gateway) -> QualityDesk:
    if parts.quality is None:
        raise not_found("this gateway does not follow quality tests")
    return parts.quality


OpenDesk = Annotated[QualityDesk, Depends(_desk)]


@router.get("/quality-tests", response_model=TestsAnswer, summary="Versions of quality tests")
async def list_tests(desk: OpenDesk) -> Response:
    """Who put which in force, when and why."""
    history = await desk.history()
    active = history.active
    rows = [version_row(v, active=v == active, with_text=False) for v in history.versions]
    return answer({"versions": rows, "active": None if active is None else active.number})


@router.get(
    "/quality-tests/versions/{number}", response_model=VersionAnswer, summary="One version, whole"
)
async def show_tests(
    desk: OpenDesk,
    number: VersionWord,
) -> Response:
    """With its text; `active` for the one in force."""
    return answer(shown_version(await desk.history(), number, "quality tests"))


@router.post(
    "/quality-tests/dry-run",
    response_model=DryRunAnswer,
    responses=WRITING,
    summary="What other quality tests would say of what is stored",
)
async def try_tests(_: Expert, desk: OpenDesk, asked: TryTests) -> Response:
    """Beside the tests in force, on the same contents; nothing is changed by it."""
    found = await desk.dry_run(asked.text, asked.run, None if asked.whole else asked.last)
    return answer(dry_run_body(asked.run, found))


@router.post(
    "/quality-tests/activate",
    response_model=VersionAnswer,
    responses=WRITING,
    summary="Put quality tests in force",
)
async def activate_tests(caller: Expert, desk: OpenDesk, asked: ActivateText) -> Response:
    """Comparators judge by them from the next LS on. What does not read is refused."""
    version = await desk.activate(asked.text, caller.name, asked.why)
    return answer(version_row(version, active=True, with_text=True))


@router.post(
    "/quality-tests/rollback",
    response_model=VersionAnswer,
    responses=WRITING,
    summary="Put earlier quality tests in force again",
)
async def roll_back_tests(caller: Expert, desk: OpenDesk, asked: RollBack) -> Response:
    """By default those that were in force before."""
    version = await desk.roll_back(asked.to, caller.name, asked.why)
    return answer(version_row(version, active=version.restores != 0, with_text=True))


@router.get(
    "/runs/{run}/explain",
    response_model=ExplainAnswer,
    summary="Why a report says what it says: run again",
)
async def explain_report(
    *,
    parts: Gateway,
    desk: OpenDesk,
    run: RunWord,
    lumisection: Annotated[int, Query(ge=0, le=1 << 24)],
    workspace: Annotated[str, Query(min_length=1, max_length=255)],
    path: Annotated[str, Query(min_length=1, max_length=255)],
    qtname: Annotated[str, Query(min_length=1, max_length=100)],
    scope: Annotated[str, Query(max_length=220)] = "lumisection",
) -> Response:
    """On the contents, by the tests and with the references of then, as far as they are there."""
    number = await parts.library.run_number(run)
    then, now, notes = await desk.again(number, lumisection, workspace, scope)
    report = next((o for o in then.reports if (o.path, o.qtname) == (path, qtname)), None)
    if report is None:
        names = sorted({one.qtname for one in then.reports if one.path == path})
        there = f"; there are of {', '.join(names):.500}" if names else ""
        place = f"run {number} LS {lumisection}"
        msg = f"{place}: {qtname!r:.100} has no report on {path!r:.255}{there}"
        raise not_found(msg)
    again = next((o for o in now.reports if (o.path, o.qtname) == (path, qtname)), None)
    old = msgspec.structs.asdict(report)
    new = {} if again is None else msgspec.structs.asdict(again)
    differs = differing(report, again)
    if differs and not notes:
        notes = [UNKNOWN]
    proof = {
        name: getattr(then, name)
        for name in (
            "set",
            "versions",
            "complete",
            "first_lumisection",
            "missing",
            "conditions",
            "configuration",
            "code",
            "contents",
            "past",
        )
    }
    body = {
        "run": number,
        "lumisection": lumisection,
        "workspace": workspace,
        "scope": scope,
        "same": not differs,
        "differs": differs,
        "notes": notes,
        "report": msgspec.to_builtins(old),
        "again": msgspec.to_builtins(new) if new else None,
        "proof": msgspec.to_builtins(proof),
    }
    return answer(body)
