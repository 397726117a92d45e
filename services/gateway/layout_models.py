"""What HTTP takes and answers about layouts."""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from dqmstream.layouts.check import document_of
from dqmstream.layouts.importing import LARGEST_FILE
from dqmstream.layouts.layout import Layout
from dqmstream.layouts.versions import is_deleted
from dqmstream.messages.configuration import ConfigurationVersion
from services.gateway.models import Answer
from services.gateway.shown_layout import Shown, version_facts

__all__ = [
    "DeletedAnswer",
    "ImportLayouts",
    "ImportedAnswer",
    "LayoutAnswer",
    "LayoutVersionsAnswer",
    "LayoutsAnswer",
    "PutLayout",
    "RestoreLayout",
    "layout_body",
    "layout_row",
    "version_row",
]


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """A schema without references: it stands inside of other documents."""
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if "$ref" in found:
        found |= parts[found.pop("$ref").rsplit("/", 1)[-1]]
    return {name: _inlined(one, parts) for name, one in found.items() if name != "$defs"}


def _layout_schema() -> dict[str, Any]:
    schema = msgspec.json.schema(Layout)
    found: dict[str, Any] = _inlined(schema, schema["$defs"])
    return found


LayoutDocument = Annotated[dict[str, Any], WithJsonSchema(_layout_schema())]
"""A layout as JSON; what it may be is said with more than a schema can (`dqmstream.layouts`)."""

_Why = Annotated[str, Field(min_length=3, max_length=1_000)]
_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PutLayout(_Asked):
    """A layout to write."""

    layout: LayoutDocument
    why: _Why
    based_on: _Number | None = Field(
        None,
        description="The version that was changed, 0 for a shipped one; null if there is none yet.",
    )


class RestoreLayout(_Asked):
    """An earlier version that shall stand again."""

    to: _Number = Field(description="Its number; 0 for what is shipped.")
    why: _Why


class ImportLayouts(_Asked):
    """A file to read, and to write unless it is a dry run."""

    text: Annotated[str, Field(min_length=2, max_length=LARGEST_FILE)]
    file: Annotated[str, Field(max_length=200, description="Its name.")] = "the file"
    name: Annotated[str, Field(max_length=260)] | None = Field(
        None, description="Instead of that of the layout; of several, before theirs."
    )
    dry_run: bool = False
    why: _Why = "imported"


class LayoutRow(Answer):
    """A layout in a list."""

    name: str
    title: str
    description: str
    workspaces: list[str]
    tabs: list[str] = Field(description="Their names.")
    plots: int = Field(description="Cells of all tabs.")
    version: int = Field(description="0 for a shipped one that nobody has written over.")
    hash: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970; 0 for a shipped one.")
    shipped: bool = Field(description="Whether it is made of what is booked.")


class LayoutsAnswer(Answer):
    """Layouts: shipped ones first, the others by name."""

    layouts: list[LayoutRow]


class LayoutAnswer(Answer):
    """A layout, whole. `layout` is what an export holds, and an import takes."""

    layout: LayoutDocument
    version: int
    hash: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970; 0 for a shipped one.")
    restores: int | None = Field(description="The version that it is again; 0: what is shipped.")
    shipped: bool


class LayoutVersionRow(Answer):
    """A version of a layout."""

    number: int
    hash: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970.")
    restores: int | None
    deleted: bool


class LayoutVersionsAnswer(Answer):
    """Versions of a layout, the newest first; those that are kept."""

    versions: list[LayoutVersionRow]


class DeletedAnswer(Answer):
    """The version that says that a layout is no more."""

    version: LayoutVersionRow


class UnmappedRow(Answer):
    """A plot of which nothing is known here."""

    where: str
    path: str
    reason: str


class WrittenRow(Answer):
    """A layout that was written."""

    name: str
    version: int


class ImportedAnswer(Answer):
    """What a file of layouts comes to."""

    layouts: list[LayoutDocument]
    mapped: int = Field(description="Plots of elements that are known here.")
    unmapped: list[UnmappedRow]
    notes: list[str] = Field(description="What else of the file was left out.")
    written: list[WrittenRow] = Field(description="Empty in a dry run.")


def layout_row(shown: Shown) -> dict[str, Any]:
    """A layout as a list has it."""
    layout, facts = shown.layout, version_facts(shown.version)
    del facts["restores"]
    return {
        "name": layout.name,
        "title": layout.title,
        "description": layout.description,
        "workspaces": layout.workspaces,
        "tabs": [tab.name for tab in layout.tabs],
        "plots": layout.plots,
        "version": shown.number,
        **facts,
        "hash": shown.hash,
        "shipped": shown.shipped,
    }


def layout_body(shown: Shown) -> dict[str, Any]:
    """A layout, whole."""
    return {
        "layout": document_of(shown.layout),
        "version": shown.number,
        **version_facts(shown.version),
        "hash": shown.hash,
        "shipped": shown.shipped,
    }


def version_row(version: ConfigurationVersion) -> dict[str, Any]:
    """A version as a list has it."""
    facts = version_facts(version)
    return {"number": version.number, **facts, "deleted": is_deleted(version)}
