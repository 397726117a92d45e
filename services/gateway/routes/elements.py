"""Routes: workspaces and the MonitorElements they book."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from dqmstream.histograms.layout import Layout
from services.gateway.asking import (
    PROBLEMS,
    Asked,
    Gateway,
    Parts,
    Pattern,
    SetWord,
    answer,
    matching,
)
from services.gateway.catalogue import find
from services.gateway.drawing import describe
from services.gateway.element_models import ElementsAnswer, TreeAnswer
from services.gateway.pages import paged
from services.gateway.problems import not_found
from services.gateway.tree import folder_of
from services.gateway.workspace_models import WorkspacesAnswer

__all__ = ["router"]

router = APIRouter(tags=["elements"], responses=PROBLEMS)

RunQuery = Annotated[
    str | None,
    Query(
        pattern=r"^(current|[1-9][0-9]{0,9})$",
        description="As booked in this run; by default in the current one, or as announced last.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=5_000, description="At most so many.")]
After = Annotated[int, Query(ge=0, le=1 << 40, description="`after` of the page before.")]


async def _layouts(parts: Parts, run: str | None) -> list[Layout]:
    number = None if run is None else await parts.library.run_number(run)
    return await parts.library.layouts(number)


def _listed(
    request: Request,
    layouts: list[Layout],
    parts: Parts,
    pattern: Pattern,
    *,
    after: int,
    limit: int,
) -> Response:
    found = list(find(layouts, matching(pattern, parts.settings.limits.pattern)))
    page = found[after : after + limit]
    rest = after + limit < len(found)
    body = {
        "elements": [describe(each.element, each.layout.workspace, {}) for each in page],
        "total": len(found),
    }
    return paged(request, body, after + limit if rest else None)


@router.get("/workspaces", response_model=WorkspacesAnswer, summary="Workspaces")
async def list_workspaces(parts: Gateway, run: RunQuery = None) -> Response:
    """Workspaces with their descriptions, and their newest verdicts in a live run."""
    number = None if run is None else await parts.library.run_number(run)
    return answer(await parts.library.workspaces(number))


@router.get("/elements", response_model=ElementsAnswer, summary="MonitorElements of all workspaces")
async def list_elements(
    *,
    request: Request,
    parts: Gateway,
    pattern: Asked,
    run: RunQuery = None,
    set_hash: SetWord = None,
    after: After = 0,
    limit: Limit = 1_000,
) -> Response:
    """What is booked, in all workspaces; narrow it by a glob or a regular expression."""
    if set_hash is None:
        layouts = await _layouts(parts, run)
    else:
        number = await parts.library.run_number(run or "current")
        layouts = await parts.library.layouts_of(number, set_hash)
    return _listed(request, layouts, parts, pattern, after=after, limit=limit)


@router.get(
    "/workspaces/{workspace}/elements",
    response_model=ElementsAnswer,
    summary="MonitorElements of one workspace",
)
async def list_workspace_elements(
    *,
    request: Request,
    parts: Gateway,
    workspace: Annotated[str, Path(max_length=255)],
    pattern: Asked,
    run: RunQuery = None,
    after: After = 0,
    limit: Limit = 1_000,
) -> Response:
    """What one workspace books; narrow it by a glob or a regular expression."""
    layouts = [each for each in await _layouts(parts, run) if each.workspace == workspace]
    if not layouts:
        raise _unknown(workspace)
    return _listed(request, layouts, parts, pattern, after=after, limit=limit)


@router.get("/tree", response_model=TreeAnswer, summary="One folder of the tree of paths")
async def show_folder(
    parts: Gateway,
    folder: Annotated[str, Query(max_length=255, description="Empty is the root.")] = "",
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    run: RunQuery = None,
) -> Response:
    """Subfolders, each with the number of elements below it, and the elements of the folder."""
    layouts = await _layouts(parts, run)
    if workspace is not None:
        layouts = [each for each in layouts if each.workspace == workspace]
        if not layouts:
            raise _unknown(workspace)
    found = folder_of(folder, (each.path for each in find(layouts)))
    if found is None:
        problem = f"folder {folder!r} holds no element"
        raise not_found(problem)
    return answer({"folder": found.folder, "folders": found.folders, "elements": found.elements})


def _unknown(workspace: str) -> Exception:
    return not_found(f"workspace {workspace!r} is not booked")
