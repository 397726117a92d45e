"""What HTTP takes and answers about versions of configuration, of whichever kind."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dqmstream.configuration.history import LARGEST, History
from dqmstream.messages.configuration import ConfigurationVersion
from services.gateway.models import Answer
from services.gateway.problems import not_found, problem_answer

__all__ = [
    "WRITING",
    "ActivateText",
    "RollBack",
    "Text",
    "VersionAnswer",
    "VersionWord",
    "VersionsAnswer",
    "shown_version",
    "version_row",
    "versions_body",
]

WRITING: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body is no JSON."),
    409: problem_answer("That is in force already, or there is nothing to go back to."),
}
"""Answers of routes that put versions in force, besides those of all."""

VersionWord = Annotated[str, Path(pattern=r"^(active|[1-9][0-9]{0,6})$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=LARGEST)]
_Said = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ActivateText(_Asked):
    """A file to put in force."""

    text: Text = Field(description="TOML.")
    why: _Said


class RollBack(_Asked):
    """An earlier version to put in force."""

    why: _Said
    to: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="Number of a version; 0 for what processes were started with; by default what "
        "was in force before.",
    )


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


class VersionsAnswer(Answer):
    """Versions, the oldest first; active is null while that stands which processes started with."""

    versions: list[VersionAnswer]
    active: int | None
    followed: int | None = Field(
        description="The version that the service goes by which follows them, as it says; 0 if "
        "it knows of none; null if it never ran."
    )
    problem: str = Field(description="Why it does not follow a later one; mostly empty.")


def version_row(version: ConfigurationVersion, *, active: bool, with_text: bool) -> dict[str, Any]:
    """A version as an answer has it."""
    row = msgspec.to_builtins(version)
    for name in ("type", "kind", "after_run", "starts", "notes"):
        row.pop(name, None)
    return {**row, "active": active, "text": version.text if with_text else None}


def versions_body(history: History, followed: int | None, problem: str = "") -> dict[str, Any]:
    """All versions as an answer has them."""
    active = history.active
    rows = [version_row(v, active=v == active, with_text=False) for v in history.versions]
    number = None if active is None else active.number
    return {"versions": rows, "active": number, "followed": followed, "problem": problem}


def shown_version(history: History, number: str, of_what: str) -> dict[str, Any]:
    """One version with its text, `active` for the one in force; ProblemError 404 without it."""
    found = history.active if number == "active" else history.get(int(number))
    if found is None:
        detail = f"no version {number} of {of_what}: processes go by what they were started with"
        raise not_found(detail)
    return version_row(found, active=found == history.active, with_text=True)
