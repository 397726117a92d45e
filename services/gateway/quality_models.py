"""What HTTP takes and answers about quality tests. The OpenAPI document is made from these."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.quality import Outcome, QualityReport
from services.gateway.dry_running import DryRun
from services.gateway.models import Answer
from services.gateway.version_models import Text, VersionAnswer

__all__ = [
    "DryRunAnswer",
    "ExplainAnswer",
    "TestsAnswer",
    "TryTests",
    "dry_run_body",
]


class TryTests(BaseModel):
    """Quality tests to try on what is stored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text = Field(description="TOML.")
    run: int = Field(ge=1, le=0xFFFFFFFF)
    last: int = Field(10, ge=1, le=200, description="LSs, the newest that are stored.")
    whole: bool = Field(False, description="All LSs that are stored of the run.")


class TestsAnswer(Answer):
    """Versions, the oldest first; active is null while those stand that processes started with."""

    versions: list[VersionAnswer]
    active: int | None


class Step(Answer):
    """How many verdicts go from an outcome to another; null for no report."""

    before: Outcome | None
    after: Outcome | None
    count: int


class TestSteps(Answer):
    """Verdicts of one test that change."""

    qtname: str
    steps: list[Step]


class ElementSteps(Answer):
    """Verdicts on one element that change."""

    workspace: str
    path: str
    steps: list[Step]


class ChangedVerdict(Answer):
    """One verdict that would be another."""

    lumisection: int
    workspace: str
    scope: str
    path: str
    qtname: str
    before: Outcome | None
    after: Outcome | None
    message_before: str
    message_after: str


class DryRunAnswer(Answer):
    """What other tests would say: counts are of all, `changes` the first thousand."""

    run: int
    lumisections: int = Field(description="LSs that were judged.")
    notes: list[str] = Field(description="What could not be tried.")
    same: int
    changed: int
    newly_judged: int
    no_longer_judged: int
    tests: list[TestSteps]
    elements: list[ElementSteps]
    changes: list[ChangedVerdict]


class ExplainAnswer(Answer):
    """A report as it was made, and the same test on the same inputs run again."""

    run: int
    lumisection: int
    workspace: str
    scope: str
    same: bool = Field(description="Whether it says the same, bit for bit.")
    differs: list[str] = Field(description="Fields in which the two differ.")
    notes: list[str] = Field(description="Inputs that are not what they were, or are gone.")
    report: dict[str, Any]
    again: dict[str, Any] | None
    proof: dict[str, Any] = Field(description="Window, versions and hashes of the inputs.")


def dry_run_body(run: int, tried: DryRun) -> dict[str, Any]:
    """A dry run as an answer has it."""
    found = tried.difference
    return {
        "run": run,
        "lumisections": tried.lumisections,
        "notes": tried.notes,
        "same": found.same,
        "changed": found.total,
        "newly_judged": found.newly_judged,
        "no_longer_judged": found.no_longer_judged,
        "tests": [
            {"qtname": name, "steps": _steps(steps)} for name, steps in sorted(found.tests.items())
        ],
        "elements": [
            {"workspace": workspace, "path": path, "steps": _steps(steps)}
            for (workspace, path), steps in sorted(found.elements.items())
        ],
        "changes": [
            {
                "lumisection": place.lumisection,
                "workspace": place.workspace,
                "scope": place.scope,
                "path": place.path,
                "qtname": place.qtname,
                "before": None if before is None else before.outcome,
                "after": None if after is None else after.outcome,
                "message_before": _message(before),
                "message_after": _message(after),
            }
            for place, before, after in found.changes
        ],
    }


def _steps(counter: Any) -> list[dict[str, Any]]:
    return [
        {"before": before, "after": after, "count": count}
        for (before, after), count in sorted(counter.items(), key=lambda item: -item[1])
    ]


def _message(report: QualityReport | None) -> str:
    return "" if report is None else report.message
