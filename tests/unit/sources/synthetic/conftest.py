"""One chunk of a healthy detector, as NumPy arrays."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector

Values = Callable[[pa.RecordBatch, str], npt.NDArray[np.float64]]

EVENTS = 20_000


@pytest.fixture(scope="session")
def healthy() -> pa.RecordBatch:
    """The first 20 000 events of run 1."""
    config = SyntheticConfig(run=1, chunk_events=EVENTS)
    return SyntheticDetector(config).chunk(1, 0).batch


@pytest.fixture(scope="session")
def values() -> Values:
    """Function of (batch, `column` or `collection.member`) to all its values as float64."""

    def of(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
        column, _, member = name.partition(".")
        array = batch.column(column)
        flat = array.flatten().field(member) if member else array
        return flat.to_numpy().astype(np.float64)

    return of


@pytest.fixture(scope="session")
def counts() -> Values:
    """Function of (batch, collection) to the number of its objects in each event."""
    return lambda batch, name: batch.column(name).value_lengths().to_numpy().astype(np.float64)
