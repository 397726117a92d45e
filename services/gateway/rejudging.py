"""Judging what is stored once more: by other tests, or again as it was judged. Blocking."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dqmstream.errors import NotStoredError
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports, Scope
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.inputs import Accepted, Chosen, Exposure, Inputs, Past, Wanted
from dqmstream.quality.inputs import References as AskReferences
from dqmstream.quality.judgement import judge
from dqmstream.quality.windows import begin_of
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.comparing import Data, compared, standing_compared
from services.gateway.archive import Archive, Shelf

__all__ = ["ReferencesOfThen", "StandingReferences", "StoredWindow", "rejudge", "stored_window"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredWindow:
    """LSs of a workspace that are judged together: those in `numbers`, up to `lumisection`."""

    shelf: Shelf
    run: int
    workspace: str
    lumisection: int
    scope: Scope
    numbers: tuple[int, ...]
    complete: bool
    versions: tuple[int, ...] = ()
    first: int | None = None
    missing: tuple[tuple[int, int], ...] = ()
    made: int = 0


def stored_window(
    shelf: Shelf, run: int, workspace: str, lumisection: int, scope: Scope
) -> StoredWindow:
    """The window of a scope that ends with an LS, as far as it is stored."""
    records = shelf.records_of(workspace)
    stored = sorted(n for n, one in records.items() if one.closed and n <= lumisection)
    is_one = scope == "lumisection"
    first = lumisection if is_one else begin_of(scope, stored, shelf.conditions.get)
    numbers = tuple(n for n in stored if n >= first)
    gaps = tuple((n, n) for n in range(first, lumisection + 1) if n not in set(numbers))
    return StoredWindow(
        shelf=shelf,
        run=run,
        workspace=workspace,
        lumisection=lumisection,
        scope=scope,
        numbers=numbers,
        complete=not gaps and all(records[n].complete for n in numbers),
        first=first,
        missing=gaps,
    )


def rejudge(
    archive: Archive,
    window: StoredWindow,
    workspace: CompiledWorkspace,
    references: AskReferences,
    tests: Sequence[CompiledTest] | None = None,
) -> QualityReports:
    """Reports on a window of what is stored.

    Raises
    ------
    StoreError, WindowError
        If something of it is no longer there, or cannot be summed.
    """
    shelf, run, name = window.shelf, window.run, window.workspace
    summed = archive.workspace_window(shelf, run, name, window.numbers)
    if gone := set(window.numbers) - set(summed.lumisections):
        msg = f"run {run} workspace {name!r}: LSs {sorted(gone)} are no longer stored one by one"
        raise NotStoredError(msg)
    return judge(
        summed.contents,
        workspace,
        scope=window.scope,
        set_hash=shelf.sets[name],
        run=run,
        lumisection=window.lumisection,
        complete=window.complete,
        versions=window.versions,
        made=window.made,
        conditions=shelf.conditions.get(window.lumisection),
        first_lumisection=window.first,
        missing=window.missing,
        tests=tests,
        inputs=Inputs(
            references=references,
            past=_past(archive, window),
            exposure=_exposure(shelf.conditions, window.numbers),
        ),
    )


def _past(archive: Archive, window: StoredWindow) -> Callable[[int, Accepted], Sequence[Past]]:
    def past(count: int, accepted: Accepted) -> list[Past]:
        shelf, found = window.shelf, list[Past]()
        records = shelf.records_of(window.workspace)
        for number in sorted(records, reverse=True):
            if len(found) == count:
                break
            is_before = number < window.lumisection and records[number].closed
            if not is_before or not accepted(shelf.conditions.get(number)):
                continue
            one = archive.workspace_window(shelf, window.run, window.workspace, [number])
            found.append(Past(lumisection=number, contents=one.contents))
        return found[::-1]

    return past


def _exposure(conditions: Mapping[int, Conditions], numbers: Sequence[int]) -> Exposure:
    recorded = 0.0
    for number in numbers:
        row = conditions.get(number)
        if row is None or row.recorded is None:
            return Exposure(lumisections=len(numbers))
        recorded += row.recorded
    return Exposure(lumisections=len(numbers), luminosity=recorded)


class StandingReferences:
    """The references that stand in a catalogue.

    Parameters
    ----------
    catalogue
        Which there are.
    data
        Contents of a version, if they are in memory.
    """

    def __init__(self, catalogue: Catalogue, data: Data) -> None:
        self._catalogue = catalogue
        self._data = data

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare one element with, or why there is nothing."""
        return standing_compared(self._catalogue.standing(wanted), wanted, self._data)


class ReferencesOfThen:
    """The versions that reports name, whatever stands now.

    Parameters
    ----------
    versions
        By kind, path and name of choice, ids of versions.
    catalogue
        All versions there are.
    data
        Contents of a version; None if they are gone.
    """

    def __init__(
        self,
        versions: Mapping[tuple[str, str, str], Sequence[str]],
        catalogue: Catalogue,
        data: Data,
    ) -> None:
        self._versions = versions
        self._catalogue = catalogue
        self._data = data

    def __call__(self, wanted: Wanted) -> Chosen:
        """What the element was compared with then."""
        ids = self._versions.get((wanted.kind, wanted.path, wanted.name), ())[: wanted.most]
        found = [one for each in ids if (one := self._catalogue.get(each)) is not None]
        return compared(found, wanted, self._data, f"versions {list(ids)} are gone")
