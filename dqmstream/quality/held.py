"""Pieces of LSs that the comparator holds, within bounds; the last contents put together."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.quality.inputs import digest_of

__all__ = ["ClosedLumisection", "HeldPieces", "Order"]

Order = tuple[bool, bool, int, int]
_CONTENTS_BYTES: Final = 64 << 20


class ClosedLumisection(NamedTuple):
    """What is judged of a closed LS."""

    contents: Contents
    complete: bool
    versions: tuple[int, ...]
    digest: str


class HeldPieces:
    """Newest pieces of LSs. Those of counted ones are let go when they take too much room.

    Parameters
    ----------
    merger
        What puts pieces together.
    most_bytes
        Compressed cells of counted LSs to hold.
    """

    def __init__(self, merger: Merger, most_bytes: int) -> None:
        self.merger = merger
        self._most = most_bytes
        self._sizes: dict[SetKey, int] = {}
        self._bytes = 0
        self._recent: OrderedDict[SetKey, tuple[object, ClosedLumisection]] = OrderedDict()
        self._recent_bytes = 0

    def partition_order(self, key: SetKey, partition: int) -> Order | None:
        """Version of the on-time piece of a partition."""
        for one in self.merger.pieces(key):
            if one.segment == 0 and one.partition == partition:
                return one.order
        return None

    def check_cells(self, layout: Layout, piece: HistogramSet) -> None:
        """MessageError if a whole piece has a broken block: before it replaces a good one."""
        if piece.closed and piece.parts == 1:
            Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)

    def note(self, merged: Merged) -> None:
        """Keep the contents of a closed LS at hand: they will be asked for again."""
        self._drop(merged.key)
        contents = merged.contents
        closed = ClosedLumisection(contents, merged.complete, merged.versions, digest_of(contents))
        self._recent[merged.key] = self._mark(merged.key), closed
        self._recent_bytes += merged.contents.cells.nbytes
        while self._recent_bytes > _CONTENTS_BYTES and len(self._recent) > 1:
            self._drop(next(iter(self._recent)))

    def find(self, key: SetKey) -> ClosedLumisection | None:
        """A closed LS; None if it is no longer held, or its pieces contradict each other."""
        if not self.merger.is_closed(key):
            return None
        mark, closed = self._recent.get(key, (None, None))
        if closed is not None and mark == self._mark(key):
            self._recent.move_to_end(key)
            return closed
        try:
            self.note(self.merger.merged(key))
        except (WindowError, MessageError):
            return None
        return self._recent[key][1]

    def _mark(self, key: SetKey) -> object:
        """Versions of all pieces."""
        pieces = self.merger.pieces(key)
        return tuple((piece.segment, piece.partition, piece.order) for piece in pieces)

    def _drop(self, key: SetKey) -> None:
        found = self._recent.pop(key, None)
        if found is not None:
            self._recent_bytes -= found[1].contents.cells.nbytes

    def hold(self, key: SetKey) -> list[tuple[SetKey, dict[int, Order]]]:
        """Count the room of an LS's pieces; those let go for it, with the versions they had."""
        size = sum(len(piece.cells) for piece in self.merger.pieces(key))
        self._bytes += size - self._sizes.get(key, 0)
        self._sizes[key] = size
        settled = []
        while self._bytes > self._most:
            oldest = next(iter(self._sizes))
            on_time = [piece for piece in self.merger.pieces(oldest) if piece.segment == 0]
            settled.append((oldest, {piece.partition: piece.order for piece in on_time}))
            self._forget(oldest)
        return settled

    def forget_all(self, is_gone: Callable[[SetKey], bool]) -> None:
        """Let all pieces of some keys go."""
        for key in list(filter(is_gone, self.merger.keys())):
            self._forget(key)

    def _forget(self, key: SetKey) -> None:
        self.merger.forget(key)
        self._bytes -= self._sizes.pop(key, 0)
        self._drop(key)
