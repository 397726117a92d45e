"""The log on Apache Kafka: the only place that uses aiokafka."""

from dqmstream.transport.kafka.log import KafkaLog
from dqmstream.transport.kafka.removing import remove_topics
from dqmstream.transport.kafka.settings import KafkaSettings

__all__ = ["KafkaLog", "KafkaSettings", "remove_topics"]
