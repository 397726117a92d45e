"""Taking the topics of a system off a cluster, with all that is in them."""

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

from dqmstream.errors import ConfigurationError, LogError
from dqmstream.transport.kafka.connection import client_arguments, reach, tls_context
from dqmstream.transport.kafka.failures import translated
from dqmstream.transport.kafka.identity import IDENTITY_TOPIC
from dqmstream.transport.kafka.settings import KafkaSettings

__all__ = ["remove_topics"]


async def remove_topics(settings: KafkaSettings, names: Iterable[str]) -> list[str]:
    """Delete the topics of these names under the prefix of the settings, and that of its identity.

    What it borrows is not touched. Commits of its groups expire by themselves.

    Returns
    -------
    Names that were there, as the brokers have them.

    Raises
    ------
    ConfigurationError
        If there is no prefix: a system that has a cluster to itself is nobody's candidate.
    LogUnavailableError
        If the brokers do not answer in time.
    LogError
        If they refuse.
    """
    if not settings.prefix:
        msg = "topics without a prefix are not removed: expected the namespace of a candidate"
        raise ConfigurationError(msg)
    wanted = {
        settings.prefix + name for name in {*names, IDENTITY_TOPIC} if name not in settings.borrowed
    }
    tls = await asyncio.to_thread(tls_context, settings)
    await reach(settings, tls)
    arguments = client_arguments(settings, tls)
    admin = AIOKafkaAdminClient(**arguments, client_id="dqmstream-remove")
    try:
        with translated("the topics cannot be removed"):
            async with asyncio.timeout(settings.connect_timeout):
                await admin.start()
                found = sorted(wanted & set(await admin.list_topics()))
                if found:
                    _check(await admin.delete_topics(found))
    finally:
        await admin.close()
    return found


def _check(answer: object) -> None:
    for name, code, *_ in getattr(answer, "topic_error_codes", ()):
        kind = for_code(code)
        if code and kind is not UnknownTopicOrPartitionError:
            msg = f"topic {name} cannot be removed: {kind.__name__}"
            raise LogError(msg)
