"""Reports as they are stored, and the same judged again on the same. Blocking."""

from typing import Final, NamedTuple

import msgspec

from dqmstream.errors import StoreError, WindowError
from dqmstream.messages.quality import QualityReport, QualityReports
from dqmstream.quality.compiled import CompiledWorkspace
from services.gateway.archive import Archive, Shelf
from services.gateway.problems import ProblemError, not_found
from services.gateway.references_again import ReferencesOfThen
from services.gateway.rejudging import StoredWindow, rejudge
from services.gateway.stored_workspace import StoredWorkspace

__all__ = ["UNKNOWN", "Again", "differing", "judged_again", "reports_of"]


UNKNOWN: Final = (
    "nothing that the report names has changed: what it does not name has, as the luminosity of "
    "other LSs of the window, or the time that a plug-in took"
)
"""What is said where nothing else can be."""


class Again(NamedTuple):
    """Reports as they are stored, the same judged again, and in words what is not as it was."""

    then: QualityReports
    now: QualityReports
    notes: list[str]


def reports_of(
    archive: Archive, shelf: Shelf, place: tuple[int, int], workspace: str, scope: str
) -> QualityReports:
    """Those of one workspace and scope of an LS, as (run, LS); ProblemError 404 without."""
    run, lumisection = place
    scopes = []
    for found in archive.reports(shelf, run, lumisection):
        if (found.workspace, found.scope) == (workspace, scope):
            return found
        if found.workspace == workspace:
            scopes.append(found.scope)
    there = f"; there are of scope {', '.join(sorted(scopes))}" if scopes else ""
    msg = (
        f"run {run} LS {lumisection} workspace {workspace!r}: no reports of scope {scope!r} stored"
    )
    raise not_found(msg + there)


def judged_again(
    workspace: StoredWorkspace,
    then: QualityReports,
    compiled: CompiledWorkspace,
    references: ReferencesOfThen,
) -> Again:
    """What tests say now of what reports are of, and what is not as it was.

    Raises
    ------
    ProblemError
        409 if what they are of is gone.
    """
    if not then.closed:
        detail = (
            f"run {then.run} LS {then.lumisection}: said while the LS was open, of contents that "
            "are not stored; once it is closed it is judged again, and that can be explained"
        )
        raise ProblemError(409, detail)
    judged = {one.qtname for one in then.reports}
    tests = [one for one in compiled.of(then.scope) if one.declared.name in judged]
    looked_at = dict(then.past)
    among = looked_at.__contains__ if looked_at else lambda _number: True
    try:
        now = rejudge(
            _window_of_then(workspace, then),
            compiled,
            references,
            tests=tests,
            past=workspace.past(then.lumisection, among),
        )
    except (StoreError, WindowError) as error:
        detail = f"what the report is of is no longer stored as it was: {error}"
        raise ProblemError(409, detail) from error
    return Again(then, now, list(_changed(then, now, references)))


def differing(then: QualityReport, now: QualityReport | None) -> list[str]:
    """Fields in which a report differs from what the test says again; a trace is where something
    failed, not what it is, and does not count."""
    old = msgspec.structs.asdict(then)
    new = {} if now is None else msgspec.structs.asdict(now)
    return [
        name for name, value in old.items() if name != "trace" and new.get(name, _NONE) != value
    ]


_NONE: Final = object()


def _changed(then: QualityReports, now: QualityReports, references: ReferencesOfThen) -> list[str]:
    notes = []
    if now.code != then.code:
        notes.append(
            f"the code is {now.code}, it was {then.code or 'not told'} "
            "(release, and hash of the algorithms, those of plug-ins with them)"
        )
    if now.contents != then.contents:
        notes.append(f"contents are {now.contents}, they were {then.contents or 'not told'}")
    if now.conditions != then.conditions:
        notes.append(f"conditions are {now.conditions!r}, they were {then.conditions!r}")
    looked_at = dict(now.past)
    for number, digest in then.past:
        if number not in looked_at:
            notes.append(f"LS {number}, which was looked at, is not any more")
        elif looked_at[number] != digest:
            held = looked_at[number]
            notes.append(f"LS {number}, which was looked at, holds {held}, it held {digest}")
    if references.others:
        some = ", ".join(sorted(references.others)[:3])
        notes.append(
            f"the catalogue has changed: {len(references.others)} elements had no reference, for "
            f"which it would say something else now ({some}); that they had none is taken from "
            "their reports"
        )
    return notes


def _window_of_then(workspace: StoredWorkspace, then: QualityReports) -> StoredWindow:
    first = then.lumisection if then.scope == "lumisection" else then.first_lumisection or 1
    missing = {n for a, b in then.missing for n in range(a, b + 1)}
    numbers = [n for n in range(first, then.lumisection + 1) if n not in missing]
    return StoredWindow(
        workspace=workspace,
        lumisection=then.lumisection,
        scope=then.scope,
        numbers=tuple(numbers),
        complete=then.complete,
        versions=then.versions,
        first=then.first_lumisection,
        missing=then.missing,
        made=then.made,
    )
