"""Routes: what is deployed, what is planned, and what runs beside production."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.deployment_desk import DeploymentDesk
from services.gateway.deployment_models import DeploymentsAnswer, SummaryAnswer, deployments_body
from services.gateway.problems import not_found

__all__ = ["router"]

router = APIRouter(tags=["deployments"], responses=PROBLEMS)


def _desk(parts: Gateway) -> DeploymentDesk:
    if parts.deployments is None:
        raise not_found("this gateway does not follow deployments")
    return parts.deployments


OpenDesk = Annotated[DeploymentDesk, Depends(_desk)]


@router.get("/deployments", response_model=DeploymentsAnswer, summary="Deployments")
async def list_deployments(parts: Gateway, desk: OpenDesk) -> Response:
    """Which deployments there are, how they stand, and who took which step when and why."""
    versions, standing = await desk.steps()
    return answer(
        deployments_body(
            versions,
            standing,
            candidate=parts.settings.candidate,
            production=parts.settings.production_url,
        )
    )


@router.get("/deployments/{name}/summary", response_model=SummaryAnswer, summary="What one changes")
async def show_summary(
    desk: OpenDesk, name: Annotated[str, Path(max_length=40, description="Of the deployment.")]
) -> Response:
    """As it was sent round: workspaces, elements, quality tests, references, settings."""
    _, standing = await desk.steps()
    found = standing.deployments.get(name)
    if found is None:
        known = ", ".join(standing.deployments) or "none"
        detail = f"no deployment {name!r} was ever planned: there are {known}"
        raise not_found(detail)
    return answer({"name": name, "summary": found.summary})
