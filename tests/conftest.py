"""What all tests share: data folder, Hypothesis profiles, and a loop that must not block."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

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


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    """A call that blocks the event loop fails the test that made it."""
    with blockbuster_ctx(scanned_modules=["dqmstream", "services", "playback"]):
        yield
