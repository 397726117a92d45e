"""One workspace of one run, as far as memory goes: its lumisections, and sums over windows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dqmstream.fold.merge import Merged
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.identity import compact_ranges
from services.gateway.closed_total import ClosedTotal, NotInMemoryError, Words, words_in_order
from services.gateway.records import (
    Covered,
    LumisectionRecord,
    cover,
    on_time,
    record_of,
)
from services.gateway.windows import Window

__all__ = ["WorkspaceRun"]

_MOST_SUMS: Final = 24
"""Sums kept for the next look; each is as large as the workspace."""


class WorkspaceRun:
    """Lumisections of one workspace of one run under one set.

    Parameters
    ----------
    run, set_hash
        Which run and set.
    layout
        Layout of the booking the sets were made with.
    """

    def __init__(self, run: int, set_hash: str, layout: Layout) -> None:
        self.run = run
        self.set = set_hash
        self.layout = layout
        self.revision = 0
        """Rises at each change: what was computed at one revision holds until the next."""
        self.heard = 0
        """Log time of the newest chunk that was filled, nanoseconds since 1970."""
        self.records: dict[int, LumisectionRecord] = {}
        self._contents: dict[int, Contents] = {}
        self._total = ClosedTotal(layout)
        self._covered: dict[str, tuple[int, Covered]] = {}
        self._sums: dict[str, tuple[tuple[object, ...], Contents]] = {}

    @property
    def numbers(self) -> list[int]:
        """LSs known, rising."""
        return sorted(self.records)

    @property
    def bytes_held(self) -> int:
        """Bytes of the LS contents in memory (the total comes on top, once)."""
        return len(self._contents) * self.layout.cells * 8

    def take(self, merged: Merged) -> None:
        """A newer version of one LS."""
        number = merged.key.lumisection
        before, held = self.records.get(number), self._contents.get(number)
        self.revision += 1
        if before is not None and before.adopted and not merged.closed:
            # Late pieces of an LS that the store gave: its contents stay, the store counts them.
            self.records[number] = replace(before, rooted=False)
            return
        self.records[number] = record_of(merged)
        self._contents[number] = merged.contents
        if before is not None and before.closed:
            self._sums.clear()
            if held is None:
                self._lose(number)
            elif merged.closed:
                self._total.replace(number, held, merged.contents)
            else:
                self._total.remove(number, held)
        elif merged.closed:
            self._total.add(number, merged.contents)

    def take_late(self, merged: Merged) -> None:
        """What came late for an LS whose own contents have left memory."""
        number = merged.key.lumisection
        self.revision += 1
        self.records[number] = replace(
            self.records[number],
            late_account=merged.late_account,
            late_segments=merged.late_segments,
        )

    def lose(self, number: int) -> None:
        """An LS in the total has changed, and its old contents are gone: the total is void."""
        self.revision += 1
        self.records[number] = replace(self.records[number], rooted=False)
        self._lose(number)

    def _lose(self, number: int) -> None:
        self._total.lose(
            f"run {self.run} LS {number} workspace {self.layout.workspace!r} was published anew "
            "after its contents had left memory: the sum over the run must come from the store"
        )

    def doubt(self, number: int, lost: Sequence[str]) -> None:
        """A newer epoch has lost input of an LS whose own contents have left memory."""
        self.revision += 1
        known = self.records[number]
        account = replace(
            known.account, lacking=tuple(dict.fromkeys((*known.account.lacking, *lost)))
        )
        self.records[number] = replace(known, whole=False, complete=False, account=account)

    def in_memory(self) -> list[int]:
        """LSs whose own contents are in memory, rising; closed ones may leave."""
        return sorted(self._contents)

    def release(self, number: int) -> None:
        """Let the contents of a closed LS leave memory; the total keeps them summed."""
        if not self.records[number].closed:
            msg = f"run {self.run} LS {number} is open: its contents are nowhere else"
            raise ValueError(msg)
        del self._contents[number]

    @property
    def total_lost(self) -> bool:
        """Whether the sum over the run must come from the store before it can be shown."""
        return self._total.is_lost

    def wanting(self, stored: Mapping[int, LumisectionRecord]) -> list[int] | None:
        """LSs of which the total takes the store's contents; None if it is as it should be.

        Records that are the store's are as they are now in `stored`.
        """
        self._renew(stored)
        taken = [n for n, record in sorted(stored.items()) if record.closed and not self._has(n)]
        if self.total_lost or any(number not in self._total.words for number in taken):
            return taken
        return None

    def rebase(
        self, records: Mapping[int, LumisectionRecord], stored: Contents, numbers: Sequence[int]
    ) -> bool:
        """Build the total anew on the sum of stored LSs.

        Parameters
        ----------
        records
            Of the stored LSs; those of LSs that are known here from their start are not used.
        stored
            Sum over the stored LSs `numbers`, all of them closed.

        Returns
        -------
        bool
            False, and nothing has changed, if an LS has left memory and is not stored yet, or one
            of `numbers` has closed here meanwhile.
        """
        if any(n not in self._contents and n not in numbers for n in self.records):
            return False
        if any(self._has(n) for n in numbers):
            return False
        total = ClosedTotal(self.layout)
        if numbers:
            total.add_many(numbers, stored)
        for number in numbers:
            self._contents.pop(number, None)
            known = self.records.get(number)
            if known is None or not known.closed or known.adopted or not known.rooted:
                rooted = known is None or known.rooted
                self.records[number] = replace(records[number], adopted=True, rooted=rooted)
        for number in self.in_memory():
            if self.records[number].closed:
                total.add(number, self._contents[number])
        self._total = total
        self._sums.clear()
        self.revision += 1
        return True

    def _has(self, number: int) -> bool:
        """Whether memory has the contents of a closed LS by themselves."""
        return number in self._contents and self.records[number].closed

    def _renew(self, stored: Mapping[int, LumisectionRecord]) -> None:
        """Take the store's records anew of LSs that it gave."""
        for number, known in self.records.items():
            if not known.adopted or number not in stored:
                continue
            newer = replace(stored[number], adopted=True, rooted=known.rooted)
            if newer != known and newer.closed:
                if on_time(newer) != on_time(known):
                    self._lose(number)
                self.records[number] = newer
                self.revision += 1

    def covered(self, window: Window) -> Covered:
        """What a window covers now."""
        held = self._covered.get(window.word)
        if held is None or held[0] != self.revision:
            chosen = window.select(self.numbers)
            held = (self.revision, cover(self.run, [self.records[number] for number in chosen]))
            self._covered[window.word] = held
        return held[1]

    def window(self, window: Window) -> tuple[Contents, Covered]:
        """Sum over a window. The contents belong to this object: read, and copy what is kept.

        Raises
        ------
        NotInMemoryError
            If LSs of the window have left memory.
        WindowError
            If the sum cannot be made.
        """
        covered = self.covered(window)
        word, key = window.word, (self.revision, covered.numbers)
        held = self._sums.get(word)
        if held is None or held[0] != key:
            held = (key, self._summed(word, covered.numbers))
            self._sums[word] = held
            while len(self._sums) > _MOST_SUMS:
                del self._sums[next(iter(self._sums))]
        return held[1], covered

    def forget_sums(self, windows: Iterable[str]) -> None:
        """Keep only the sums of these windows: the others are not asked for any more."""
        kept = {part for word in windows for part in (word, _closed_part(word))}
        self._sums = {word: held for word, held in self._sums.items() if word in kept}
        self._covered = {word: held for word, held in self._covered.items() if word in kept}

    def of_lumisection(self, number: int) -> Contents:
        """Contents of one LS.

        Raises
        ------
        NotInMemoryError
            If they have left memory, or the LS is not known.
        """
        self._need([number])
        return self._contents[number]

    def _summed(self, word: str, numbers: Sequence[int]) -> Contents:
        closed = [number for number in numbers if self.records[number].closed]
        still_open = [number for number in numbers if not self.records[number].closed]
        result = self._closed_sum(_closed_part(word), closed)
        ordered = not closed or not still_open or closed[-1] < still_open[0]
        for number in still_open:
            result.add(self._contents[number])
        if not ordered:
            together = words_in_order(self.layout, self._words(numbers))
            result.scalars, result.invalid = dict(together.scalars), dict(together.invalid)
        return result

    def _closed_sum(self, word: str, closed: Sequence[int]) -> Contents:
        """Sum of closed LSs, as a copy: made anew only when other LSs have closed."""
        held_here = all(number in self._contents for number in closed)
        if len(closed) == len(self._total.words) and not (self.total_lost and held_here):
            return self._total.contents()
        self._need(closed)
        if len(closed) <= 1:
            return Contents.total(self.layout, (self._contents[number] for number in closed))
        held = self._sums.get(word)
        if held is None or held[0] != tuple(closed):
            total = Contents.total(self.layout, (self._contents[number] for number in closed))
            held = (tuple(closed), total)
            self._sums[word] = held
        return held[1].copy()

    def _words(self, numbers: Iterable[int]) -> Mapping[int, Words]:
        words = self._total.words
        return {
            number: words[number]
            if number in words
            else Words(self._contents[number].scalars, self._contents[number].invalid)
            for number in numbers
        }

    def _need(self, numbers: Iterable[int]) -> None:
        lacking = [number for number in numbers if number not in self._contents]
        if lacking:
            msg = (
                f"run {self.run} workspace {self.layout.workspace!r}: LS "
                f"{compact_ranges(lacking)} are not in memory"
            )
            raise NotInMemoryError(msg)


def _closed_part(word: str) -> str:
    return f"closed part of {word}"
