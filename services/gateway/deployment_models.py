"""What HTTP answers about deployments."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field

from dqmstream.deployments.standing import Deployment, Standing, State
from dqmstream.deployments.step import ComparisonReport, read_step
from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion
from services.gateway.models import NEXT, Answer

__all__ = ["CompareAnswer", "DeploymentsAnswer", "SummaryAnswer", "deployments_body"]

_STEPS: Final = 100


class ReportAnswer(Answer):
    """What `dqmstream playback compare` said."""

    verdict: str
    counts: dict[str, int]
    hash: str


class DeploymentAnswer(Answer):
    """A deployment, and how it stands."""

    name: str
    state: State
    release: str
    set: str = Field(description="Of bookings, that its fillers fill.")
    hash: str = Field(description="Of all that it is made of.")
    workspaces: list[str]
    url: str = Field(description="Page of a candidate that runs beside; empty if it is not known.")
    who: str
    why: str
    when: int = Field(description="Of its last step, nanoseconds since 1970.")
    report: ReportAnswer | None


class StepAnswer(Answer):
    """Who did what, when and why, and what was deployed before and after: hashes, or empty."""

    number: int
    deployment: str
    action: str = Field(description="plan, run, promote, drop or rollback.")
    before: str
    after: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970.")
    void: bool = Field(description="It was not allowed as things stood, and changed nothing.")


class DeploymentsAnswer(Answer):
    """What is deployed, what is planned, and what runs beside."""

    candidate: str = Field(description="Name of the candidate whose gateway this is; or empty.")
    production: str = Field(description="Page of production, for a candidate; or empty.")
    current: str | None = Field(description="What is deployed; null if nothing ever was.")
    previous: str | None = Field(description="What a rollback goes to.")
    deployments: list[DeploymentAnswer]
    steps: list[StepAnswer] = Field(description="The newest 100, the oldest of them first.")


class SummaryAnswer(Answer):
    """What a deployment changes."""

    name: str
    summary: str = Field(description="Markdown, as it was planned.")


class PairAnswer(Answer):
    """An element of production and of a candidate."""

    path: str
    says: str = Field(
        description="`same`, `same, of other LSs`, `different`, `re-binned`, `of another kind`, "
        "`only in production`, `only in the candidate`."
    )
    entries: tuple[int | None, int | None] = Field(description="In production, in the candidate.")
    cells: int = Field(description="How many cells differ.")


class CompareAnswer(Answer):
    """All elements of a run in production and in a candidate, what differs first."""

    deployment: str
    run: int
    lumisections: str = Field(
        description="LSs that were compared; empty if none is closed in both.", examples=["1-12"]
    )
    made: int = Field(description="When, nanoseconds since 1970.")
    same: bool = Field(description="Something is the same, and nothing of both differs.")
    counts: dict[str, int] = Field(description="Elements, by what there is to say of them.")
    elements: list[PairAnswer]
    after: str | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


def deployments_body(
    versions: Sequence[ConfigurationVersion],
    standing: Standing,
    *,
    candidate: str,
    production: str,
) -> dict[str, Any]:
    """The body of a `DeploymentsAnswer`."""
    void = set(standing.void)
    by_time = sorted(standing.deployments.values(), key=lambda one: (one.when, one.name))
    return {
        "candidate": candidate,
        "production": production,
        "current": standing.current.name if standing.current else None,
        "previous": standing.previous.name if standing.previous else None,
        "deployments": [_deployment(one) for one in by_time],
        "steps": [_step(one, is_void=one.number in void) for one in versions[-_STEPS:]],
    }


def _deployment(one: Deployment) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": one.state,
        "release": one.described.release,
        "set": one.described.set,
        "hash": one.described.hash,
        "workspaces": sorted(one.described.workspaces),
        "url": one.url if one.state == "running" else "",
        "who": one.who,
        "why": one.why,
        "when": one.when,
        "report": None if one.report is None else _report(one.report),
    }


def _report(report: ComparisonReport) -> dict[str, Any]:
    return {"verdict": report.verdict, "counts": report.counts, "hash": report.hash}


def _step(version: ConfigurationVersion, *, is_void: bool) -> dict[str, Any]:
    said = {
        "number": version.number,
        "who": version.who,
        "why": version.why,
        "when": version.when,
        "void": is_void,
    }
    try:
        step = read_step(version.text)
    except ConfigurationError:  # of a newer release
        return said | {"deployment": "", "action": "", "before": "", "after": ""}
    return said | {
        "deployment": step.deployment,
        "action": step.action,
        "before": step.before,
        "after": step.after,
    }
