"""A writer and a reader of a store, for tests."""

from collections.abc import Iterator

import pytest

from dqmstream.histograms.layout import Layout
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND
from dqmstream.store.writer import StoreWriter


@pytest.fixture
def writer(url: str) -> Iterator[StoreWriter]:
    """A writer with chunks of 4 LSs that are written 2 LSs later."""
    writer = StoreWriter(url, log="log", chunks=ChunkSettings(longest=4, lag=2))
    yield writer
    writer.close()


@pytest.fixture
def store(url: str, writer: StoreWriter) -> Iterator[Store]:
    """The same store for reading."""
    with Store(url) as store:
        yield store


@pytest.fixture
def layout(writer: StoreWriter) -> Layout:
    """Layout of a recorded booking with an element of each kind."""
    writer.write([EVERY_KIND], {})
    return Layout(EVERY_KIND)
