"""What is known of lumisections besides their contents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dqmstream.fold.merge import Merged
from dqmstream.fold.merged_account import MergedAccount
from dqmstream.identity import content_hash

__all__ = ["Covered", "LumisectionRecord", "contents_version", "cover", "on_time", "record_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LumisectionRecord:
    """What is known of one LS besides its contents.

    Not `rooted` if pieces of it were published that memory has not seen: it may lack contents and
    late segments that a store has. `adopted` if memory has it from the store.
    """

    number: int
    closed: bool
    complete: bool
    whole: bool
    versions: tuple[int, ...]
    account: MergedAccount
    late_account: MergedAccount
    late_segments: int
    published: int
    rooted: bool = True
    adopted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """Which LSs a window turned out to cover, and how far they can be trusted."""

    run: int
    numbers: tuple[int, ...]
    closed: bool
    complete: bool
    whole: bool
    late_events: int

    @property
    def span(self) -> tuple[int, int]:
        """First and last LS; (0, 0) if there is none."""
        return (self.numbers[0], self.numbers[-1]) if self.numbers else (0, 0)


def cover(run: int, records: Sequence[LumisectionRecord]) -> Covered:
    """What the LSs of a window come to."""
    return Covered(
        run=run,
        numbers=tuple(record.number for record in records),
        closed=all(record.closed for record in records),
        complete=all(record.complete for record in records),
        whole=all(record.whole for record in records),
        late_events=sum(record.late_account.seen for record in records),
    )


def contents_version(records: Iterable[LumisectionRecord]) -> str:
    """Changes whenever the contents of these LSs may have."""
    return content_hash([_version(record) for record in records])


def record_of(merged: Merged) -> LumisectionRecord:
    """What the pieces that memory has of an LS say of it."""
    return LumisectionRecord(
        number=merged.key.lumisection,
        closed=merged.closed,
        complete=merged.complete,
        whole=merged.whole,
        versions=merged.versions,
        account=merged.account,
        late_account=merged.late_account,
        late_segments=merged.late_segments,
        published=merged.published,
        rooted=bool(merged.versions) and -1 not in merged.versions,
    )


def on_time(record: LumisectionRecord) -> tuple[object, ...]:
    """What changes with the contents of a closed LS, and not with what comes late."""
    return (record.whole, record.account.seen, record.account.chunks)


def _version(record: LumisectionRecord) -> tuple[object, ...]:
    late = record.late_account.chunks
    return (record.number, record.closed, record.whole, record.versions, record.published, late)
