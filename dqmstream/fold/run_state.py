"""One run on a partition: which LSs are open, which chunks were seen, who is awaited."""

from bisect import insort

import msgspec

from dqmstream.identity import event_partition

__all__ = ["LumisectionState", "RunState", "SourceState", "expected_chunks"]


class SourceState(msgspec.Struct, array_like=True):
    """One incarnation of a source in a run. `awaited` for LSs from `first` on.

    `since` is the first LS it ever spoke of, `last` the one its RunEnd named.
    """

    source: str
    incarnation: str
    rereadable: bool
    first: int
    since: int
    awaited: bool = True
    ended: bool = False
    last: int = 0


class LumisectionState(msgspec.Struct, array_like=True):
    """One LS on this partition; source indices refer to its run's `sources`.

    `segment` is the open one, or the last closed one. `markers` are announced chunk counts,
    `whole` the sources whose chunks were all here when a segment closed. Of the others `seen` are
    bit masks of chunk numbers over all segments, `checksums` those of the chunks. `spoke` lists
    who spoke in the open segment.
    """

    segment: int = 0
    markers: dict[int, int] = {}
    whole: list[int] = []
    seen: dict[int, bytes] = {}
    checksums: dict[int, dict[int, int]] = {}
    spoke: list[int] = []

    def has_seen(self, source: int, number: int) -> bool:
        if source in self.whole:
            return number < self.markers[source]
        return bool(int.from_bytes(self.seen.get(source, b""), "little") >> number & 1)

    def note_seen(self, source: int, number: int, checksum: int) -> None:
        mask = int.from_bytes(self.seen.get(source, b""), "little") | 1 << number
        self.seen[source] = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
        self.checksums.setdefault(source, {})[number] = checksum

    def shrink(self, source: int, expected: int) -> None:
        """Keep only the number of a source's chunks if its mask is the `expected` one."""
        if int.from_bytes(self.seen.get(source, b""), "little") == expected:
            del self.seen[source]
            del self.checksums[source]
            self.whole.append(source)


class RunState(msgspec.Struct, array_like=True):
    """One run on this partition. `expected` are named sources that have not spoken yet.

    Those of them that were missed are in `absent`. All LSs from `lowest` on are known, without
    gaps; `open` lists those with an open segment. `ended` says that nobody is waited for any
    more, `closed` that a RunClose confirmed it. `unsure` has for each hole of the partition, as
    far as the run has met them, the highest LS that may have lost chunks in it (0 for none).
    """

    sources: list[SourceState] = []
    expected: dict[str, int] = {}
    absent: dict[str, int] = {}
    lumisections: dict[int, LumisectionState] = {}
    lowest: int = 0
    open: list[int] = []
    ended: bool = False
    closed: bool = False
    unsure: list[int] = []

    def source(self, name: str, incarnation: str) -> int | None:
        """Index of an incarnation, None if it has not spoken."""
        for index, state in enumerate(self.sources):
            if state.source == name and state.incarnation == incarnation:
                return index
        return None

    def awaited(self, lumisection: int) -> list[int]:
        """Indices of the sources whose marker this LS waits for."""
        return [
            index
            for index, state in enumerate(self.sources)
            if state.awaited and not state.ended and state.first <= lumisection
        ]

    def unheard(self, lumisection: int) -> list[str]:
        """Expected sources that have not spoken and are awaited for this LS."""
        return [name for name, first in self.expected.items() if first <= lumisection]

    def miss(self, lumisection: int) -> set[str]:
        """Names of the sources that owe an LS their marker; they are awaited no more.

        Besides the awaited ones these are all that were missed before, were replaced or ended
        without a word on this LS: nobody waits for them, but it is not complete without them.
        """
        markers = self.lumisections[lumisection].markers
        names = set()
        for index in self.awaited(lumisection):
            if index not in markers:
                self.sources[index].awaited = False
                names.add(self.sources[index].source)
        for name in self.unheard(lumisection):
            self.absent[name] = self.expected.pop(name)
        names |= {name for name, first in self.absent.items() if first <= lumisection}
        heard = {self.sources[index].source for index in markers}
        return names | (self._on_duty(lumisection) - heard)

    def _on_duty(self, lumisection: int) -> set[str]:
        began = {state.source for state in self.sources if state.since <= lumisection}
        # Later incarnations stand further back and overwrite their predecessors.
        newest = {state.source: state for state in self.sources}
        return {n for n in began if not newest[n].ended or lumisection <= newest[n].last}

    def is_open(self, lumisection: int) -> bool:
        """Whether an LS has an open segment."""
        return lumisection in self.open

    def open_segments(self) -> list[tuple[int, int]]:
        """(LS, segment) of all that are open, oldest first."""
        return [(number, self.lumisections[number].segment) for number in self.open]

    def span(self) -> tuple[int, int] | None:
        """Lowest and highest known LS."""
        if not self.lumisections:
            return None
        return self.lowest, self.lowest + len(self.lumisections) - 1

    def reach(self, lumisection: int) -> list[int]:
        """Open an LS and each unknown one between it and the known ones; those opened."""
        low, high = self.span() or (lumisection, lumisection - 1)
        opened = [*range(lumisection, low), *range(high + 1, lumisection + 1)]
        for number in opened:
            self.lumisections[number] = LumisectionState()
            insort(self.open, number)
        self.lowest = min(low, lumisection)
        return opened


def expected_chunks(source: str, count: int, partition: int, partitions: int) -> int:
    """Bit mask of the chunk numbers below `count` that belong to this partition."""
    first = (partition - event_partition(source, 0, partitions)) % partitions
    repeats = len(range(first, count, partitions))
    # 1 + 2**P + 2**2P + ... is a geometric sum: one division, however many chunks there are.
    return (((1 << partitions * repeats) - 1) // ((1 << partitions) - 1)) << first
