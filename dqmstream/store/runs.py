"""What a transaction learns of runs, written when it ends."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.store.database import upsert
from dqmstream.store.tables import RUNS

__all__ = ["RunNotes"]


@dataclass(slots=True)
class _RunNote:
    lumisections: set[int] = field(default_factory=set)
    published: set[int] = field(default_factory=set)
    run_type: str = ""
    fill: int | None = None
    ended: bool = False


class RunNotes:
    """Notes by run."""

    def __init__(self) -> None:
        self._notes: dict[int, _RunNote] = {}

    def note_set(self, piece: HistogramSet) -> None:
        """A set of an LS was closed."""
        note = self._notes.setdefault(piece.run, _RunNote())
        note.lumisections.add(piece.lumisection)
        note.published |= {piece.published} - {0}
        note.ended |= piece.account.closed_by == "run_close"

    def note_conditions(self, conditions: Conditions) -> None:
        """Conditions of an LS came; the newest run type and fill that say something stay."""
        note = self._notes.setdefault(conditions.run, _RunNote())
        note.run_type = conditions.run_type or note.run_type
        note.fill = note.fill if conditions.fill is None else conditions.fill

    def write(self, connection: Connection) -> None:
        """Add the notes to what the store holds of each run."""
        upsert(connection, RUNS, [_row(connection, *noted) for noted in self._notes.items()])


def _row(connection: Connection, run: int, note: _RunNote) -> dict[str, Any]:
    row = connection.execute(select(RUNS).where(RUNS.c.run == run)).first()
    lumisections, published = set(note.lumisections), set(note.published)
    if row is not None:
        lumisections |= {row.first_lumisection, row.last_lumisection} - {None}
        published |= {row.started, row.updated} - {0}
    return {
        "run": run,
        "run_type": note.run_type or (row.run_type if row else ""),
        "fill": row.fill if row and note.fill is None else note.fill,
        "first_lumisection": min(lumisections, default=None),
        "last_lumisection": max(lumisections, default=None),
        "started": min(published, default=0),
        "updated": max(published, default=0),
        "ended": note.ended or bool(row and row.ended),
    }
