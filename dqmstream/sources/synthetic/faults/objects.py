"""Faults of what a collection shows: they change the objects of events, block by block."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, parse_address
from dqmstream.sources.synthetic.collection import Collection, Rows, event_numbers
from dqmstream.sources.synthetic.faults.fault import Fault
from dqmstream.sources.synthetic.subsystem import collection_named

__all__ = ["ADDRESS", "COLLECTION", "ObjectFault", "chosen_rows", "joined_rows"]

COLLECTION: Final = r":(?P<collection>[a-z0-9_]+)"
ADDRESS: Final = r":(?P<address>[^@*:~+%]+?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFault(Fault):
    """Something broken in one collection.

    Parameters
    ----------
    collection, address
        What is broken, such as `pixel` and `layer1/module37`; no address: all of the collection.

    Raises
    ------
    ConfigurationError
        If there is no such collection or cell.
    """

    collection: str
    address: str = ""

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        self.of.cells.checked(self.where)

    @property
    def of(self) -> Collection:
        """The collection itself."""
        return collection_named(self.collection)

    @property
    def where(self) -> Address:
        """The address, taken apart."""
        return parse_address(self.address) if self.address else ()

    @abstractmethod
    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        """The rows of the collection as the broken detector shows them.

        Parameters
        ----------
        rng
            Generator of this block and fault alone.
        crossings, rows
            Events of the block, and the objects of the collection in them.
        """

    def seed_name(self) -> str:
        """What seeds its generator: what two collections see of the same objects breaks alike."""
        text = str(self)
        if not self.of.seen_by:
            return text
        return re.sub(rf":{self.collection}(?=[^a-z0-9_])", f":{self.of.seen_by}", text, count=1)

    def at(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """bool[rows]: which objects are at the address."""
        found = np.ones(int(rows.counts.sum()), np.bool_)
        for name, value in self.where:
            found &= rows.members[name] == value
        return found

    def _what(self) -> str:
        address = f":{self.address}" if self.address else ""
        return f":{self.collection}{address}{self._strength()}"

    def _strength(self) -> str:
        return ""


def chosen_rows(rows: Rows, kept: npt.NDArray[np.bool_]) -> Rows:
    """The objects for which bool[rows] is true, in their events."""
    counts = np.bincount(event_numbers(rows)[kept], minlength=len(rows.counts))
    return Rows(counts, {name: values[kept] for name, values in rows.members.items()})


def joined_rows(rows: Rows, added: Rows) -> Rows:
    """Objects of both, those of one event side by side."""
    order = np.argsort(np.concatenate([event_numbers(rows), event_numbers(added)]), kind="stable")
    members = {
        name: np.concatenate([values, added.members[name]])[order]
        for name, values in rows.members.items()
    }
    return Rows(rows.counts + added.counts, members)
