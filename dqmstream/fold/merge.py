"""How readers put pieces together: replace by key, sum over partitions, say what is missing.

Readers decide nothing. A piece is the newest HistogramSet of its key; the merged LS is the sum of
segment 0 over all partitions, and what came late is summed beside it, never added.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dqmstream.errors import WindowError
from dqmstream.fold.completeness import lacking
from dqmstream.fold.merged_account import MergedAccount, merge_accounts
from dqmstream.fold.pieces import check_incarnations, check_same_kind, check_sane
from dqmstream.fold.sets import PartJoiner
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet

__all__ = ["Merged", "Merger", "SetKey"]


_Place: TypeAlias = tuple[int, int]
"""Segment and partition."""


class SetKey(NamedTuple):
    """One workspace of one LS, all partitions and segments together."""

    set: str
    run: int
    lumisection: int
    workspace: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """One workspace of one LS as of `versions` (the `through` of segment 0, per partition).

    `contents` is segment 0, `late` the sum of the later segments (None if there are none).
    `closed` when every partition's segment 0 is; `whole` when no input of it can have expired
    before it was read (else `account.lacking` names what); `complete` when besides every chunk
    that any source announced is in.
    """

    key: SetKey
    contents: Contents
    late: Contents | None
    account: MergedAccount
    late_account: MergedAccount
    closed: bool
    complete: bool
    whole: bool
    versions: tuple[int, ...]
    late_segments: int
    published: int


class _Hole(NamedTuple):
    """Offset ranges that a piece of this epoch has lost."""

    epoch: int
    expired: tuple[tuple[int, int], ...]


class Merger:
    """Newest pieces by key.

    Parameters
    ----------
    layout
        Layout of a booking hash, None if it is not known (yet).
    """

    def __init__(self, layout: Callable[[str], Layout | None]) -> None:
        self._layout = layout
        self._pieces: dict[SetKey, dict[_Place, HistogramSet]] = {}
        self._holed: dict[SetKey, dict[_Place, _Hole]] = {}
        self._joiner = PartJoiner()

    def apply(self, piece: HistogramSet) -> SetKey | None:
        """Take a set in; its key if something changed, None if it was older or only a part.

        Raises
        ------
        WindowError
            If it contradicts the pieces at hand in booking or number of partitions.
        MessageError
            With reason `bad_set` if it cannot be a piece of anything.
        """
        check_sane(piece)
        whole = self._joiner.join(piece)
        if whole is None:
            return None
        key = SetKey(whole.set, whole.run, whole.lumisection, whole.workspace)
        pieces = self._pieces.get(key, {})
        for other in pieces.values():
            check_same_kind(whole, other)
        place = (whole.segment, whole.partition)
        held = pieces.get(place)
        self._note_hole(key, place, whole)
        if held is not None and held.order >= whole.order:
            return None
        self._pieces.setdefault(key, {})[place] = whole
        return key

    def _note_hole(self, key: SetKey, place: _Place, piece: HistogramSet) -> None:
        """Remember that a newer epoch lost input of this LS, whether or not its piece is shown.

        Contents made before the hole are better and stay; that nothing is missing beside them can
        no longer be said.
        """
        known = self._holed.get(key, {}).get(place)
        if not piece.whole and (known is None or known.epoch < piece.epoch):
            self._holed.setdefault(key, {})[place] = _Hole(piece.epoch, piece.account.expired)

    def _expired(self, key: SetKey) -> list[tuple[int, tuple[int, int]]]:
        """(partition, offset range) that pieces of newer epochs than those shown have lost."""
        shown = self._pieces[key]
        return [
            (place[1], lost)
            for place, hole in self._holed.get(key, {}).items()
            if shown[place].epoch < hole.epoch
            for lost in hole.expired
        ]

    def keys(self) -> Iterable[SetKey]:
        """All keys at hand."""
        return self._pieces.keys()

    def pieces(self, key: SetKey) -> list[HistogramSet]:
        """Newest pieces of a key, by (segment, partition)."""
        return [piece for _, piece in sorted(self._pieces.get(key, {}).items())]

    def is_closed(self, key: SetKey) -> bool:
        """Whether segment 0 of every partition is closed."""
        return _closed(self.pieces(key))

    def forget(self, key: SetKey) -> None:
        """Drop the pieces of a key."""
        self._pieces.pop(key, None)
        self._holed.pop(key, None)

    def merged(self, key: SetKey) -> Merged:
        """Sum of the pieces of a key.

        Raises
        ------
        KeyError
            If nothing is known of it.
        WindowError
            If its booking is not known, or partitions filled from two incarnations of one
            re-readable source: the same events twice.
        MessageError
            If a block is broken.
        """
        pieces = self.pieces(key)
        if not pieces:
            raise KeyError(key)
        layout = self._layout(pieces[0].booking)
        if layout is None:
            msg = f"{key}: booking {pieces[0].booking} is not known"
            raise WindowError(msg)
        on_time = [piece for piece in pieces if piece.segment == 0]
        late = [piece for piece in pieces if piece.segment > 0]
        check_incarnations(pieces)
        closed = _closed(pieces)
        expired = self._expired(key)
        missing = lacking(pieces, expired)
        whole = all(piece.whole for piece in pieces) and not expired
        return Merged(
            key=key,
            contents=_summed(layout, on_time),
            late=_summed(layout, late) if late else None,
            account=merge_accounts([piece.account for piece in on_time], missing),
            late_account=merge_accounts(
                [piece.account for piece in late], noted=[piece.account for piece in on_time]
            ),
            closed=closed,
            complete=closed and whole and not missing,
            whole=whole,
            versions=_versions(on_time, pieces[0].partitions),
            late_segments=len(late),
            published=max(piece.published for piece in pieces),
        )


def _summed(layout: Layout, pieces: Iterable[HistogramSet]) -> Contents:
    total = Contents.empty(layout)
    for piece in pieces:
        part = Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)
        total.add(part, same_lumisection=True)
    return total


def _closed(pieces: Iterable[HistogramSet]) -> bool:
    on_time = [piece for piece in pieces if piece.segment == 0]
    return (
        bool(on_time)
        and len(on_time) == on_time[0].partitions
        and all(piece.closed for piece in on_time)
    )


def _versions(on_time: Iterable[HistogramSet], partitions: int) -> tuple[int, ...]:
    """`through` per partition, -1 where nothing is known yet."""
    known = {piece.partition: piece.through for piece in on_time}
    return tuple(known.get(partition, -1) for partition in range(partitions))
