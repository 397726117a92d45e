"""Reports as they are stored, and the same judged again on the same. Blocking."""

from collections.abc import Mapping

from dqmstream.messages.quality import QualityReports
from dqmstream.quality.algorithm import Needs
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.contents import ReferenceData
from services.gateway.archive import Archive, Shelf
from services.gateway.problems import not_found
from services.gateway.rejudging import ReferencesOfThen, StoredWindow, rejudge

__all__ = ["judged_again", "reports_of"]


def reports_of(
    archive: Archive, shelf: Shelf, place: tuple[int, int], workspace: str, scope: str
) -> QualityReports:
    """Those of one workspace and scope of an LS, as (run, LS); ProblemError 404 without."""
    run, lumisection = place
    for found in archive.reports(shelf, run, lumisection):
        if (found.workspace, found.scope) == (workspace, scope):
            return found
    msg = f"run {run} LS {lumisection} workspace {workspace!r} scope {scope!r}: no reports stored"
    raise not_found(msg)


def judged_again(
    archive: Archive,
    shelf: Shelf,
    then: QualityReports,
    workspace: CompiledWorkspace,
    *,
    catalogue: Catalogue,
    held: Mapping[str, ReferenceData],
) -> tuple[QualityReports, list[str]]:
    """What the tests of a workspace say now of what reports are of, and what is not as it was.

    `held` has contents of references by id of the version.
    """
    notes = []
    if workspace.code != then.code:
        notes.append(f"the code is {workspace.code}, it was {then.code}")
    judged = {one.qtname for one in then.reports}
    tests = [one for one in workspace.of(then.scope) if one.declared.name in judged]
    window = _window_of_then(shelf, then)
    kinds = {
        test.declared.name: (
            "band" if test.algorithm.needs is Needs.BAND else "histogram",
            test.declared.reference,
        )
        for test in tests
    }
    used: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for report in then.reports:
        if report.qtname in kinds and report.references:
            kind, name = kinds[report.qtname]
            key = (kind, report.path, name)
            used[key] = max(used.get(key, ()), report.references, key=len)
    references = ReferencesOfThen(used, catalogue, lambda one: held.get(one.id))
    now = rejudge(archive, window, workspace, references, tests)
    if now.contents != then.contents:
        notes.append(f"contents are {now.contents}, they were {then.contents}")
    if now.conditions != then.conditions:
        notes.append(f"conditions are {now.conditions!r}, they were {then.conditions!r}")
    return now, notes


def _window_of_then(shelf: Shelf, then: QualityReports) -> StoredWindow:
    first = then.lumisection if then.scope == "lumisection" else then.first_lumisection or 1
    missing = {n for a, b in then.missing for n in range(a, b + 1)}
    numbers = [n for n in range(first, then.lumisection + 1) if n not in missing]
    return StoredWindow(
        shelf=shelf,
        run=then.run,
        workspace=then.workspace,
        lumisection=then.lumisection,
        scope=then.scope,
        numbers=tuple(numbers),
        complete=then.complete,
        versions=then.versions,
        first=then.first_lumisection,
        missing=then.missing,
        made=then.made,
    )
