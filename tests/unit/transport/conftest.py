"""The logs that must pass the port's tests, each behind the same few handles."""

import asyncio
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
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete

from dqmstream.clock import Clock, SettableClock, SystemClock
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.kafka.topic_settings import to_settings
from dqmstream.transport.log import Log, Outgoing, Record, TopicSpec
from dqmstream.transport.memory import MemoryLog

RETENTION = 3600.0
PATIENCE = 120.0


class Subject(ABC):
    """A log under test, and what its keeper does in the background, on demand."""

    KEEPER = b"keeper"

    clock: Clock

    def __init__(self) -> None:
        self._names = count()
        self.specs: list[TopicSpec] = []

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Log]:
        """The log; opened again it holds what was acknowledged before."""

    @abstractmethod
    async def expire(self, log: Log) -> None:
        """Let retention remove everything sent so far to topics that have one."""

    @abstractmethod
    async def compact(self, log: Log) -> None:
        """Let compaction remove what newer records of the same key supersede.

        May append records under `KEEPER` to compacted topics: brokers leave alone what was written
        last.
        """

    async def topic(self, log: Log, **settings: object) -> str:
        """A new topic."""
        spec = TopicSpec(name=f"dqm.topic-{next(self._names)}", **{"partitions": 1, **settings})
        await log.ensure_topics([spec])
        self.specs.append(spec)
        return spec.name


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


class KafkaSubject(Subject):
    """A real broker, asked by hand to do at once what it does now and then."""

    def __init__(self, servers: str, prefix: str) -> None:
        super().__init__()
        self.clock = SystemClock()
        # A busy machine must not make a member of a group look dead.
        self._settings = KafkaSettings(
            servers=tuple(servers.split(",")), prefix=prefix, session_timeout=20.0
        )

    def open(self) -> AbstractAsyncContextManager[Log]:
        return KafkaLog.open(self._settings)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(self._settings.servers))
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def expire(self, log: Log) -> None:  # noqa: ARG002 the broker does it, not this log
        everything = RecordsToDelete(before_offset=-1)
        expired = {
            TopicPartition(self._settings.prefix + spec.name, partition): everything
            for spec in self.specs
            if spec.retention_seconds is not None
            for partition in range(spec.partitions)
        }
        async with self._admin() as admin:
            await admin.delete_records(expired)

    async def compact(self, log: Log) -> None:
        for spec in self.specs:
            if spec.compacted:
                await self._compact(log, spec)

    async def _compact(self, log: Log, spec: TopicSpec) -> None:
        eager = to_settings(spec, -1) | {"segment.ms": "1", "min.cleanable.dirty.ratio": "0"}
        topic = self._settings.prefix + spec.name
        async with self._admin() as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, eager)])
        async with asyncio.timeout(PATIENCE):
            while not self._compacted(await self._records(log, spec.name)):
                # Each append begins a new segment, so the next round sees the ones before.
                keeper = Outgoing(topic=spec.name, partition=0, key=self.KEEPER, value=b"")
                await log.send([keeper])
                await asyncio.sleep(0.1)

    async def _records(self, log: Log, topic: str) -> list[Record]:
        start, end = await log.bounds(topic, 0)
        records = []
        async with log.reader({(topic, 0): start}) as reader:
            while reader.position(topic, 0) < end:
                records += await reader.read(timeout=1.0)
        return [record for record in records if record.key != self.KEEPER]

    def _compacted(self, records: list[Record]) -> bool:
        return len(records) == len({record.key for record in records})


@pytest.fixture(
    params=[
        "memory",
        "memory-with-gaps",
        "embedded",
        "embedded-small-files",
        pytest.param("kafka", marks=pytest.mark.integration),
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    match request.param:
        case "memory":
            return MemorySubject(stride=1)
        case "memory-with-gaps":
            return MemorySubject(stride=3)
        case "embedded":
            return EmbeddedSubject(tmp_path / "log", EmbeddedSettings())
        case "kafka":
            return KafkaSubject(
                request.getfixturevalue("kafka"), request.getfixturevalue("kafka_prefix")
            )
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
