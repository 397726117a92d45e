"""One record of an LS from those of several sets: what is filled here, and what was imported.

All workspaces of a set have the same account of an LS, those of other sets have their own. Shown
together an LS is closed, complete and whole if it is so in every set. Sets that have read the same
source are not twice the events: each incarnation of a source counts once, as the set tells it that
has most of its chunks. Other sources add up, with their losses and notes; imported histograms
count no events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Self, TypeAlias

from dqmstream.fold.merged_account import MergedAccount, SourceTotal
from services.gateway.records import LumisectionRecord

__all__ = ["together"]

_Name: TypeAlias = tuple[str, str]
"""Source and incarnation."""

_NOTHING: Final = SourceTotal(source="", incarnation="")


class _Told(NamedTuple):
    """What one set tells of one incarnation of a source: in time, and late."""

    on_time: SourceTotal
    late: SourceTotal

    @property
    def chunks(self) -> tuple[int, int]:
        return (self.on_time.chunks, self.late.chunks)


class _Set(NamedTuple):
    """What one set tells of all sources of an LS."""

    record: LumisectionRecord
    told: Mapping[_Name, _Told]

    @classmethod
    def of(cls, record: LumisectionRecord, *, by_source: bool) -> Self:
        on_time = _totals(record.account, by_source=by_source)
        late = _totals(record.late_account, by_source=by_source)
        names = sorted(on_time.keys() | late.keys())
        told = {n: _Told(on_time.get(n, _NOTHING), late.get(n, _NOTHING)) for n in names}
        return cls(record, told)


def together(records: Sequence[LumisectionRecord]) -> LumisectionRecord:
    """The records of one LS, one of each set, as one."""
    if len(records) == 1:
        return records[0]
    accounts = [each for record in records for each in (record.account, record.late_account)]
    by_source = all(account.by_source or not account.sources for account in accounts)
    sets = [_Set.of(record, by_source=by_source) for record in records]
    fullest: dict[_Name, _Told] = {}
    for one in sets:
        for name, told in one.told.items():
            if name not in fullest or told.chunks > fullest[name].chunks:
                fullest[name] = told
    groups = _reading_the_same(sets)
    return LumisectionRecord(
        number=records[0].number,
        closed=all(record.closed for record in records),
        complete=all(record.complete for record in records),
        whole=all(record.whole for record in records),
        versions=tuple(version for record in records for version in record.versions),
        account=_account(
            [[record.account for record in group] for group in groups],
            [told.on_time for told in fullest.values()],
        ),
        late_account=_account(
            [[record.late_account for record in group] for group in groups],
            [told.late for told in fullest.values()],
        ),
        late_segments=sum(max(record.late_segments for record in group) for group in groups),
        published=max(record.published for record in records),
        rooted=all(record.rooted for record in records),
        adopted=any(record.adopted for record in records),
    )


def _totals(account: MergedAccount, *, by_source: bool) -> dict[_Name, SourceTotal]:
    if by_source:
        return {(one.source, one.incarnation): one for one in account.by_source}
    if not account.sources:
        return {}
    # Stored before it was kept by source: sets that name the same sources have read the same.
    name = (", ".join(account.sources), "")
    total = SourceTotal(
        source=name[0],
        incarnation=name[1],
        chunks=account.chunks,
        seen=account.seen,
        selected=account.selected,
        dropped=account.dropped,
        notes=account.notes,
    )
    return {name: total}


def _reading_the_same(sets: Sequence[_Set]) -> list[list[LumisectionRecord]]:
    """Records of sets, those together that have read a source in common."""
    groups: list[tuple[set[_Name], list[LumisectionRecord]]] = []
    for one in sets:
        names, records = set(one.told), [one.record]
        apart = []
        for group in groups:
            if names.isdisjoint(group[0]):
                apart.append(group)
            else:
                names, records = names | group[0], [*group[1], *records]
        groups = [*apart, (names, records)]
    return [records for _, records in groups]


def _account(
    groups: Sequence[Sequence[MergedAccount]], totals: Sequence[SourceTotal]
) -> MergedAccount:
    """One account of those of groups of sets, and of what is told of each source.

    What is not told by source is what the set says that has most of it, in each group.
    """
    accounts = [account for group in groups for account in group]
    by_source = tuple(one for one in totals if one is not _NOTHING)
    return MergedAccount(
        seen=sum(one.seen for one in by_source),
        selected=sum(one.selected for one in by_source),
        dropped=sum(one.dropped for one in by_source),
        refused=_sum(_most(one.refused for one in group) for group in groups),
        notes=_sum(one.notes for one in by_source),
        missing=_names(one.missing for one in accounts),
        duplicates=sum(max(one.duplicates for one in group) for group in groups),
        chunks=sum(one.chunks for one in by_source),
        sources=_names(one.sources for one in accounts),
        closed_by=_names(one.closed_by for one in accounts),
        lacking=tuple(dict.fromkeys(text for one in accounts for text in one.lacking)),
        by_source=by_source,
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _most(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    most: Counter[str] = Counter()
    for count in counts:
        most |= Counter(count)
    return most


def _names(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))
