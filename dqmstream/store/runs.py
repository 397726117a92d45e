"""What a transaction learns of runs, written when it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.store.database import upsert
from dqmstream.store.tables import RUNS

__all__ = ["RunNotes"]

_RUN_OF: Final = select(RUNS).where(RUNS.c.run == bindparam("of_run"))
_SOURCES: Final = msgspec.json.Decoder(dict[str, str])
_MARKS: Final = msgspec.json.Decoder(tuple[str, ...])


@dataclass(slots=True)
class _RunNote:
    """`started` and `published` are wall clocks, `sources` what each said last, `marks` of all."""

    lumisections: set[int] = field(default_factory=set)
    started: set[int] = field(default_factory=set)
    published: set[int] = field(default_factory=set)
    run_type: str = ""
    fill: int | None = None
    sources: dict[str, str] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)
    closed: bool = False


class RunNotes:
    """Notes by run."""

    def __init__(self) -> None:
        self._notes: dict[int, _RunNote] = {}

    def note_set(self, piece: HistogramSet) -> None:
        """A set of an LS was closed."""
        note = self._of(piece.run)
        note.lumisections.add(piece.lumisection)
        note.published |= {piece.published} - {0}
        note.closed |= piece.account.closed_by == "run_close"

    def note_conditions(self, conditions: Conditions) -> None:
        """Conditions of an LS came; the newest run type and fill that say something stay."""
        note = self._of(conditions.run)
        note.run_type = conditions.run_type or note.run_type
        note.fill = note.fill if conditions.fill is None else conditions.fill

    def note_start(self, start: RunStart) -> None:
        """A source began the run, or began it again."""
        note = self._of(start.run)
        note.run_type = start.run_type or note.run_type
        note.started |= {start.started} - {0}
        for name in start.expected:
            note.sources.setdefault(name, "expected")
        note.sources[start.source] = "started"
        note.marks |= set(start.marks)

    def note_end(self, end: RunEnd) -> None:
        """A source ended the run."""
        self._of(end.run).sources[end.source] = "ended"

    def write(self, connection: Connection) -> None:
        """Add the notes to what the store holds of each run."""
        upsert(connection, RUNS, [_row(connection, *noted) for noted in self._notes.items()])

    def _of(self, run: int) -> _RunNote:
        return self._notes.setdefault(run, _RunNote())


def _row(connection: Connection, run: int, note: _RunNote) -> dict[str, Any]:
    row = connection.execute(_RUN_OF, {"of_run": run}).first()
    lumisections, published = set(note.lumisections), set(note.published)
    started, sources = note.started | published, dict(note.sources)
    marks = set(note.marks)
    if row is not None:
        lumisections |= {row.first_lumisection, row.last_lumisection} - {None}
        published |= {row.updated} - {0}
        started |= {row.started} - {0}
        sources = _together(_SOURCES.decode(row.sources), sources)
        marks |= set(_MARKS.decode(row.marks or "[]"))
    # What sources say now outweighs that the run had ended before: it may be played again.
    ended = bool(row and row.ended) and not note.sources
    return {
        "run": run,
        "run_type": note.run_type or (row.run_type if row else ""),
        "fill": row.fill if row and note.fill is None else note.fill,
        "first_lumisection": min(lumisections, default=None),
        "last_lumisection": max(lumisections, default=None),
        "started": min(started, default=0),
        "updated": max(published, default=0),
        "sources": msgspec.json.encode(sources).decode(),
        "ended": ended or note.closed or _all_ended(sources),
        "marks": msgspec.json.encode(sorted(marks)).decode(),
    }


def _all_ended(sources: Mapping[str, str]) -> bool:
    return bool(sources) and all(what == "ended" for what in sources.values())


def _together(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """What sources said last; being expected is nothing a source said."""
    said = {name: what for name, what in now.items() if what != "expected" or name not in before}
    return before | said
