"""What the accounts of all pieces of an LS say together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dqmstream.messages.histograms import Account

__all__ = ["MergedAccount", "SourceTotal", "merge_accounts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTotal:
    """What one incarnation of a source brought to all pieces together."""

    source: str
    incarnation: str
    chunks: int = 0
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedAccount:
    """Accounts of all pieces together.

    `seen`, `selected` and `dropped` count events of filled chunks; `refused` counts chunks by
    reason; `notes` what sources could not use; `lacking` is text naming what is missing.
    `by_source` parts chunks, events and notes by source and incarnation; accounts that were stored
    before it was kept lack it.
    """

    seen: int = 0
    selected: int = 0
    dropped: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    duplicates: int = 0
    chunks: int = 0
    sources: tuple[str, ...] = ()
    closed_by: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    by_source: tuple[SourceTotal, ...] = ()


def merge_accounts(
    accounts: Iterable[Account], lacking: Iterable[str] = (), *, noted: Iterable[Account] = ()
) -> MergedAccount:
    """Sums over accounts; counts by name stay by name.

    A marker comes on every partition and is counted once: not again if it is in `noted`.
    """
    known = {(s.source, s.incarnation) for a in noted for s in a.sources if s.marker is not None}
    refused: dict[str, int] = {}
    notes: dict[tuple[str, str], Mapping[str, int]] = {}
    missing: set[str] = set()
    totals: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    closed_by: set[str] = set()
    duplicates = 0
    for account in accounts:
        missing.update(account.missing)
        duplicates += account.duplicates
        closed_by.update({account.closed_by} - {""})
        for refusal in account.refused:
            refused[refusal.reason] = refused.get(refusal.reason, 0) + 1
        for source in account.sources:
            name = (source.source, source.incarnation)
            chunks, seen, selected, dropped = totals.get(name, (0, 0, 0, 0))
            totals[name] = (
                chunks + int.from_bytes(source.chunks, "little").bit_count(),
                seen + source.seen,
                selected + source.selected,
                dropped + source.dropped,
            )
            if source.notes and name not in known:
                notes[name] = source.notes
    by_source = tuple(
        SourceTotal(
            source=name[0],
            incarnation=name[1],
            chunks=chunks,
            seen=seen,
            selected=selected,
            dropped=dropped,
            notes=notes.get(name, {}),
        )
        for name, (chunks, seen, selected, dropped) in sorted(totals.items())
    )
    return MergedAccount(
        seen=sum(one.seen for one in by_source),
        selected=sum(one.selected for one in by_source),
        dropped=sum(one.dropped for one in by_source),
        refused=refused,
        notes=_added(notes.values()),
        missing=tuple(sorted(missing)),
        duplicates=duplicates,
        chunks=sum(one.chunks for one in by_source),
        sources=tuple(sorted({one.source for one in by_source})),
        closed_by=tuple(sorted(closed_by)),
        lacking=tuple(lacking),
        by_source=by_source,
    )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[name] = total.get(name, 0) + number
    return total
