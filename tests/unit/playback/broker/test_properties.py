"""What a node is told, and the ports it gets."""

from pathlib import Path

from playback.broker.ports import free_ports
from playback.broker.properties import Node, properties_text, server_properties


def _nodes(count: int) -> list[Node]:
    return [
        Node(
            number,
            Path(f"/data/{number}"),
            client=1000 + number,
            internal=2000 + number,
            controller=3000 + number,
            advertised=4000 + number,
        )
        for number in range(1, count + 1)
    ]


def test_ports_are_apart_from_those_of_outgoing_connections() -> None:
    first, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert first <= 16_000 or all(port < first for port in ports)


def test_clients_are_sent_to_the_advertised_port_and_brokers_to_the_internal_one() -> None:
    nodes = _nodes(3)
    properties = server_properties(nodes[1], nodes, listener={}, changes={})
    assert properties["listeners"] == (
        "CLIENT://127.0.0.1:1002,INTERNAL://127.0.0.1:2002,CONTROLLER://127.0.0.1:3002"
    )
    assert properties["advertised.listeners"] == (
        "CLIENT://127.0.0.1:4002,INTERNAL://127.0.0.1:2002"
    )
    assert properties["controller.quorum.voters"] == (
        "1@127.0.0.1:3001,2@127.0.0.1:3002,3@127.0.0.1:3003"
    )


def test_of_three_brokers_one_may_be_away() -> None:
    nodes = _nodes(3)
    properties = server_properties(nodes[0], nodes, listener={}, changes={})
    assert properties["default.replication.factor"] == "3"
    assert properties["min.insync.replicas"] == "2"
    alone = server_properties(nodes[0], nodes[:1], listener={}, changes={})
    assert alone["min.insync.replicas"] == "1"


def test_only_the_clients_listener_is_secured() -> None:
    nodes = _nodes(1)
    listener = {"security.protocol": "SSL", "ssl.keystore.type": "PEM"}
    properties = server_properties(nodes[0], nodes, listener=listener, changes={})
    assert properties["listener.security.protocol.map"] == (
        "CLIENT:SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
    )
    assert properties["listener.name.client.ssl.keystore.type"] == "PEM"


def test_changes_win_and_any_character_survives_java() -> None:
    nodes = _nodes(1)
    properties = server_properties(
        nodes[0], nodes, listener={}, changes={"num.io.threads": "7", "x": "a\\b é"}
    )
    lines = properties_text(properties).splitlines()
    assert "num.io.threads=7" in lines
    assert "x=a\\u005cb \\u00e9" in lines
