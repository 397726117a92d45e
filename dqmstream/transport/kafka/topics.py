"""The topics of a cluster: found, made, and compared with what is wanted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from dqmstream.errors import LogError
from dqmstream.transport.kafka.failures import described, refusals, translated
from dqmstream.transport.kafka.topic_settings import (
    COMPARED,
    check_topic,
    from_settings,
    to_settings,
)
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["Topics"]

_PAUSE = 0.1
_SETTLE = 0.02  # a new topic is known everywhere a little later


@dataclass(frozen=True, slots=True)
class _Found:
    """A topic as the cluster has it."""

    partitions: int
    replicas: int
    led: bool
    settings: Mapping[str, str]


class Topics:
    """The topics whose names begin with a prefix, which callers do not see.

    Parameters
    ----------
    admin
        A started client.
    prefix, replication
        See `KafkaSettings`.
    timeout
        Seconds that making or finding topics may take.
    """

    def __init__(
        self, admin: AIOKafkaAdminClient, *, prefix: str, replication: int, timeout: float
    ) -> None:
        self._admin = admin
        self._prefix = prefix
        self._replication = replication
        self._timeout = timeout

    async def find(self) -> dict[str, TopicSpec]:
        """All topics there are.

        Raises
        ------
        LogUnavailableError
            If the brokers do not answer in time.
        """
        with translated("the topics cannot be listed"):
            async with asyncio.timeout(self._timeout):
                found = await self._described(None)
        return {
            name: from_settings(name, topic.partitions, topic.settings)
            for name, topic in found.items()
        }

    async def require(self, specs: Sequence[TopicSpec]) -> dict[str, TopicSpec]:
        """Topics as they are, of which somebody else says how they are kept; none is made.

        Raises
        ------
        LogError
            If one is not there, or has another number of partitions than wanted.
        LogUnavailableError
            If the brokers do not answer in time.
        """
        found = await self.find()
        for spec in specs:
            there = found.get(spec.name)
            if there is None:
                msg = (
                    f"topic {self._prefix}{spec.name} does not exist, and is not ours to make: is "
                    f"{self._prefix!r} the prefix of a system that was started?"
                )
                raise LogError(msg)
            if there.partitions != spec.partitions:
                msg = (
                    f"topic {self._prefix}{spec.name}: partitions is {there.partitions} in the "
                    f"log, wanted {spec.partitions}"
                )
                raise LogError(msg)
        return {spec.name: found[spec.name] for spec in specs}

    async def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Make the topics that do not exist, and compare the others.

        Raises
        ------
        LogError
            If a topic exists with another setting, or cannot be made.
        LogUnavailableError
            If the brokers do not answer in time.
        """
        wanted = {spec.name: spec for spec in specs}
        with translated("the topics cannot be made"):
            async with asyncio.timeout(self._timeout):
                found = await self._described(wanted)
                self._compare(wanted, found)
                while missing := [spec for name, spec in wanted.items() if name not in found]:
                    await self._make(missing)
                    found = await self._described(wanted)
                self._compare(wanted, found)
                while not all(topic.led for topic in found.values()):
                    await asyncio.sleep(_PAUSE)
                    found = await self._described(wanted)

    def _compare(self, wanted: Mapping[str, TopicSpec], found: Mapping[str, _Found]) -> None:
        for name, topic in found.items():
            check_topic(
                wanted[name],
                topic.settings,
                partitions=topic.partitions,
                replicas=topic.replicas,
                replication=self._replication,
            )

    async def _described(self, names: Mapping[str, TopicSpec] | None) -> dict[str, _Found]:
        while True:
            try:
                return await self._describe(names)
            except refusals:
                raise
            except KafkaError as error:
                if not (error.retriable or isinstance(error, KafkaConnectionError)):
                    raise
                await asyncio.sleep(_PAUSE)

    async def _describe(self, names: Mapping[str, TopicSpec] | None) -> dict[str, _Found]:
        """What the cluster knows of topics; all topics are asked for, because Kafka may make one
        that is asked for by name."""
        listed = {}
        for topic in await self._admin.describe_topics():
            name = topic["topic"]
            if name.startswith("__") or not name.startswith(self._prefix):
                continue
            ours = name.removeprefix(self._prefix)
            if ours and (names is None or ours in names):
                listed[ours] = topic["partitions"]
        settings = await self._settings(list(listed))
        return {
            name: _Found(
                partitions=len(partitions),
                replicas=min((len(p["replicas"]) for p in partitions), default=0),
                led=all(p["leader"] >= 0 for p in partitions),
                settings=settings[name],
            )
            for name, partitions in listed.items()
            if name in settings and partitions
        }

    async def _settings(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        asked = [
            ConfigResource(ConfigResourceType.TOPIC, self._prefix + name, dict.fromkeys(COMPARED))
            for name in names
        ]
        settings = {}
        for response in await self._admin.describe_configs(asked):
            for code, reason, _, name, entries, *_ in response.resources:
                error = for_code(code)
                if error is UnknownTopicOrPartitionError:  # not everywhere yet, or not any more
                    continue
                if code:
                    msg = f"topic {name}: {reason}"
                    raise error(msg)
                settings[name.removeprefix(self._prefix)] = {e[0]: e[1] for e in entries}
        return settings

    async def _make(self, specs: Sequence[TopicSpec]) -> None:
        topics = [
            NewTopic(
                self._prefix + spec.name,
                spec.partitions,
                self._replication,
                # aiokafka takes the brokers' own number of copies only beside an empty assignment
                replica_assignments={} if self._replication == -1 else None,
                topic_configs=to_settings(spec, self._replication),
            )
            for spec in specs
        ]
        try:
            response = await self._admin.create_topics(topics)
        except AttributeError:  # aiokafka knows of no controller, which it does not expect
            await asyncio.sleep(_PAUSE)
            return
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_PAUSE)
            return
        for name, code, *reason in response.topic_errors:
            kind = for_code(code)
            if not code or kind is TopicAlreadyExistsError or kind.retriable:
                continue
            why = next((text for text in reason if text), described(kind()))
            msg = f"topic {name.removeprefix(self._prefix)} cannot be made: {why}"
            raise LogError(msg)
        await asyncio.sleep(_SETTLE)
