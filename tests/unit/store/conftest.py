"""Stores in temporary folders; a migrated file is made once and copied."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dqmstream.histograms.layout import Layout
from dqmstream.store import schema
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.database import Database
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND
from dqmstream.store.writer import StoreWriter

MakeStore = Callable[[Path], str]


@pytest.fixture(scope="session")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    """Makes an empty store of this release's schema in a folder; gives its URL."""
    template = tmp_path_factory.mktemp("template") / "store.sqlite"
    database = Database(f"sqlite:///{template}", writing=True)
    schema.upgrade(database)
    database.close()

    def make(folder: Path) -> str:
        shutil.copy(template, folder / "store.sqlite")
        return f"sqlite:///{folder / 'store.sqlite'}"

    return make


@pytest.fixture
def url(make_store: MakeStore, tmp_path: Path) -> str:
    """URL of an empty store."""
    return make_store(tmp_path)


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
