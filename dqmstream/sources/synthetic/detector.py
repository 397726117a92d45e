"""The synthetic detector: the chunks of a run as Arrow columns, each made on its own."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId, content_hash
from dqmstream.sources.synthetic.beam import Crossings, crossings
from dqmstream.sources.synthetic.collection import Collection
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.l1t import SEEDS
from dqmstream.sources.synthetic.subsystem import EventColumn

__all__ = ["GENERATOR_VERSION", "SyntheticChunk", "SyntheticDetector"]

GENERATOR_VERSION: Final = 1
"""Rises with each change of a distribution: the same configuration then means other events."""

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

    Each chunk and column has a generator of its own, seeded from (seed, run, LS, chunk number,
    name): chunks can be made in any order or twice, and neither subsystems left out nor faults
    change what the other columns hold. NumPy promises equal draws for one release only, so its
    version is part of `config_hash`.

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

    @property
    def columns(self) -> pa.Schema:
        """Names and types of all columns; nothing is null."""
        types = {column.name: column.type for column in self._event_columns} | {
            collection.name: collection.arrow_type() for collection in self._collections
        }
        return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names of what columns number: column to the labels of 0, 1, ..."""
        named = {"l1t.bit": SEEDS}
        read_out = {collection.name for collection in self._collections}
        return {
            column: labels for column, labels in named.items() if column.split(".")[0] in read_out
        }

    def config_hash(self) -> str:
        """Hash of all that the chunks depend on: the incarnation of this source."""
        config = self.config
        settings = {name: getattr(config, name) for name in config.__slots__}
        settings["faults"] = [str(fault) for fault in config.faults]
        settings["subsystems"] = sorted(set(config.subsystems))
        columns = [(field.name, str(field.type)) for field in self.columns]
        return content_hash([settings, columns, GENERATOR_VERSION, np.__version__])

    def chunks(self, lumisection: int, first: int = 0) -> Iterator[SyntheticChunk]:
        """The chunks of a lumisection from number `first` on, in order.

        Raises
        ------
        SourceError
            With reason `no_lumisection` if the run has none of that number.
        """
        for number in range(first, self.config.chunks):
            yield self.chunk(lumisection, number)

    def chunk(self, lumisection: int, number: int) -> SyntheticChunk:
        """One chunk of a lumisection.

        Raises
        ------
        SourceError
            With reason `no_lumisection` or `no_chunk` if the run has none of that number.
        """
        self._check(lumisection, number)
        beam = self._crossings(lumisection, number)
        arrays = [
            pa.array(column.draw(self._rng(lumisection, number, column.name), beam), column.type)
            for column in self._event_columns
        ]
        arrays += [
            self._collection(collection, beam, lumisection, number)
            for collection in self._collections
        ]
        return SyntheticChunk(number, pa.RecordBatch.from_arrays(arrays, schema=self.columns))

    def _check(self, lumisection: int, number: int) -> None:
        where = LumisectionId(self.config.run, lumisection)
        if not 1 <= lumisection <= self.config.lumisections:
            detail = f"{where}: the run has lumisections 1 to {self.config.lumisections}"
            raise SourceError("no_lumisection", detail)
        if not 0 <= number < self.config.chunks:
            detail = f"{where} chunk {number}: a lumisection has {self.config.chunks} chunks"
            raise SourceError("no_chunk", detail)

    def _crossings(self, lumisection: int, number: int) -> Crossings:
        first = number * self.config.chunk_events
        return crossings(
            self._rng(lumisection, number, "beam"),
            lumisection=lumisection,
            first=first,
            size=min(self.config.chunk_events, self.config.events - first),
            events=self.config.events,
            seconds=self.config.lumisection_seconds,
        )

    def _collection(
        self, collection: Collection, beam: Crossings, lumisection: int, number: int
    ) -> "pa.Array[Any]":
        rows = collection.rows(self._rng(lumisection, number, collection.name), beam)
        for fault in self.config.faults:
            if fault.collection == collection.name and fault.active(lumisection):
                rows = fault.apply(self._rng(lumisection, number, str(fault)), beam, rows)
        return collection.array(rows)

    def _rng(self, lumisection: int, number: int, name: str) -> np.random.Generator:
        """Generator of one column or fault in one chunk."""
        config = self.config
        key = f"{config.seed}/{config.run}/{lumisection}/{number}/{name}"
        seed = hashlib.blake2b(key.encode(), digest_size=16).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(seed)))
