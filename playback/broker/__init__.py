"""A real Apache Kafka 4 (KRaft) for tests, the demo and benchmarks.

::

    with Cluster.start(folder, brokers=3) as cluster:
        use(cluster.bootstrap)
        cluster.brokers[0].kill()
        cluster.brokers[0].start()

`python -m playback.broker -- COMMAND...` runs a command with a broker beside it.
"""

from playback.broker.cluster import Cluster
from playback.broker.errors import BrokerError
from playback.broker.find import find_java, find_kafka
from playback.broker.process import Broker
from playback.broker.security import Access

__all__ = ["Access", "Broker", "BrokerError", "Cluster", "find_java", "find_kafka"]
