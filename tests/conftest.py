"""What all tests share: data folder, Kafka, Hypothesis profiles, a loop that must not block."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from playback.broker import Cluster

# Machines are shared and noisy: a deadline would test the neighbours.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=10)
settings.register_profile("soak", parent=settings.get_profile("default"), max_examples=2000)
# What is judged by one run is judged by the same examples as the run before.
settings.register_profile("same", parent=settings.get_profile("default"), derandomize=True)
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
settings.load_profile(_PROFILE)
if _PROFILE == "same":
    # Hypothesis also draws what is written in those of our modules that are imported so far: the
    # examples would be others in another order of the tests, and after any change of a constant.
    HypothesisProvider._local_constants = Constants()  # type: ignore[assignment, method-assign]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile kernels before the first test that needs them, or load them.

    The time limit of a test is not for that. Who fills or decodes has imported its kernels by now,
    or starts programs that share the cache.
    """
    if session.config.option.collectonly:
        return
    starts_programs = any(item.get_closest_marker("integration") for item in session.items)
    if starts_programs or "dqmstream.kernels.filling" in sys.modules:
        from dqmstream.kernels.warm import warm  # noqa: PLC0415 who needs none loads none

        warm()
    if starts_programs or "dqmstream.kernels.payload.walking" in sys.modules:
        from dqmstream.kernels.payload.warm import warm_payloads  # noqa: PLC0415 as above

        warm_payloads()
    # What stays for all tests is not looked at after each of them.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What a test left open is told of it, or of the next one, and not of one much later."""
    yield
    gc.collect()


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
    """A command that a test calls, or what several tests share, sets up logs, on a stream that ends
    with it."""
    _end_logs()
    yield
    _end_logs()


def _end_logs() -> None:
    if structlog.is_configured():
        structlog.reset_defaults()
    # Libraries' lines go to structlog: with a test that sends those to logging, a loop.
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler).__module__.startswith("services."):
            root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=False)
