"""A made-up detector, a live view that has been fed by it, and a gateway over that."""

from collections.abc import Iterable

import pytest

from dqmstream.messages.struct import Message
from services.gateway.live import LiveView
from services.gateway.testing import Detector

NOW = 1_800_000_000_000_000_000


@pytest.fixture
def detector() -> Detector:
    return Detector()


@pytest.fixture
def view(detector) -> LiveView:
    """A view that knows the bookings, and nothing else."""
    made = LiveView()
    feed(made, detector.announce())
    return made


def feed(view: LiveView, messages: Iterable[Message], stamp: int = NOW) -> None:
    for message in messages:
        view.apply(message, stamp)


@pytest.fixture(name="feed")
def _feed():
    return feed
