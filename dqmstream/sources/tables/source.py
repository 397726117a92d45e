"""Tables as sources of events: one for each run and kind of table."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId, content_hash
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.sources.tables.assembling import listed, schema_of
from dqmstream.sources.tables.blocks import Blocks, RowBatch
from dqmstream.sources.tables.files import SkippedTable, TableFile, TableReport, indexed
from dqmstream.sources.tables.kept import MOST_OPEN, KeptFiles
from dqmstream.sources.tables.opening import find_tables
from dqmstream.sources.tables.selection import RowSelection
from dqmstream.sources.tables.settings import TableSettings

__all__ = ["TableSource", "table_sources"]

_MOST_PROBLEMS: Final = 10


def table_sources(
    paths: Iterable[Path], settings: TableSettings | None = None
) -> tuple[list["TableSource"], list[SkippedTable]]:
    """Sources for all runs among tables and folders of them, and what could not be read.

    Tables of one name (tree of a ROOT file, or format) and one run are one source, in the order of
    the files' names.

    Raises
    ------
    SourceError
        With reason `no_files` if nothing of it can be read, `bad_columns` if files of one run have
        other columns.
    ConfigurationError
        If the settings name columns that are not there.
    """
    settings = settings or TableSettings()
    skipped: list[SkippedTable] = []
    by_source: dict[tuple[int, str], list[TableFile]] = {}
    kept = 0
    for path in find_tables(paths):
        try:
            file = indexed(path, settings)
        except SourceError as error:
            skipped.append(SkippedTable(path, error.reason, error.detail))
            continue
        if file.table.unpacks and kept < MOST_OPEN:
            kept += 1
        else:
            file.table.close()
        for run in sorted({where.run for where in file.index.rows}):
            by_source.setdefault((run, file.table.name), []).append(file)
    if not by_source:
        found = "; ".join(f"{one.reason}: {one.detail}" for one in skipped[:5])
        raise SourceError("no_files", f"no table to read ({found or 'nothing found'})")
    sources = [
        TableSource(run, name, files, settings)
        for (run, name), files in sorted(by_source.items(), key=lambda item: item[0])
    ]
    return sources, skipped


class TableSource:
    """The tables of one name in one run as an `EventSource`.

    Its incarnation is the hash of the files' names, sizes and first and last 64 KiB, of how they
    are read and of the columns made from them. LSs between the rows come as holes, noted
    `no_rows`. Rows that cannot be used are counted by reason: `null_value`, `uneven_collection`
    and `unreadable` (also all rows of a file that has changed since it was looked into) in their
    LS; `bad_key` and `bad_row`, which have none, in the first LS of the lowest run of their file.

    Parameters
    ----------
    run, table
        What the files have in common.
    files
        With rows of the run.
    columns
        What to send, as `required_columns` names it; what is not there is left out. None: all.
    """

    rereadable = True
    run_type = "pp_run"
    labels: Mapping[str, tuple[str, ...]] = {}

    def __init__(
        self,
        run: int,
        table: str,
        files: Sequence[TableFile],
        settings: TableSettings,
        columns: Collection[str] | None = None,
    ) -> None:
        self.run = run
        self.name = f"table-{table.replace('/', '-')}"
        self.settings = settings
        self._table = table
        self._files = tuple(files)
        names = files[0].naming.names
        self.columns = names
        """All columns that the files have, as `required_columns` names them."""
        wanted = names if columns is None else names.intersection(columns)
        sent = files[0].naming.chosen(wanted) or files[0].naming.parts[:1]
        self.schema = schema_of(sent)
        self._select = _selection(files[0], settings)
        needed = frozenset(name for part in sent for name in part.names) | (
            self._select.columns if self._select else frozenset()
        )
        self._parts = [file.naming.chosen(needed) for file in files]
        self._read_schema = schema_of(self._parts[0])
        self._kept = KeptFiles(run, self._files, self._parts, settings.block_bytes)
        self._check_files()
        if self._select is not None:
            # Now rather than in the middle of a run: a column may be no condition.
            empty = pa.RecordBatch.from_pylist([], schema=self._read_schema)
            self._select.mask(decode_batch(encode_batch(empty), selected=0))
        numbers = {at.lumisection for file in files for at in file.index.rows if at.run == run}
        self.filled = tuple(sorted(numbers))
        """LSs with rows, rising."""
        self.first_lumisection = self.filled[0]
        self.marks = tuple(sorted(_marks(files, settings)))
        self.reports = [self._report(file) for file in files]
        self.incarnation = content_hash(
            [
                msgspec.to_builtins(msgspec.structs.replace(settings, block_bytes=1)),
                [f"{field.name}: {field.type}" for field in self.schema],
                [[*file.print, file.table.name, list(file.keys)] for file in files],
            ]
        )

    def reading(
        self,
        columns: Collection[str],
        offered: Collection[str] = (),  # noqa: ARG002 a column it lacks is missing, not elsewhere
    ) -> "TableSource":
        """The same source, which sends only these columns, as far as it has them."""
        return TableSource(self.run, self._table, self._files, self.settings, columns)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for number in range(max(after + 1, self.first_lumisection), self.filled[-1] + 1):
            yield _Lumisection(self, number)

    def close(self) -> None:
        """Let go of the files; reading opens them again."""
        self._kept.close()

    def rows(self, lumisection: int) -> int:
        """How many rows an LS has in all files."""
        where = LumisectionId(self.run, lumisection)
        return sum(file.index.rows[where].total for file in self._files if where in file.index.rows)

    def refused_outside(self, lumisection: int) -> Mapping[str, int]:
        """Rows without an LS that are counted in this one."""
        total: Counter[str] = Counter()
        for file in self._files:
            if min(file.index.rows) == (self.run, lumisection):
                total.update(file.refused)
        return total

    def batches(self, lumisection: int) -> Iterator[RowBatch]:
        """The rows of an LS, file by file, with the columns that are sent or selected by."""
        where = LumisectionId(self.run, lumisection)
        for number, file in enumerate(self._files):
            if where in file.index.rows:
                blocks = self._kept.blocks(number)
                for batch in blocks.batches(file.index.rows[where]):
                    self._note(self.reports[number], batch, blocks)
                    yield batch

    def selected(self, rows: RowBatch) -> RowBatch:
        """Those of the rows that are taken, with the columns that are sent."""
        batch, at = rows.batch, rows.at
        if self._select is not None and batch.num_rows:
            columns = decode_batch(encode_batch(batch), selected=batch.num_rows)
            kept = np.flatnonzero(self._select.mask(columns))
            batch, at = batch.take(kept), at[kept]
        if batch.schema != self.schema:
            batch = _narrowed(batch, self.schema)
        return RowBatch(batch, at, rows.seen, rows.refused)

    def _check_files(self) -> None:
        """All files must give the columns of the first."""
        for file, parts in zip(self._files, self._parts, strict=True):
            schema = schema_of(parts) if parts else pa.schema([])
            lacking = [
                str(field.name)
                for field in self._read_schema
                if field.name not in schema.names or schema.field(field.name) != field
            ]
            if lacking:
                detail = (
                    f"run {self.run}: {file.table.path} lacks columns {', '.join(lacking[:5])} as "
                    f"{self._files[0].table.path} has them; a run's columns must be the same in "
                    "all files"
                )
                raise SourceError("bad_columns", detail)

    def _report(self, file: TableFile) -> TableReport:
        mine = [rows.total for where, rows in file.index.rows.items() if where.run == self.run]
        return TableReport(
            path=str(file.table.path),
            table=file.table.name,
            rows=sum(mine),
            lumisections=len(mine),
            refused=dict(file.refused) if min(file.index.rows).run == self.run else {},
            unusable=dict(file.naming.unusable),
        )

    def _note(self, report: TableReport, batch: RowBatch, blocks: Blocks) -> None:
        for reason, count in batch.refused.items():
            report.refused[reason] = report.refused.get(reason, 0) + count
        if blocks.problem and len(report.problems) < _MOST_PROBLEMS:
            report.problems.append(blocks.problem)
        blocks.problem = ""


class _Lumisection:
    """One LS: its rows in the order of the files, chunks cut by the number of events."""

    def __init__(self, source: TableSource, lumisection: int) -> None:
        self.lumisection = lumisection
        self.seconds = source.settings.lumisection_seconds
        self._source = source
        self._rows = source.rows(lumisection)
        self._notes: Counter[str] = Counter()
        if not self._rows:
            self._notes["no_rows"] = 1

    def chunks(self) -> Iterator[SourceChunk]:
        source, most = self._source, self._source.settings.chunk_events
        self._notes = Counter(source.refused_outside(self.lumisection))
        if not self._rows:
            self._notes["no_rows"] = 1
        waiting: list[pa.RecordBatch] = []
        events = seen = before = 0
        for rows in source.batches(self.lumisection):
            self._notes.update(rows.refused)
            batch, at, _, _ = source.selected(rows)
            taken = row = 0
            while batch.num_rows - taken >= most - events:
                # The event that fills the chunk is its last, and what was seen up to it.
                room, first = most - events, row
                waiting.append(batch.slice(taken, room))
                taken += room
                row = int(at[taken - 1]) + 1
                before += seen + row - first
                yield self._chunk(waiting, seen + row - first, before)
                waiting, events, seen = [], 0, 0
            waiting.append(batch.slice(taken))
            events += batch.num_rows - taken
            seen += rows.seen - row
        if seen:
            yield self._chunk(waiting, seen, before + seen)

    def notes(self) -> Mapping[str, int]:
        return self._notes

    def _chunk(self, waiting: list[pa.RecordBatch], seen: int, read: int) -> SourceChunk:
        batch = _together(waiting)
        return SourceChunk(
            body=encode_batch(batch),
            seen=seen,
            selected=batch.num_rows,
            at=self.seconds * read / self._rows,
        )


def _selection(file: TableFile, settings: TableSettings) -> RowSelection | None:
    if settings.selection.takes_all:
        return None
    booleans = [part.column for part in file.naming.parts if part.kind == pa.bool_()]
    event = next((part.column for part in file.naming.parts if part.raw == file.keys.event), "")
    return RowSelection(settings.selection, booleans, file.naming.names, event)


def _marks(files: Sequence[TableFile], settings: TableSettings) -> Iterator[str]:
    if any(file.simulated for file in files):
        yield "simulated"
    if any(file.index.assigned for file in files):
        yield "lumisections-assigned"
    if not settings.selection.takes_all:
        yield "selected"


def _together(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of one schema as one, however many rows that are."""
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) < 2:
        return (filled or list(batches))[0]
    return pa.Table.from_batches(filled).combine_chunks().to_batches()[0]


def _narrowed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Only the columns, and members of collections, of a schema."""
    arrays = []
    for field in schema:
        array: Any = batch.column(field.name)
        if array.type != field.type:
            offsets = np.asarray(array.offsets)
            objects = array.values.slice(offsets[0], offsets[-1] - offsets[0])
            kind: Any = field.type
            fields = list(kind.value_type)
            members = [objects.field(member.name) for member in fields]
            chosen = pa.StructArray.from_arrays(members, fields=fields)
            array = listed(offsets - offsets[0], chosen)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
