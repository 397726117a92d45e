"""How long a group waits for a silent member: no shorter than the brokers allow."""

import asyncio

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

__all__ = ["session_timeout"]

_SETTING = "group.min.session.timeout.ms"
_USUAL = 6.0  # what brokers demand that do not say


async def session_timeout(admin: AIOKafkaAdminClient, wanted: float, patience: float) -> float:
    """The `wanted` seconds, or what the brokers demand at the least, which is then logged."""
    least = _USUAL
    try:
        async with asyncio.timeout(patience):
            node = (await admin.describe_cluster())["brokers"][0]["node_id"]
            asked = ConfigResource(ConfigResourceType.BROKER, f"{node}", {_SETTING: None})
            for response in await admin.describe_configs([asked]):
                for _, _, _, _, entries, *_ in response.resources:
                    least = min((int(entry[1]) / 1000 for entry in entries), default=_USUAL)
    except (KafkaError, TimeoutError):
        least = _USUAL  # we may not ask, or nobody answers
    if wanted < least:
        structlog.get_logger().info("kafka_session_timeout", wanted=wanted, used=least)
    return max(wanted, least)
