"""What HTTP takes and answers about quality tests. The OpenAPI document is made from these."""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dqmstream.configuration.history import LARGEST
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.dry_run import Difference
from services.gateway.models import Answer

__all__ = [
    "ActivateTests",
    "DryRunAnswer",
    "ExplainAnswer",
    "RollBackTests",
    "TestsAnswer",
    "TryTests",
    "VersionAnswer",
    "difference_body",
    "version_row",
]

Text = Annotated[str, StringConstraints(min_length=1, max_length=LARGEST)]
Said = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ActivateTests(_Asked):
    """A file of quality tests to put in force."""

    text: Text = Field(description="TOML.")
    why: Said


class RollBackTests(_Asked):
    """Earlier tests to put in force."""

    why: Said
    to: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Number of a version; 0 for what processes were started with; by default what "
        "was in force before.",
    )


class TryTests(_Asked):
    """Quality tests to try on what is stored."""

    text: Text = Field(description="TOML.")
    run: int = Field(ge=1, le=0xFFFFFFFF)
    last: int = Field(10, ge=1, le=200, description="LSs, the newest that are stored.")


class VersionAnswer(Answer):
    """A version."""

    number: int
    hash: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970.")
    restores: int | None = Field(description="The version whose text it is again.")
    active: bool
    text: str | None = Field(description="Null in lists.")


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


def version_row(version: ConfigurationVersion, *, active: bool, with_text: bool) -> dict[str, Any]:
    """A version as an answer has it."""
    row = msgspec.to_builtins(version)
    del row["type"], row["kind"]
    return {**row, "active": active, "text": version.text if with_text else None}


def difference_body(run: int, found: Difference) -> dict[str, Any]:
    """A difference as an answer has it."""
    return {
        "run": run,
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
