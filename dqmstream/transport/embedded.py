"""The log of one process, in a folder: nothing else to install, and it survives kill -9."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

import msgspec
import structlog

from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError, LogError
from dqmstream.transport.commits import COMMITS, read_commits
from dqmstream.transport.folder import LogFolder
from dqmstream.transport.local import LocalLog
from dqmstream.transport.partition import DiskPartition
from dqmstream.transport.record import Outgoing, Record, TopicPartition
from dqmstream.transport.recovery import TornTail
from dqmstream.transport.storage import Fetched
from dqmstream.transport.tail_cache import TailCache
from dqmstream.transport.topic_spec import TopicSpec
from dqmstream.transport.writer import Writer

__all__ = ["EmbeddedLog", "EmbeddedSettings"]

_MIB = 1024 * 1024


class EmbeddedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the embedded log uses disk and memory.

    Parameters
    ----------
    segment_bytes
        Size of one file: retention and compaction work on whole files.
    tail_bytes
        Memory for the newest records of all partitions, which readers that are up to date get
        without touching a file.
    fsync
        Whether `send` waits for the disk. Without it, what was acknowledged survives the death of
        the process, but a loss of power may take the last seconds, and may take them from one
        partition and leave a checkpoint in another that rests on them.
    maintenance_seconds
        Pause between two rounds of `EmbeddedLog.keep`.
    compact_after_bytes
        A partition is compacted when so much was written to it since the last time.
    tombstone_seconds
        How long tombstones are kept for readers that were away.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    segment_bytes: int = 64 * _MIB
    tail_bytes: int = 64 * _MIB
    fsync: bool = False
    maintenance_seconds: float = 30.0
    compact_after_bytes: int = 8 * _MIB
    tombstone_seconds: float = 86_400.0

    def __post_init__(self) -> None:
        lowest = {"segment_bytes": 1024, "maintenance_seconds": 0.01}
        for setting in self.__struct_fields__:
            if getattr(self, setting) < lowest.get(setting, 0):
                msg = (
                    f"embedded log: {setting} is {getattr(self, setting)}, "
                    f"expected at least {lowest.get(setting, 0)}"
                )
                raise ConfigurationError(msg)


class EmbeddedLog(LocalLog[DiskPartition]):
    """A log kept in a folder; opened by `open`, which see."""

    def __init__(self, folder: LogFolder, clock: Clock, settings: EmbeddedSettings) -> None:
        super().__init__(folder.identity)
        self._folder = folder
        self._clock = clock
        self._settings = settings
        self._tail = TailCache(settings.tail_bytes)
        self._writer = Writer(self._append_to, self._appended)
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="dqmstream-log-keeper")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        clock: Clock,
        settings: EmbeddedSettings | None = None,
        identity: str | None = None,
    ) -> AsyncIterator[Self]:
        """Own the log in a folder for the length of the block.

        Parameters
        ----------
        folder
            Made if it does not exist.
        clock
            Stamps records, and ages them.
        settings
            Default: `EmbeddedSettings()`.
        identity
            Identity of the log if the folder is new; drawn at random if `None`.

        Raises
        ------
        LogOwnedError
            If another process owns the folder.
        LogError
            If the folder cannot be used or acknowledged records are damaged.
        """
        load = partial(cls._load, folder, clock, settings or EmbeddedSettings(), identity)
        log = await asyncio.to_thread(load)
        for torn in log.torn_tails:
            structlog.get_logger().warning("log_tail_cut", **msgspec.structs.asdict(torn))
        try:
            yield log
        finally:
            await log._close()

    @classmethod
    def _load(
        cls, path: Path, clock: Clock, settings: EmbeddedSettings, identity: str | None
    ) -> Self:
        folder = LogFolder(path, identity)
        with ExitStack() as undo:
            undo.callback(folder.close)
            log = cls(folder, clock, settings)
            undo.callback(log._close_partitions)
            try:
                log._open_all()
            except OSError as error:
                msg = f"log folder {path} cannot be used: {error.strerror}"
                raise LogError(msg) from error
            undo.pop_all()
            return log

    def _open_all(self) -> None:
        for spec in self._folder.topics():
            self._add(spec, self._open_partitions(spec))
        commits = self._open_partition(COMMITS, self._folder.commits())
        self._commits = read_commits(commits)

    @property
    def torn_tails(self) -> tuple[TornTail, ...]:
        """What was cut off when the log was opened: writes nobody was told had succeeded."""
        return tuple(part.torn for part in self._storages.values() if part.torn)

    async def _close(self) -> None:
        await self._writer.close()
        await asyncio.to_thread(self._close_all)

    def _close_all(self) -> None:
        self._keeper.shutdown()
        self._close_partitions()
        self._folder.close()

    def _close_partitions(self) -> None:
        for storage in self._storages.values():
            storage.close()

    async def _make(self, spec: TopicSpec) -> list[DiskPartition]:
        return await asyncio.to_thread(self._make_now, spec)

    def _make_now(self, spec: TopicSpec) -> list[DiskPartition]:
        try:
            storages = self._open_partitions(spec)
            self._folder.keep_topic(spec)
        except OSError as error:
            msg = f"topic {spec.name} cannot be made: {error.strerror}"
            raise LogError(msg) from error
        return storages

    def _open_partitions(self, spec: TopicSpec) -> list[DiskPartition]:
        return [
            self._open_partition((spec.name, number), self._folder.partition(spec.name, number))
            for number in range(spec.partitions)
        ]

    def _open_partition(self, where: TopicPartition, folder: Path) -> DiskPartition:
        storage = DiskPartition(
            folder,
            *where,
            segment_bytes=self._settings.segment_bytes,
            fsync=self._settings.fsync,
        )
        self._storages[where] = storage
        return storage

    async def _append(self, messages: Sequence[Outgoing]) -> list[int]:
        return await self._writer.write(messages)

    async def _keep(self, commits: Sequence[Outgoing]) -> None:
        await self._writer.write(commits)

    def _append_to(self, where: TopicPartition, messages: Sequence[Outgoing]) -> list[Record]:
        return self._storages[where].append(messages, self._clock.wall())

    def _appended(self, records: list[Record]) -> None:
        if records and (records[0].topic, records[0].partition) != COMMITS:
            self._tail.add(records)
            self.wake_readers()

    async def fetch(
        self, where: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> Fetched:
        """See `Source.fetch`."""
        found = self._tail.read(where, offset, max_records, max_bytes)
        if found is None:
            read = self._storages[where].read
            found = await asyncio.to_thread(read, offset, max_records, max_bytes)
        return found

    async def keep(self) -> None:
        """Maintain the log for ever; a round that fails is logged, and the next one tries again."""
        while True:
            await asyncio.sleep(self._settings.maintenance_seconds)
            try:
                await self.maintain()
            except LogError as error:
                structlog.get_logger().warning("log_maintenance_failed", error=str(error))

    async def maintain(self, *, force: bool = False) -> None:
        """Remove what is beyond its retention, and compact what is compacted.

        Parameters
        ----------
        force
            Compact even what was hardly written to.

        Raises
        ------
        LogError
            If some partitions could not be maintained; the others were.
        """
        failures: list[str] = []
        for where in list(self._storages):
            try:
                await self._maintain(where, force=force)
            except LogError as error:
                failures.append(str(error))
        if failures:
            raise LogError("; ".join(failures))

    async def _maintain(self, where: TopicPartition, *, force: bool) -> None:
        partition, now = self._storages[where], self._clock.wall()
        spec = self._topics.get(where[0])
        compacted = spec is None or spec.compacted
        if compacted and (
            force or partition.uncompacted_bytes >= self._settings.compact_after_bytes
        ):
            await self._writer.run(partition.roll)
            oldest = now - round(self._settings.tombstone_seconds * 1e9)
            await self._in_background(partial(partition.compact, oldest))
            self._tail.forget(where)
        if spec is None:
            return
        horizon = None
        if spec.retention_seconds is not None:
            horizon = now - round(spec.retention_seconds * 1e9)
            if partition.expired(horizon):
                await self._writer.run(partition.roll)
        await self._in_background(partial(partition.expire, horizon, spec.retention_bytes))

    async def _in_background(self, function: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._keeper, function)
