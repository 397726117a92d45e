"""Collections made of others of the same event, as a program that looks at both would make them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from dqmstream.sources.synthetic.collection import Rows, jagged_array, jagged_type

__all__ = ["Derived"]


class Derived(ABC):
    """How one collection follows from others, as these are after all faults."""

    name: ClassVar[str]
    members: ClassVar[Mapping[str, pa.DataType]]
    inputs: ClassVar[tuple[str, ...]]
    """The collections it is made of; it is there if all of them are read out."""
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of what a member numbers from 0: member to labels."""

    @abstractmethod
    def rows(self, *inputs: Rows) -> Rows:
        """The objects of all events of a block, out of those of the inputs in their order."""

    def arrow_type(self) -> pa.DataType:
        """`list<struct<...>>` without nulls."""
        return jagged_type(self.members)

    def array(self, rows: Rows) -> "pa.Array[Any]":
        """The collection as an Arrow column; numbers are cast to the declared types."""
        return jagged_array(self.members, rows)
