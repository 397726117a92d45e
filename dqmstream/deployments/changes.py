"""What a deployment changes, and the summary of it that is sent round."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dqmstream.deployments.description import Described, DescribedElement, DescribedWorkspace
from dqmstream.deployments.step import ComparisonReport
from dqmstream.messages.struct import Value

__all__ = ["Changes", "Difference", "changes", "summary"]

_LISTED: Final = 40
"""Lines of one kind in a summary; the rest is counted."""


class Difference(Value, frozen=True, kw_only=True):
    """Names that only one side has, and those that differ, with what they were and are."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Changes(Value, frozen=True, kw_only=True):
    """All that differs between what is deployed and what is to be.

    Of an element that is in both, `rebinned` says that its bins differ, and `elements.changed`
    that something else does: what fills it, or how it is drawn. `unlisted` are workspaces that
    differ, of which elements are not known one by one. `columns` are those that nothing deployed
    reads: events may come without them.
    """

    release: tuple[str, str] | None = None
    workspaces: Difference = Difference()
    elements: Difference = Difference()
    rebinned: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    quality_tests: Difference = Difference()
    references: Difference = Difference()
    settings: Difference = Difference()
    columns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


def changes(before: Described | None, after: Described) -> Changes:
    """What differs; before the first deployment there was nothing."""
    if before is None:
        before = Described(release="", set="", workspaces={})
    both = before.workspaces.keys() & after.workspaces.keys()
    differing = sorted(
        name for name in both if before.workspaces[name].hash != after.workspaces[name].hash
    )
    pairs = [(before.workspaces[name], after.workspaces[name]) for name in differing]
    unlisted = tuple(
        name
        for name, (one, other) in zip(differing, pairs, strict=True)
        if one.elements is None or other.elements is None
    )
    old, new = (_elements(pair[side] for pair in pairs) for side in (0, 1))
    # Of workspaces that only one side has, the elements come and go with them.
    elements = _difference(
        {path: one.hash for path, one in old.items()}, {path: one.hash for path, one in new.items()}
    )
    rebinned = {
        path: (old[path].bins, new[path].bins)
        for path in elements.changed
        if old[path].bins != new[path].bins
    }
    return Changes(
        release=None if before.release == after.release else (before.release, after.release),
        workspaces=Difference(
            added=tuple(sorted(after.workspaces.keys() - before.workspaces.keys())),
            removed=tuple(sorted(before.workspaces.keys() - after.workspaces.keys())),
            changed={
                name: (one.hash, other.hash)
                for name, (one, other) in zip(differing, pairs, strict=True)
            },
        ),
        elements=Difference(
            added=elements.added,
            removed=elements.removed,
            changed={path: pair for path, pair in elements.changed.items() if path not in rebinned},
        ),
        rebinned=rebinned,
        unlisted=unlisted,
        quality_tests=_difference(before.quality_tests, after.quality_tests),
        references=_difference(before.references, after.references),
        settings=_difference(before.settings, after.settings),
        columns=tuple(sorted(set(after.columns) - set(before.columns))),
    )


def _elements(workspaces: Iterator[DescribedWorkspace]) -> dict[str, DescribedElement]:
    found: dict[str, DescribedElement] = {}
    for one in workspaces:
        found |= one.elements or {}
    return found


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed={
            name: (before[name], after[name])
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        },
    )


def summary(
    name: str,
    found: Changes,
    *,
    before: str,
    after: Described,
    why: str,
    report: ComparisonReport | None = None,
) -> str:
    """The change summary, as Markdown.

    Parameters
    ----------
    name, why
        Of the deployment.
    before
        Name of what is deployed; empty if nothing is.
    report
        What `dqmstream playback compare` said of it.
    """
    lines = [
        f"# Deployment {name}",
        "",
        f"{why}",
        "",
        f"- in place of: {before or 'nothing: the first deployment'}",
        f"- set of bookings: {after.set}, {len(after.workspaces)} workspaces"
        + ("" if after.elements is None else f", {after.elements} elements"),
        f"- description: {after.hash}",
    ]
    if found.release is not None:
        lines.append(f"- release: {found.release[0] or 'none'} → {found.release[1]}")
    lines += ["", "## Compared by playback", "", _reported(report)]
    if not found:
        lines += ["", "## Changes", "", "Nothing changes."]
    for title, difference, shows_values in (
        ("Workspaces", found.workspaces, False),
        ("Elements", found.elements, False),
        ("Re-binned elements", Difference(changed=found.rebinned), True),
        ("Quality tests", found.quality_tests, False),
        ("References", found.references, True),
        ("Settings", found.settings, True),
    ):
        if difference:
            lines += ["", f"## {title}", "", *_listed(difference, shows_values=shows_values)]
    if found.unlisted:
        names = ", ".join(found.unlisted)
        lines += ["", f"Too many elements to be told one by one: {names}"]
    if found.columns and before:
        lines += [
            "",
            "## Columns that nothing deployed reads",
            "",
            "Sources that send only what is read send them from the next run on after the "
            "promotion; beside production, only those that send all columns do.",
            "",
            *(f"- `{column}`" for column in found.columns[:_LISTED]),
        ]
    return "\n".join(lines) + "\n"


def _reported(report: ComparisonReport | None) -> str:
    if report is None:
        return "Not compared: no report was given."
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    told = f"**{report.verdict}**" + (f": {counts}" if counts else "")
    return f"{told} (report {report.hash})"


def _listed(difference: Difference, *, shows_values: bool) -> Sequence[str]:
    lines = [f"- added: `{name}`" for name in difference.added]
    lines += [f"- removed: `{name}`" for name in difference.removed]
    lines += [
        f"- changed: `{name}`" + (f": {old} → {new}" if shows_values else "")
        for name, (old, new) in difference.changed.items()
    ]
    more = len(lines) - _LISTED
    return lines if more <= 0 else [*lines[:_LISTED], f"- and {more} more"]
