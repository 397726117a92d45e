"""One record of an LS from those of several sets: what is filled here, and what was imported.

All workspaces of a set have the same account of an LS, those of other sets have their own. Shown
together an LS is closed, complete and whole if it is so in every set, and events, losses and notes
add up; imported histograms count no events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dqmstream.fold.merge import MergedAccount
from services.gateway.records import LumisectionRecord

__all__ = ["together"]


def together(records: Sequence[LumisectionRecord]) -> LumisectionRecord:
    """The records of one LS, one of each set, as one."""
    if len(records) == 1:
        return records[0]
    return LumisectionRecord(
        number=records[0].number,
        closed=all(record.closed for record in records),
        complete=all(record.complete for record in records),
        whole=all(record.whole for record in records),
        versions=tuple(version for record in records for version in record.versions),
        account=_accounts([record.account for record in records]),
        late_account=_accounts([record.late_account for record in records]),
        late_segments=sum(record.late_segments for record in records),
        published=max(record.published for record in records),
        rooted=all(record.rooted for record in records),
        adopted=any(record.adopted for record in records),
    )


def _accounts(accounts: Sequence[MergedAccount]) -> MergedAccount:
    return MergedAccount(
        seen=sum(one.seen for one in accounts),
        selected=sum(one.selected for one in accounts),
        dropped=sum(one.dropped for one in accounts),
        refused=_sum(one.refused for one in accounts),
        notes=_sum(one.notes for one in accounts),
        missing=_names(one.missing for one in accounts),
        duplicates=sum(one.duplicates for one in accounts),
        chunks=sum(one.chunks for one in accounts),
        sources=_names(one.sources for one in accounts),
        closed_by=_names(one.closed_by for one in accounts),
        lacking=tuple(dict.fromkeys(text for one in accounts for text in one.lacking)),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _names(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for some in names for name in some}))
