"""A source whose events bear the conditions of their LS, as columns.

What a filler selects must be in the events themselves: it folds one partition of `dqm.events` and
reads nothing else. So who sends events joins what it was told of each LS to them before they
leave, and what was told is part of the incarnation: the same files with other conditions are
another source, and never mixed with the first in one run.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from dqmstream.booking.columns import encode_batch
from dqmstream.conditions.columns import PREFIX, Value, column_values, dcs_columns
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import SourceError
from dqmstream.identity import content_hash
from dqmstream.messages.operations import Conditions
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import (
    AwaitedSource,
    EventSource,
    JoiningSource,
    SourceChunk,
    SourceLumisection,
)

__all__ = ["ConditionedSource", "conditioned"]

_COLUMNS_VERSION = 2
"""Rises when the columns of equal conditions change."""


def conditioned(source: EventSource, table: ConditionsTable) -> "ConditionedSource":
    """The source with the conditions of its run joined to its events."""
    if isinstance(source, AwaitedSource):
        return _Awaited(source, table)
    if isinstance(source, JoiningSource):
        return _Joining(source, table)
    return ConditionedSource(source, table)


class ConditionedSource:
    """An `EventSource` that adds the columns of `dqmstream.conditions.columns` to each chunk.

    Events of LSs without conditions are counted in the notes as `no_conditions`.

    Parameters
    ----------
    source
        Whose events.
    table
        What is known, before the source is read.
    """

    def __init__(self, source: EventSource, table: ConditionsTable) -> None:
        self._source = source
        self._table = table
        self._rows = table.of_run(source.run)
        self._dcs = dcs_columns(self._rows.values())
        self.name = source.name
        self.run = source.run
        self.rereadable = source.rereadable
        self.run_type = source.run_type
        self.incarnation = source.incarnation
        if source.rereadable:
            known = table.fingerprint(source.run)
            self.incarnation = content_hash([source.incarnation, known, _COLUMNS_VERSION])

    @property
    def first_lumisection(self) -> int:
        return self._source.first_lumisection

    @property
    def marks(self) -> tuple[str, ...]:
        return self._source.marks

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        return self._source.labels

    @property
    def reports(self) -> tuple[object, ...]:
        """What the source says of its files, if it does."""
        return tuple(getattr(self._source, "reports", ()))

    @property
    def decodes(self) -> bool:
        """Whether the source takes columns out of payloads."""
        return bool(getattr(self._source, "decodes", False))

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """As the source has them."""
        return map(self._joined, self._source.lumisections(after))

    def _joined(self, lumisection: SourceLumisection) -> "_Lumisection":
        row = self._rows.get(lumisection.lumisection)
        return _Lumisection(lumisection, row, column_values(row, self._dcs))


class _Joining(ConditionedSource):
    """A `JoiningSource` with conditions."""

    def __init__(self, source: JoiningSource, table: ConditionsTable) -> None:
        super().__init__(source, table)
        self._joins = source

    def joining(self, lumisection: int) -> EventSource:
        return conditioned(self._joins.joining(lumisection), self._table)


class _Awaited(ConditionedSource):
    """An `AwaitedSource` with conditions."""

    def __init__(self, source: AwaitedSource, table: ConditionsTable) -> None:
        super().__init__(source, table)
        self._awaited = source

    @property
    def decisions(self) -> Decisions:
        return self._awaited.decisions

    def resume(self, decisions: Decisions, after: int) -> None:
        self._awaited.resume(decisions, after)

    async def next_lumisection(self) -> SourceLumisection | None:
        found = await self._awaited.next_lumisection()
        return None if found is None else self._joined(found)

    def acknowledged(self, lumisection: int) -> None:
        self._awaited.acknowledged(lumisection)

    def least_chunks(self, lumisection: int) -> int:
        return self._awaited.least_chunks(lumisection)


class _Lumisection:
    """One LS with its conditions joined to each chunk."""

    def __init__(
        self, inner: SourceLumisection, row: Conditions | None, values: Mapping[str, Value]
    ) -> None:
        self._inner = inner
        self._known = row is not None
        self._values = values
        self._without = 0

    @property
    def lumisection(self) -> int:
        return self._inner.lumisection

    @property
    def seconds(self) -> float:
        return self._inner.seconds

    def chunks(self) -> Iterator[SourceChunk]:
        self._without = 0
        for chunk in self._inner.chunks():
            if not self._known:
                self._without += chunk.selected
            yield SourceChunk(
                body=_with_columns(chunk.body, self._values),
                seen=chunk.seen,
                selected=chunk.selected,
                dropped=chunk.dropped,
                at=chunk.at,
            )

    def notes(self) -> Mapping[str, int]:
        notes = dict(self._inner.notes())
        return notes | {"no_conditions": self._without} if self._without else notes


def _with_columns(body: bytes, values: Mapping[str, Value]) -> bytes:
    """The body of a chunk with constant columns beside its own.

    Raises
    ------
    SourceError
        With reason `reserved_column` if it brings one of these names itself.
    """
    with pa.ipc.open_stream(body) as reader:
        batch = reader.read_next_batch()
    taken = sorted(set(values) & set(batch.schema.names))
    if taken:
        detail = f"column {taken[0]!r}: names that begin with {PREFIX} are those of conditions"
        raise SourceError("reserved_column", detail)
    events = batch.num_rows
    for name, value in values.items():
        array = pa.array(np.full(events, value))
        batch = batch.append_column(pa.field(name, array.type, nullable=False), array)
    return encode_batch(batch)
