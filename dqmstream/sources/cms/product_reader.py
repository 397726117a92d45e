"""What makes columns of products out of the payloads of events: a port, and what it gives."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["ProductArrays", "ProductReader", "ProductReaders"]


class ProductArrays(NamedTuple):
    """Columns of products of some events, and how often a product was left out, by name.

    `arrays` has one array for each field of the reader, each of as many rows as events. `unknown`
    and `broken` count events.
    """

    arrays: Sequence["pa.Array[Any]"]
    unknown: Mapping[str, int]
    broken: Mapping[str, int]


class ProductReader(Protocol):
    """Makes columns out of the payloads of events that follow one INIT."""

    @property
    def fields(self) -> Sequence["pa.Field[Any]"]:
        """The columns it makes."""
        ...

    @property
    def fault(self) -> str:
        """Why it finds no product, if it cannot read which there are; else empty."""
        ...

    def read(self, payloads: Sequence[bytes], bunch_crossings: NDArray[np.int64]) -> ProductArrays:
        """Columns of the events of expanded payloads; `bunch_crossings` int64[events], -1 unknown.

        Whatever the bytes are, nothing raises.
        """
        ...


class ProductReaders(Protocol):
    """Gives a reader for each INIT, all of the same columns: they are fixed for a run."""

    def reader(self, init_payload: bytes) -> ProductReader:
        """For the events that follow an INIT of this payload; whatever it is, nothing raises."""
        ...
