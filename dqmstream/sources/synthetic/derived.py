"""Collections made of others of the same event, as a program that looks at both would make them."""

from abc import abstractmethod
from typing import ClassVar

from dqmstream.sources.synthetic.collection import Jagged, Rows

__all__ = ["Derived"]


class Derived(Jagged):
    """How one collection follows from others, as these are after all faults."""

    inputs: ClassVar[tuple[str, ...]]
    """The collections it is made of; it is there if all of them are read out."""

    @abstractmethod
    def rows(self, *inputs: Rows) -> Rows:
        """The objects of all events of a block, out of those of the inputs in their order."""
