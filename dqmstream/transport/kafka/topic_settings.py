"""A topic as Kafka's settings, and back."""

from collections.abc import Mapping

import msgspec

from dqmstream.errors import LogError
from dqmstream.transport.topic_spec import TopicSpec, check_unchanged

__all__ = ["COMPARED", "check_topic", "from_settings", "largest_batch", "to_settings"]

_MIB = 1024 * 1024
_OVERHEAD = 64 * 1024
"""What a batch may have beside key, value and headers of a message: Kafka limits batches."""

_FOR_EVER = "-1"

COMPARED = (
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
)
"""Settings that `check_topic` needs."""


def largest_batch(spec: TopicSpec) -> int:
    """Bytes of the largest batch of records that a topic takes."""
    return spec.max_message_bytes + _OVERHEAD


def to_settings(spec: TopicSpec, replication: int) -> dict[str, str]:
    """What a new topic is told.

    Retention and compaction take whole segments and leave the one that is being written, so
    segments are cut in time. Those are no part of what a topic is, and are not compared.
    """
    expires = spec.retention_seconds is not None or spec.retention_bytes is not None
    settings = {
        "cleanup.policy": _policy(compacted=spec.compacted, expires=expires),
        "retention.ms": _milliseconds(spec.retention_seconds),
        "retention.bytes": _FOR_EVER if spec.retention_bytes is None else f"{spec.retention_bytes}",
        "max.message.bytes": f"{largest_batch(spec)}",
        "message.timestamp.type": "LogAppendTime",
    }
    smallest = max(32 * _MIB, 2 * largest_batch(spec))
    if spec.compacted:
        settings |= {
            "segment.bytes": f"{smallest}",
            "segment.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
        }
    elif spec.retention_seconds is not None:
        eighth = round(spec.retention_seconds * 1000 / 8)
        settings["segment.ms"] = f"{min(max(eighth, 60_000), 7 * 86_400_000)}"
    if spec.retention_bytes is not None:
        settings["segment.bytes"] = f"{max(smallest, min(spec.retention_bytes // 8, 1024 * _MIB))}"
    if replication >= 3:
        settings["min.insync.replicas"] = "2"
    return settings


def check_topic(
    wanted: TopicSpec,
    found: Mapping[str, str],
    *,
    partitions: int,
    replicas: int,
    replication: int,
) -> None:
    """Refuse a topic that is not what is wanted, with a LogError that names one setting.

    Parameters
    ----------
    wanted
        What the topic must be.
    found
        Its `COMPARED` settings in the cluster.
    partitions, replicas
        How many it has.
    replication
        How many copies are wanted; -1 takes any.
    """
    check_unchanged(from_settings(wanted.name, partitions, found), _rounded(wanted))
    want = {"message.timestamp.type": "LogAppendTime"}
    have = dict(found)
    if replication != -1:
        want["replication"], have["replication"] = f"{replication}", f"{replicas}"
    if replication >= 3:
        want["min.insync.replicas"] = "2"
    for setting, value in want.items():
        if have.get(setting) != value:
            msg = (
                f"topic {wanted.name}: {setting} is {have.get(setting)} in the log, wanted {value}"
            )
            raise LogError(msg)


def from_settings(name: str, partitions: int, settings: Mapping[str, str]) -> TopicSpec:
    """The topic that settings of a cluster describe."""
    policy = {part.strip() for part in settings["cleanup.policy"].split(",")}
    expires = "delete" in policy
    kept = int(settings["retention.ms"]) if expires else -1
    size = int(settings["retention.bytes"]) if expires else -1
    return TopicSpec(
        name=name,
        partitions=partitions,
        compacted="compact" in policy,
        retention_seconds=None if kept < 0 else kept / 1000,
        retention_bytes=None if size < 0 else size,
        max_message_bytes=max(1, int(settings["max.message.bytes"]) - _OVERHEAD),
    )


def _policy(*, compacted: bool, expires: bool) -> str:
    if compacted:
        return "compact,delete" if expires else "compact"
    return "delete"


def _milliseconds(seconds: float | None) -> str:
    return _FOR_EVER if seconds is None else f"{round(seconds * 1000)}"


def _rounded(spec: TopicSpec) -> TopicSpec:
    """The same topic with its retention in whole milliseconds, as Kafka keeps it."""
    if spec.retention_seconds is None:
        return spec
    rounded = round(spec.retention_seconds * 1000) / 1000
    return msgspec.structs.replace(spec, retention_seconds=rounded)
