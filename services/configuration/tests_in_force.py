"""Which quality tests are in force: those activated last, else those it was started with."""

from collections.abc import Mapping, Sequence
from typing import Any

from dqmstream.configuration.history import QUALITY_TESTS
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest, read_tests
from dqmstream.transport.log import Log
from services.configuration.in_force import ConfigurationInForce

__all__ = ["TestsInForce"]


class TestsInForce(ConfigurationInForce[Sequence[QualityTest]]):
    """The quality tests in force.

    Parameters
    ----------
    log
        Where versions are published.
    started_with
        In force as long as none was activated.
    algorithms
        Those that a version can use.
    service
        Who reads, for the log of the process.
    """

    def __init__(
        self,
        log: Log,
        started_with: Sequence[QualityTest],
        algorithms: Mapping[str, Algorithm[Any]],
        service: str,
    ) -> None:
        def read(text: str, name: str) -> Sequence[QualityTest]:
            return read_tests(text, name, algorithms)

        super().__init__(log, QUALITY_TESTS, tuple(started_with), read, service)

    @property
    def tests(self) -> Sequence[QualityTest]:
        """All of them."""
        return self.value
