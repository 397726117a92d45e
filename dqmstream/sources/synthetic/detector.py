"""The synthetic detector: the events of a run as Arrow columns, cut into chunks.

Events are drawn in blocks of `BLOCK_EVENTS`, whatever the chunks: so one seed gives one run, to the
bit, at any size of chunks.
"""

import functools
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId, content_hash
from dqmstream.sources.synthetic.beam import Crossings, crossings
from dqmstream.sources.synthetic.collection import Jagged, Rows
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.faults import ObjectFault
from dqmstream.sources.synthetic.subsystem import EventColumn

__all__ = ["BLOCK_EVENTS", "GENERATOR_VERSION", "SyntheticChunk", "SyntheticDetector"]

GENERATOR_VERSION: Final = 2
"""Rises with each change of a distribution: the same configuration then means other events."""

BLOCK_EVENTS: Final = 1000
"""Events drawn together, counted from the start of each LS; part of what a seed means."""

_CACHED_BLOCKS: Final = 2
"""Chunks come in order: the block of the last chunk, and the next one where they overlap."""

_BEAM: Final = (
    EventColumn(name="event", type=pa.uint64(), draw=lambda _, beam: beam.event),
    EventColumn(name="bunch_crossing", type=pa.uint16(), draw=lambda _, beam: beam.bunch_crossing),
    EventColumn(name="orbit", type=pa.uint32(), draw=lambda _, beam: beam.orbit),
    EventColumn(name="time", type=pa.int64(), draw=lambda _, beam: beam.time),
)


class SyntheticChunk(NamedTuple):
    """One chunk of a lumisection: its number, counted from 0, and its events."""

    number: int
    batch: pa.RecordBatch


class SyntheticDetector:
    """A detector that shows the same events whenever it is asked.

    Each block of events and column has a generator of its own, seeded from (seed, run, LS, block,
    name): chunks can be made in any order or twice, and neither their size, subsystems left out nor
    faults change what the other columns hold. NumPy promises equal draws for one release only, so
    its version is part of `config_hash`.

    Parameters
    ----------
    config
        What to make.
    """

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config
        self._event_columns = _BEAM + tuple(
            column for part in config.parts for column in part.event_columns
        )
        self._collections = tuple(
            collection for part in config.parts for collection in part.collections
        )
        names = {collection.name for collection in self._collections}
        self._derived = tuple(
            derived
            for part in config.parts
            for derived in part.derived
            if names.issuperset(derived.inputs)
        )
        self._faults = tuple(f for f in config.faults if isinstance(f, ObjectFault))
        self._block = functools.lru_cache(maxsize=_CACHED_BLOCKS)(self._drawn)

    @functools.cached_property
    def columns(self) -> pa.Schema:
        """Names and types of all columns; nothing is null."""
        types = {column.name: column.type for column in self._event_columns} | {
            one.name: one.arrow_type() for one in self._jagged
        }
        return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names of what columns number: column to the labels of 0, 1, ..."""
        return {
            f"{one.name}.{member}": labels
            for one in self._jagged
            for member, labels in one.labels.items()
        }

    @property
    def _jagged(self) -> tuple[Jagged, ...]:
        return (*self._collections, *self._derived)

    def config_hash(self) -> str:
        """Hash of all that the chunks depend on: the incarnation of this source."""
        config = self.config
        settings = {name: getattr(config, name) for name in config.__slots__}
        settings["faults"] = [str(fault) for fault in config.faults]
        settings["subsystems"] = sorted(set(config.subsystems))
        settings["fill"] = {name: getattr(config.fill, name) for name in config.fill.__slots__}
        columns = [(field.name, str(field.type)) for field in self.columns]
        return content_hash([settings, columns, GENERATOR_VERSION, np.__version__])

    def chunks(self, lumisection: int, first: int = 0) -> Iterator[SyntheticChunk]:
        """The chunks of a lumisection from number `first` on, in order.

        Raises
        ------
        SourceError
            With reason `no_lumisection` if the run has none of that number.
        """
        for number in range(first, self.config.chunks_in(lumisection)):
            yield self.chunk(lumisection, number)

    def chunk(self, lumisection: int, number: int) -> SyntheticChunk:
        """One chunk of a lumisection.

        Raises
        ------
        SourceError
            With reason `no_lumisection` or `no_chunk` if the run has none of that number.
        """
        self._check(lumisection, number)
        first = number * self.config.chunk_events
        last = min(first + self.config.chunk_events, self.config.events_in(lumisection))
        parts = []
        for block in range(first // BLOCK_EVENTS, -(-last // BLOCK_EVENTS)):
            start = block * BLOCK_EVENTS
            here = max(first - start, 0)
            until = min(last - start, BLOCK_EVENTS)
            parts.append(self._block(lumisection, block).slice(here, until - here))
        (batch,) = pa.Table.from_batches(parts).combine_chunks().to_batches()
        return SyntheticChunk(number, batch)

    def _check(self, lumisection: int, number: int) -> None:
        where = LumisectionId(self.config.run, lumisection)
        if not 1 <= lumisection <= self.config.lumisections:
            detail = f"{where}: the run has lumisections 1 to {self.config.lumisections}"
            raise SourceError("no_lumisection", detail)
        chunks = self.config.chunks_in(lumisection)
        if not 0 <= number < chunks:
            detail = f"{where} chunk {number}: the lumisection has {chunks} chunks"
            raise SourceError("no_chunk", detail)

    def _drawn(self, lumisection: int, block: int) -> pa.RecordBatch:
        """The events of one block, with all columns."""
        beam = self._crossings(lumisection, block)
        arrays = [
            pa.array(column.draw(self._rng(lumisection, block, column.name), beam), column.type)
            for column in self._event_columns
        ]
        rows = self._rows(beam, lumisection, block)
        arrays += [collection.array(rows[collection.name]) for collection in self._collections]
        arrays += [
            derived.array(derived.rows(*(rows[name] for name in derived.inputs)))
            for derived in self._derived
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.columns)

    def _crossings(self, lumisection: int, block: int) -> Crossings:
        config = self.config
        first, events = block * BLOCK_EVENTS, config.events_in(lumisection)
        return crossings(
            self._rng(lumisection, block, "beam"),
            lumisection=lumisection,
            pileup=config.fill.pileup(lumisection),
            prescale_index=config.prescale_index(lumisection),
            first=first,
            size=min(BLOCK_EVENTS, events - first),
            events=events,
            before=(lumisection - 1) * config.events,
            seconds=config.lumisection_seconds,
        )

    def _rows(self, beam: Crossings, lumisection: int, block: int) -> dict[str, Rows]:
        """The objects of each collection as its readout shows them, faults included."""
        drawn: dict[str, Rows] = {}
        shown: dict[str, Rows] = {}
        for collection in self._collections:
            seen_by = collection.seen_by or collection.name
            if seen_by not in drawn:
                drawn[seen_by] = collection.rows(self._rng(lumisection, block, seen_by), beam)
            rows = drawn[seen_by]
            for fault in self._faults:
                if fault.collection == collection.name and fault.active(lumisection):
                    rng = self._rng(lumisection, block, fault.seed_name())
                    rows = fault.apply(rng, beam, rows)
            shown[collection.name] = rows
        return shown

    def _rng(self, lumisection: int, block: int, name: str) -> np.random.Generator:
        """Generator of one column or fault in one block."""
        config = self.config
        key = f"{config.seed}/{config.run}/{lumisection}/{block}/{name}"
        seed = hashlib.blake2b(key.encode(), digest_size=16).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(seed)))
