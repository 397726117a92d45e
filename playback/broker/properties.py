"""The `server.properties` of one node: broker and controller in one process (KRaft)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playback.broker.ports import HOST

__all__ = ["Node", "properties_text", "server_properties"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its number from 1, its folder, and the loopback ports it listens on.

    Clients are told to come to `advertised`: the `client` port, or a proxy in front of it. The
    brokers among themselves, and the wait for readiness, use `internal`: always plain text, never
    through the proxy.
    """

    number: int
    folder: Path
    client: int
    internal: int
    controller: int
    advertised: int

    @property
    def properties(self) -> Path:
        """Its `server.properties`."""
        return self.folder / "server.properties"


def server_properties(
    node: Node, nodes: Sequence[Node], *, listener: Mapping[str, str], changes: Mapping[str, str]
) -> dict[str, str]:
    """Properties of `node`, one of `nodes`.

    Parameters
    ----------
    listener
        What the clients' listener asks for: `security.protocol`, and the properties of TLS and
        SASL, without their prefix.
    changes
        Added last: they win.
    """
    copies = str(len(nodes))
    protocol = listener.get("security.protocol", "PLAINTEXT")
    properties = {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(
            f"{other.number}@{HOST}:{other.controller}" for other in nodes
        ),
        "listeners": (
            f"CLIENT://{HOST}:{node.client},INTERNAL://{HOST}:{node.internal},"
            f"CONTROLLER://{HOST}:{node.controller}"
        ),
        "advertised.listeners": (
            f"CLIENT://{HOST}:{node.advertised},INTERNAL://{HOST}:{node.internal}"
        ),
        "listener.security.protocol.map": (
            f"CLIENT:{protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "INTERNAL",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(node.folder / "data"),
        "auto.create.topics.enable": "false",
        "message.max.bytes": "8388608",
        "replica.fetch.max.bytes": "8388608",
        # With fewer than all but one in sync a write is refused: one broker may be away.
        "default.replication.factor": copies,
        "min.insync.replicas": str(max(1, len(nodes) - 1)),
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": str(max(1, len(nodes) - 1)),
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": str(max(1, len(nodes) - 1)),
        # A first join waits 3 s by default, and a killed consumer is missed after 6 s at the least.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # A killed broker is missed, and let in again, when its last session is over.
        "broker.session.timeout.ms": "3000" if len(nodes) == 1 else "4000",
        "broker.heartbeat.interval.ms": "1000",
        # Retention and compaction act within a test, not after minutes.
        "log.initial.task.delay.ms": "500",
        "log.retention.check.interval.ms": "1000",
        "log.cleaner.backoff.ms": "1000",
        "log.cleaner.dedupe.buffer.size": "16777216",
        "num.network.threads": "2",
        "num.io.threads": "2",
    }
    prefix = "listener.name.client."
    for name, value in listener.items():
        if name != "security.protocol":
            properties[prefix + name] = value
    return properties | dict(changes)


def properties_text(properties: Mapping[str, str]) -> str:
    """The file as Java reads it: ASCII, with backslashes and all other characters by number."""
    text = "".join(f"{name}={value}\n" for name, value in properties.items())
    return "".join(
        f"\\u{ord(character):04x}" if character > "~" or character == "\\" else character
        for character in text
    )
