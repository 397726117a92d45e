"""What all tests share: data folder, Kafka, Hypothesis profiles, a loop that must not block."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from playback.broker import Cluster

# Machines are shared and noisy: a deadline would test the neighbours.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=10)
settings.register_profile("soak", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of public CMS data; a test that asks for it fails where it is missing."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DQMSTREAM_TEST_DATA", default))
    if not (folder / "cms-streamer").is_dir():
        pytest.fail(f"no real data in {folder}: set DQMSTREAM_TEST_DATA, or use -m 'not realdata'")
    return folder


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (host:port,...) of a real Kafka without TLS: the given one, or one started here.

    All tests share it: each works on topics and groups under its own `kafka_prefix`.
    """
    given = os.environ.get("DQMSTREAM_TEST_KAFKA")
    if given:
        yield given
        return
    with Cluster.start(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster.bootstrap


@pytest.fixture
def kafka_prefix() -> str:
    """A prefix for topics and groups that no other test, nor an earlier run, has."""
    return f"t{uuid4().hex[:12]}-"


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    """A call that blocks the event loop fails the test that made it."""
    with blockbuster_ctx(scanned_modules=["dqmstream", "services", "playback"]):
        yield


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command that a test calls sets up logs, on a stream that ends with the test."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
