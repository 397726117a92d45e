"""Stores for tests, in SQLite and in a real PostgreSQL; a migrated one is made once and copied."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dqmstream.store import schema
from dqmstream.store.database import Database
from tests.postgresql import EmptyStores, PostgreSQL, postgresql

MakeStore = Callable[[Path], str]


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)],
)
def backend(request: pytest.FixtureRequest) -> str:
    """Which database a test is run on: each that asks for a store is run on both."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL for all these tests."""
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def stores(server: PostgreSQL) -> EmptyStores:
    """Makes empty stores in it."""
    return EmptyStores(server)


@pytest.fixture(scope="session")
def make_store(backend: str, request: pytest.FixtureRequest) -> MakeStore:
    """Makes an empty store of this release's schema, for as long as a folder is there; gives its
    URL."""
    made: MakeStore
    if backend == "postgresql":
        made = request.getfixturevalue("stores").make
    else:
        made = request.getfixturevalue("make_sqlite")
    return made


@pytest.fixture
def nothing_url(backend: str, request: pytest.FixtureRequest) -> str:
    """URL of a database that has no schema yet."""
    if backend == "postgresql":
        url: str = request.getfixturevalue("stores").make_nothing()
        return url
    return f"sqlite:///{request.getfixturevalue('tmp_path') / 'store.sqlite'}"


@pytest.fixture(scope="session")
def make_sqlite(tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    """Makes an empty store in a file."""
    template = tmp_path_factory.mktemp("template") / "store.sqlite"
    database = Database(f"sqlite:///{template}", writing=True)
    schema.upgrade(database)
    database.close()

    def make(folder: Path) -> str:
        shutil.copy(template, folder / "store.sqlite")
        return f"sqlite:///{folder / 'store.sqlite'}"

    return make


@pytest.fixture
def url(make_store: MakeStore) -> Iterator[str]:
    """URL of an empty store."""
    with tempfile.TemporaryDirectory(prefix="dqmstream-store-") as folder:
        yield make_store(Path(folder))


@pytest.fixture
def sqlite_url(make_sqlite: MakeStore, tmp_path: Path) -> str:
    """URL of an empty store in SQLite, for what only SQLite does."""
    return make_sqlite(tmp_path)
