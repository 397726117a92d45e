"""The log of a system: opened from the settings, with all topics as they must be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dqmstream.clock import Clock
from dqmstream.messages.topics import EVENTS, HISTOGRAMS, TOPICS, Topic
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log, TopicSpec
from services.settings import Settings

__all__ = ["open_log", "topic_specs"]


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """All topics with their partitions and retention."""
    return [_spec(topic, settings) for topic in TOPICS.values()]


def _spec(topic: Topic, settings: Settings) -> TopicSpec:
    wide = {EVENTS: settings.partitions, HISTOGRAMS: settings.histogram_partitions}
    retention = settings.events_retention_hours * 3600 if topic.name == EVENTS else topic.retention
    return TopicSpec(
        name=topic.name,
        partitions=wide.get(topic.name, 1),
        compacted=topic.compacted,
        retention_seconds=retention,
    )


@asynccontextmanager
async def open_log(settings: Settings, clock: Clock) -> AsyncIterator[Log]:
    """The embedded log in the data folder, kept tidy while the block lasts."""
    embedded = EmbeddedSettings(fsync=settings.fsync)
    async with (
        EmbeddedLog.open(settings.data / "log", clock=clock, settings=embedded) as log,
        asyncio.TaskGroup() as tasks,
    ):
        await log.ensure_topics(topic_specs(settings))
        keeper = tasks.create_task(log.keep(), name="log keeper")
        try:
            yield log
        finally:
            keeper.cancel()
