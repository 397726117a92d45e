"""The store in a real PostgreSQL: the same contents as in SQLite, and a server that goes away."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from playback.bench.deployment import deployed
from playback.bench.program import command, environment, finished
from tests.integration.test_kafka import (
    closed,
    contents_in_log,
    contents_in_store,
    wait_for,
)
from tests.postgresql import PASSWORD, PostgreSQL, postgresql

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SOURCE = ["--rate", "50", "--seconds", "3"]
LENGTH = 6


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL with an empty database."""
    with postgresql() as one:
        yield one


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """The password as an operator keeps it."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


def test_the_store_in_postgresql_holds_what_sqlite_holds(
    server: PostgreSQL, password_file: Path, tmp_path: Path
) -> None:
    """All services in one process, with the password in a file."""
    source = ["--lumisections", "3", "--speed", "0", *SOURCE, "--exit", "--json"]
    contents = []
    for store in ({}, {"store": server.url, "store_password_file": str(password_file)}):
        settings = {
            "data": str(tmp_path / f"data{len(contents)}"),
            "port": "0",
            "workspaces": "ecal,pixel",
            **store,
        }
        finished(["demo", *source], settings, timeout=150)
        contents.append(contents_in_store(settings, 1))
    assert len(contents[0]) == 6
    assert contents[1] == contents[0]


def test_a_store_that_goes_away_ends_no_process_and_loses_nothing(
    server: PostgreSQL, password_file: Path, kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """Recorder and gateway wait for it; then all that was closed meanwhile is stored."""
    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "workspaces": "pixel",
        "data": str(tmp_path / "data"),
        "store": server.url,
        "store_password_file": str(password_file),
    }
    with deployed(settings) as system:
        with subprocess.Popen(
            command(["produce", "--synthetic", "--lumisections", str(LENGTH), *SOURCE]),
            env=environment(settings),
            stdout=subprocess.DEVNULL,
        ) as producer:
            wait_for("the first is stored", lambda: len(contents_in_store(settings, 1)) > 0)
            server.stop()
            assert producer.wait(200) == 0
        server.start()
        wait_for("all is stored", lambda: len(contents_in_store(settings, 1)) == LENGTH)
        wait_for("all is shown", lambda: len(closed(system.address, 1)) == LENGTH)
        assert contents_in_store(settings, 1) == contents_in_log(settings)
        system.wait("recorder", "gateway", "comparator", "filler 0")
