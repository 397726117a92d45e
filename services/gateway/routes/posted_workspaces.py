"""Routes: workspaces that are posted, without a release: tried, put in force, taken back."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.posted_desk import PostedDesk
from services.gateway.posted_models import (
    ActivateWorkspace,
    PostedAnswer,
    PostedVersionAnswer,
    PostedVersionsAnswer,
    TriedAnswer,
    TryWorkspace,
    posted_body,
    posted_version,
    tried_body,
)
from services.gateway.problems import not_found
from services.gateway.version_models import WRITING, RollBack, VersionWord

__all__ = ["router"]

router = APIRouter(tags=["posted workspaces"], responses=PROBLEMS)

Name = Annotated[str, Path(max_length=64, description="Of a posted workspace.")]


def _desk(parts: Gateway) -> PostedDesk:
    if parts.posted is None:
        raise not_found("this gateway does not follow posted workspaces")
    return parts.posted


OpenDesk = Annotated[PostedDesk, Depends(_desk)]


@router.get("/posted-workspaces", response_model=PostedAnswer, summary="Posted workspaces")
async def list_posted(desk: OpenDesk) -> Response:
    """Which version of each is in force, from which run on, and which processes know of it."""
    return answer(posted_body(await desk.by_run(), await desk.followed()))


@router.get(
    "/posted-workspaces/{workspace}/versions",
    response_model=PostedVersionsAnswer,
    summary="Versions of a posted workspace",
)
async def list_versions(desk: OpenDesk, workspace: Name) -> Response:
    """Who put which in force, when and why, and from which run on."""
    history = await desk.history(workspace)
    active = history.active
    rows = [posted_version(v, active=v == active, with_text=False) for v in history.versions]
    return answer(
        {
            "workspace": workspace,
            "versions": rows,
            "active": None if active is None else active.number,
            "followed": None,
            "problem": "",
        }
    )


@router.get(
    "/posted-workspaces/{workspace}/versions/{number}",
    response_model=PostedVersionAnswer,
    summary="One version of a posted workspace, whole",
)
async def show_version(
    desk: OpenDesk,
    workspace: Name,
    number: VersionWord,
) -> Response:
    """With its text; `active` for the one in force."""
    history = await desk.history(workspace)
    found = history.active if number == "active" else history.get(int(number))
    if found is None:
        detail = f"no version {number} of workspace {workspace!r} is there, or in force"
        raise not_found(detail)
    return answer(posted_version(found, active=found == history.active, with_text=True))


@router.post(
    "/posted-workspaces/dry-run",
    response_model=TriedAnswer,
    responses=WRITING,
    summary="What a workspace would show and cost",
)
async def try_posted(_: Expert, desk: OpenDesk, asked: TryWorkspace) -> Response:
    """Of the newest events on the log; nothing is changed by it."""
    tried, problem = await desk.dry_run(asked.text)
    return answer(await asyncio.to_thread(tried_body, tried, problem))


@router.post(
    "/posted-workspaces/activate",
    response_model=PostedVersionAnswer,
    responses=WRITING,
    summary="Put a workspace in force, from the next run on",
)
async def activate_posted(caller: Expert, desk: OpenDesk, asked: ActivateWorkspace) -> Response:
    """It is tried on the newest events before: one over its budgets is refused."""
    version = await desk.activate(asked.text, caller.name, asked.why, unmeasured=asked.unmeasured)
    return answer(posted_version(version, active=True, with_text=True))


@router.post(
    "/posted-workspaces/{workspace}/rollback",
    response_model=PostedVersionAnswer,
    responses=WRITING,
    summary="Put an earlier version in force again, from the next run on",
)
async def roll_back_posted(
    caller: Expert, desk: OpenDesk, workspace: Name, asked: RollBack
) -> Response:
    """By default what was in force before; version 0 is no such workspace at all."""
    version = await desk.roll_back(workspace, asked.to, caller.name, asked.why)
    return answer(posted_version(version, active=version.restores != 0, with_text=True))
