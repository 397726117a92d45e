"""What crash tests share: the fork server, brokers to harm, and a place for each schedule."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playback.broker import Cluster
from tests.crash.launcher import start_server
from tests.crash.play import Outcome, Site


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> None:
    """Import once what every service needs."""
    start_server()


@pytest.fixture(autouse=True)
def _quiet_client(caplog: pytest.LogCaptureFixture) -> None:
    """The client of the tests complains of each outage a hundred times; services log in files."""
    caplog.set_level("CRITICAL", logger="aiokafka")


@pytest.fixture
def site(kafka: str, kafka_prefix: str, tmp_path: Path) -> Site:
    """A place on the broker that all tests share."""
    return Site(servers=kafka, prefix=kafka_prefix, folder=tmp_path)


@pytest.fixture(scope="module")
def one_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker that may be harmed, and cut off."""
    with Cluster.start(tmp_path_factory.mktemp("one-broker"), proxied=True) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers of which one at a time may be harmed."""
    with Cluster.start(tmp_path_factory.mktemp("three-brokers"), brokers=3) as cluster:
        yield cluster


@pytest.fixture
def check() -> Callable[..., None]:
    """Fails with the schedules, what is wrong, and what the services said."""

    def fail_if_wrong(*outcomes: Outcome) -> None:
        wrong = [str(outcome) for outcome in outcomes if outcome.complaints]
        if wrong:
            pytest.fail("\n\n".join(wrong), pytrace=False)

    return fail_if_wrong
