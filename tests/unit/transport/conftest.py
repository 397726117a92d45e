"""The logs that must pass the port's tests, each behind the same few handles."""

import resource
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from itertools import count
from pathlib import Path

import pytest

from dqmstream.clock import SettableClock
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog

RETENTION = 3600.0


class Subject(ABC):
    """A log under test, and what its keeper does in the background, on demand."""

    def __init__(self) -> None:
        self._names = count()

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Log]:
        """The log; opened again it holds what was acknowledged before."""

    @abstractmethod
    async def expire(self, log: Log) -> None:
        """Let retention remove everything sent so far to topics that have one."""

    @abstractmethod
    async def compact(self, log: Log) -> None:
        """Let compaction remove what newer records of the same key supersede."""

    async def topic(self, log: Log, **settings: object) -> str:
        """A new topic."""
        name = f"dqm.topic-{next(self._names)}"
        await log.ensure_topics([TopicSpec(name=name, **{"partitions": 1, **settings})])
        return name


class MemorySubject(Subject):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.clock = SettableClock()
        self._log = MemoryLog(self.clock, stride=stride)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Log]:
        yield self._log

    async def expire(self, log: MemoryLog) -> None:
        self.clock.advance(RETENTION + 1)
        await log.maintain()

    async def compact(self, log: MemoryLog) -> None:
        await log.maintain()


class EmbeddedSubject(Subject):
    def __init__(self, folder: Path, settings: EmbeddedSettings) -> None:
        super().__init__()
        self.clock = SettableClock()
        self._folder = folder
        self._settings = settings

    def open(self) -> AbstractAsyncContextManager[Log]:
        return EmbeddedLog.open(self._folder, clock=self.clock, settings=self._settings)

    async def expire(self, log: EmbeddedLog) -> None:
        self.clock.advance(RETENTION + 1)
        await log.maintain()

    async def compact(self, log: EmbeddedLog) -> None:
        await log.maintain(force=True)


@pytest.fixture(params=["memory", "memory-with-gaps", "embedded", "embedded-small-files"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    match request.param:
        case "memory":
            return MemorySubject(stride=1)
        case "memory-with-gaps":
            return MemorySubject(stride=3)
        case "embedded":
            return EmbeddedSubject(tmp_path / "log", EmbeddedSettings())
        case _:
            settings = EmbeddedSettings(segment_bytes=1024, tail_bytes=0)
            return EmbeddedSubject(tmp_path / "log", settings)


@pytest.fixture
async def log(subject: Subject) -> AsyncIterator[Log]:
    async with subject.open() as log:
        yield log


@contextmanager
def _file_size_limited(size: int) -> Iterator[None]:
    """No file may grow beyond `size`: the system refuses as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def file_size_limited() -> Callable[[int], AbstractContextManager[None]]:
    """Makes the system refuse to let files grow beyond a size, in a block."""
    return _file_size_limited
