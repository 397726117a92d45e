"""The account of a segment: every chunk by name, as it goes into a HistogramSet."""

from dataclasses import dataclass, field

from dqmstream.messages.events import Chunk, LumisectionEnd
from dqmstream.messages.histograms import Account, Refusal, SourceAccount

__all__ = ["Ledger"]

_MAX_REFUSALS = 1000


@dataclass(slots=True)
class _Entry:
    """What one incarnation brought so far."""

    rereadable: bool
    chunks: int = 0
    marker: int | None = None
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    notes: dict[str, int] = field(default_factory=dict)


class Ledger:
    """Account of one segment while it grows.

    Parameters
    ----------
    expired
        Offset ranges that were lost unread and may have held chunks of its LS.
    """

    def __init__(self, expired: tuple[tuple[int, int], ...] = ()) -> None:
        self._expired = expired
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._refused: list[Refusal] = []
        self._duplicates = 0
        self._missing: tuple[str, ...] = ()
        self._closed_by = ""

    def note_chunk(self, chunk: Chunk) -> None:
        """A chunk was filled."""
        entry = self._entry(chunk.source, chunk.incarnation, chunk.rereadable)
        entry.chunks |= 1 << chunk.number
        entry.seen += chunk.seen
        entry.selected += chunk.selected
        entry.dropped += chunk.dropped

    def note_spoke(self, chunk: Chunk) -> None:
        """A chunk was refused for its body: the LS lacks it until a good one or a marker comes."""
        self._entry(chunk.source, chunk.incarnation, chunk.rereadable)

    def note_marker(self, marker: LumisectionEnd) -> None:
        """A source said how many chunks it sent."""
        entry = self._entry(marker.source, marker.incarnation, marker.rereadable)
        entry.marker = marker.chunks
        entry.notes = dict(marker.notes)

    def note_refusal(self, refusal: Refusal) -> None:
        """A chunk of this LS was not filled; beyond a limit only the last reason is kept."""
        if len(self._refused) >= _MAX_REFUSALS:
            self._refused[-1] = refusal
        else:
            self._refused.append(refusal)

    def note_duplicate(self) -> None:
        """A chunk or marker came again."""
        self._duplicates += 1

    def close(self, why: str, missing: tuple[str, ...]) -> None:
        """Nothing changes from here on."""
        self._closed_by = why
        self._missing = missing

    def account(self) -> Account:
        """As it goes on the wire: sources in the order of their names."""
        sources = [
            SourceAccount(
                source=source,
                incarnation=incarnation,
                rereadable=entry.rereadable,
                chunks=entry.chunks.to_bytes((entry.chunks.bit_length() + 7) // 8, "little"),
                marker=entry.marker,
                seen=entry.seen,
                selected=entry.selected,
                dropped=entry.dropped,
                notes=entry.notes,
            )
            for (source, incarnation), entry in sorted(self._entries.items())
        ]
        return Account(
            sources=tuple(sources),
            refused=tuple(self._refused),
            missing=self._missing,
            duplicates=self._duplicates,
            closed_by=self._closed_by,
            expired=self._expired,
        )

    def _entry(self, source: str, incarnation: str, rereadable: bool) -> _Entry:
        return self._entries.setdefault((source, incarnation), _Entry(rereadable))
