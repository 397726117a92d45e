"""A jagged collection of a synthetic event: hits or candidates, some for each event."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP

__all__ = [
    "Collection",
    "Jagged",
    "Members",
    "Rows",
    "event_numbers",
    "jagged_array",
    "jagged_type",
]

Members = dict[str, npt.NDArray[Any]]
"""Member name to array[rows]."""


class Rows(NamedTuple):
    """The objects of all events of a block in a row.

    `counts` int64[events] says how many belong to each event, `members` hold array[sum(counts)].
    """

    counts: npt.NDArray[np.int64]
    members: Members


class Jagged(ABC):
    """A column with any number of objects for each event, each with the same members."""

    name: ClassVar[str]
    members: ClassVar[Mapping[str, pa.DataType]]
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of what a member numbers from 0: member to labels."""

    def arrow_type(self) -> pa.DataType:
        """`list<struct<...>>` without nulls."""
        return jagged_type(self.members)

    def array(self, rows: Rows) -> "pa.Array[Any]":
        """The collection as an Arrow column; numbers are cast to the declared types."""
        return jagged_array(self.members, rows)


class Collection(Jagged):
    """How one collection is drawn.

    The number of objects of an event is Poisson with mean `mean`, times the event's pile-up over
    that of the first lumisection where `follows_pileup`.
    """

    cells: ClassVar[Cells]
    mean: ClassVar[float]
    follows_pileup: ClassVar[bool] = False
    once_per_event: ClassVar[bool] = False
    """An address is there at most once in an event (a trigger bit)."""
    seen_by: ClassVar[str] = ""
    """What sees the objects; those that two collections name alike are drawn once for both."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        """`n` objects at an address, or anywhere: each member as array[n]."""

    def rows(self, rng: np.random.Generator, crossings: Crossings) -> Rows:
        """The objects of all events of a block."""
        counts = rng.poisson(self.expected(crossings), len(crossings))
        return Rows(counts, self.draw(rng, int(counts.sum())))

    def expected(self, crossings: Crossings) -> npt.NDArray[np.float64] | float:
        """Mean number of objects of each event."""
        if not self.follows_pileup:
            return self.mean
        return crossings.pileup.astype(np.float64) * (self.mean / INITIAL_PILEUP)


def event_numbers(rows: Rows) -> npt.NDArray[np.int64]:
    """int64[rows]: to which event of the block each object belongs."""
    return np.repeat(np.arange(len(rows.counts)), rows.counts)


def jagged_type(members: Mapping[str, pa.DataType]) -> pa.DataType:
    """`list<struct<...>>` of these members, without nulls."""
    return pa.list_(pa.field("item", pa.struct(_fields(members)), nullable=False))


def jagged_array(members: Mapping[str, pa.DataType], rows: Rows) -> "pa.Array[Any]":
    """A column of `jagged_type`; numbers are cast to the types of the members."""
    fields = _fields(members)
    values = [
        pa.array(
            np.ascontiguousarray(rows.members[field.name], field.type.to_pandas_dtype()), field.type
        )
        for field in fields
    ]
    offsets = np.zeros(len(rows.counts) + 1, np.int32)
    np.cumsum(rows.counts, out=offsets[1:])
    starts = pa.array(offsets, pa.int32())
    structs = pa.StructArray.from_arrays(values, fields=fields)
    return pa.ListArray.from_arrays(starts, structs, type=jagged_type(members))


def _fields(members: Mapping[str, pa.DataType]) -> "list[pa.Field[Any]]":
    return [pa.field(name, kind, nullable=False) for name, kind in members.items()]
