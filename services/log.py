"""The log of a system: opened from the settings, with all topics as they must be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError
from dqmstream.messages.topics import CONDITIONS, EVENTS, HISTOGRAMS, REFERENCES, TOPICS, Topic
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.patience import Pace, PatientLog
from services.settings import Settings

if TYPE_CHECKING:
    from dqmstream.transport.kafka import KafkaSettings

__all__ = ["BORROWED", "kafka_log", "open_log", "remove_log", "topic_specs"]

BORROWED: Final = (EVENTS, CONDITIONS, REFERENCES)
"""Topics of production that a candidate reads, and never writes; all others are its own."""

_START: Final = Pace(tries=8)
"""A cluster that answers may still be choosing its leaders; beyond this somebody must look."""


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """All topics with their partitions and retention."""
    return [_spec(topic, settings) for topic in TOPICS.values()]


def _spec(topic: Topic, settings: Settings) -> TopicSpec:
    wide = {EVENTS: settings.partitions, HISTOGRAMS: settings.histogram_partitions}
    events = topic.name == EVENTS
    return TopicSpec(
        name=topic.name,
        partitions=wide.get(topic.name, 1),
        compacted=topic.compacted,
        retention_seconds=settings.events_retention_hours * 3600 if events else topic.retention,
        retention_bytes=settings.events_retention_bytes or None if events else None,
    )


@asynccontextmanager
async def open_log(settings: Settings, clock: Clock) -> AsyncIterator[Log]:
    """The log on Kafka if brokers are set, else the embedded one in the data folder.

    Raises
    ------
    LogError
        If it cannot be had, or a topic exists with other settings: says which.
    """
    opened = kafka_log(settings, clock) if settings.kafka else _embedded_log(settings, clock)
    async with opened as log:
        await PatientLog(log, _START).ensure_topics(topic_specs(settings))
        yield log


def kafka_log(
    settings: Settings, clock: Clock, *, make: bool = True
) -> AbstractAsyncContextManager[Log]:
    """The log on Kafka, its topics not checked.

    Parameters
    ----------
    make
        Make the log if there is none yet; else that is an error, and nothing is written.
    """
    # Not at the top: the embedded log needs no client of Kafka.
    from dqmstream.transport.kafka import KafkaLog  # noqa: PLC0415

    return KafkaLog.open(_kafka_settings(settings), clock=clock, make=make)


async def remove_log(settings: Settings) -> list[str]:
    """Delete the topics of a candidate from the brokers; their names as they were there.

    Raises
    ------
    ConfigurationError
        If the settings are not those of a candidate.
    LogError
        If the brokers do not answer, or refuse.
    """
    from dqmstream.transport.kafka import remove_topics  # noqa: PLC0415

    if not settings.candidate:
        msg = "topics of production are not removed: expected the settings of a candidate"
        raise ConfigurationError(msg)
    return await remove_topics(_kafka_settings(settings), TOPICS)


def _kafka_settings(settings: Settings) -> "KafkaSettings":
    from dqmstream.transport.kafka import KafkaSettings  # noqa: PLC0415

    return KafkaSettings(
        servers=settings.kafka,
        prefix=settings.namespace,
        borrowed=BORROWED if settings.candidate else (),
        lender=settings.kafka_prefix if settings.candidate else "",
        security=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        username=settings.kafka_username,
        password=settings.sasl_password,
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
        replication=settings.kafka_replication,
        compression=settings.kafka_compression,
    )


@asynccontextmanager
async def _embedded_log(settings: Settings, clock: Clock) -> AsyncIterator[Log]:
    """The log in the data folder, kept tidy while the block lasts."""
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    async with (
        EmbeddedLog.open(
            settings.data / "log", clock=clock, settings=EmbeddedSettings(fsync=settings.fsync)
        ) as log,
        asyncio.TaskGroup() as tasks,
    ):
        keeper = tasks.create_task(log.keep(), name="log keeper")
        try:
            yield log
        finally:
            keeper.cancel()
