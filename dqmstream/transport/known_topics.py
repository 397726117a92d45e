"""The topics that a log knows."""

from dqmstream.errors import LogError
from dqmstream.transport.record import TopicPartition
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["KnownTopics"]


class KnownTopics(dict[str, TopicSpec]):
    """Topics by name; asking for one that is not known is a LogError."""

    def __missing__(self, topic: str) -> TopicSpec:
        msg = f"there is no topic {topic!r} in the log: ensure_topics makes it"
        raise LogError(msg)

    def check(self, where: TopicPartition) -> None:
        """Refuse a partition that no topic has, with a LogError saying which there are."""
        topic, partition = where
        partitions = self[topic].partitions
        if not 0 <= partition < partitions:
            msg = f"{topic} has partitions 0 to {partitions - 1}, not {partition}"
            raise LogError(msg)
