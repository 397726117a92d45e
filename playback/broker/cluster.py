"""A cluster of one to three brokers on free loopback ports, with its data in a given folder."""

import base64
import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from playback.broker.errors import BrokerError
from playback.broker.find import class_archive, find_java, find_kafka
from playback.broker.launch import Launcher
from playback.broker.ports import HOST, free_ports
from playback.broker.probe import works
from playback.broker.process import Broker, last_lines
from playback.broker.properties import Node, properties_text, server_properties
from playback.broker.proxy import Proxy
from playback.broker.security import Access, Mechanism, Security, secured

__all__ = ["Cluster"]

_FORMAT_SECONDS: Final = 120.0
_FAST_START: Final = ("-XX:TieredStopAtLevel=1",)
_FORMAT_FLAGS: Final = ("-Xmx256m", *_FAST_START)
_RUN_FLAGS: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    # A line for each try to reach a broker that is down would bury all others.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.NetworkClient=error",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


class Cluster:
    """Running brokers. A context manager: at its end they are killed, their folder stays.

    Every broker also ends when this process does, however it ends. All calls block: from a
    coroutine, make them by `asyncio.to_thread`.

    Attributes
    ----------
    bootstrap
        `127.0.0.1:port,...` of all brokers, for clients.
    access
        What a client has to show, when the listener asks for TLS or SASL.
    brokers
        The brokers, in order; each can be killed, stopped, paused, and started again.
    proxies
        One before each broker, in the same order, if asked for; see `cut` and `mend`.
    """

    def __init__(
        self,
        bootstrap: str,
        access: Access,
        brokers: Sequence[Broker],
        proxies: Sequence[Proxy],
        resources: ExitStack,
    ) -> None:
        self.bootstrap = bootstrap
        self.access = access
        self.brokers = tuple(brokers)
        self.proxies = tuple(proxies)
        self._resources = resources

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        brokers: int = 1,
        security: Security = "plaintext",
        mechanism: Mechanism = "PLAIN",
        client_certificates: bool = False,
        proxied: bool = False,
        full_jit: bool = False,
        changes: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
        environment: Mapping[str, str] = os.environ,
    ) -> Self:
        """Start a new cluster and wait until it works: topics can be made, groups joined.

        Parameters
        ----------
        folder
            Has no cluster yet, or is missing; gets a folder `broker-N` each, with `broker.log` in
            it, and the certificates.
        brokers
            1 to 3. Topics are replicated over all of them unless they say otherwise.
        security, mechanism, client_certificates
            What the clients' listener asks for: `ssl` and `sasl_ssl` encrypt, with a client's
            certificate too if asked for; `sasl_plaintext` and `sasl_ssl` want a user and password.
        proxied
            Put a proxy in front of each broker, so that clients can be cut off.
        full_jit
            Let Java compile fully: about a second later at the start, faster under load. For
            benchmarks.
        changes
            Properties of the brokers, over those of this package.
        java_options
            Options of the brokers' Java, over those of this package: "-Xmx1g".
        environment
            Where Kafka, Java and OpenSSL are looked for; see `find_kafka` and `find_java`.

        Raises
        ------
        BrokerError
            A program is missing, or a broker did not start: with the end of its log.
        """
        if brokers not in {1, 2, 3}:
            msg = f"a cluster of {brokers} brokers was asked for; 1 to 3 can be had"
            raise BrokerError(msg)
        java = find_java(environment)
        libraries = find_kafka(environment)
        archive = class_archive(libraries, java)
        start = [str(java.path), "-cp", f"{libraries}/*"]
        if archive is not None and archive.exists():
            start.append(f"-XX:SharedArchiveFile={archive}")
        access, listener, format_options = secured(
            folder.resolve() / "certificates",
            security=security,
            mechanism=mechanism,
            client_certificates=client_certificates,
            environment=environment,
        )
        nodes = _nodes(folder.resolve(), brokers, proxied=proxied)
        for node in nodes:
            node.folder.mkdir(parents=True)
            properties = server_properties(node, nodes, listener=listener, changes=changes or {})
            node.properties.write_text(properties_text(properties))
        with ExitStack() as stack:
            launcher = stack.enter_context(Launcher(environment))
            _format(nodes, [*start, *_FORMAT_FLAGS], format_options, launcher)
            fast = () if full_jit else _FAST_START
            command = [*start, *_RUN_FLAGS, *fast, *java_options, "kafka.Kafka"]
            running = [_broker(node, nodes, command, launcher) for node in nodes]
            for broker in running:
                stack.callback(broker.kill)
                broker.start(wait=False)
            for broker in running:
                broker.wait_ready()
            proxies = [
                stack.enter_context(Proxy(node.advertised, node.client))
                for node in nodes
                if proxied
            ]
            bootstrap = ",".join(f"{HOST}:{node.advertised}" for node in nodes)
            return cls(bootstrap, access, running, proxies, stack.pop_all())

    def cut(self) -> None:
        """Close all clients' connections and refuse new ones, until `mend`.

        Raises
        ------
        BrokerError
            The cluster was started without proxies.
        """
        for proxy in self._proxies():
            proxy.cut()

    def mend(self) -> None:
        """Let clients in again after `cut`."""
        for proxy in self._proxies():
            proxy.mend()

    def close(self) -> None:
        """Kill all brokers. Their data and logs stay in the folder."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _proxies(self) -> tuple[Proxy, ...]:
        if not self.proxies:
            msg = "clients can only be cut off from a cluster that was started with proxied=True"
            raise BrokerError(msg)
        return self.proxies


def _nodes(folder: Path, count: int, *, proxied: bool) -> list[Node]:
    ports = iter(free_ports(4 * count))
    nodes = []
    for number in range(1, count + 1):
        client = next(ports)
        nodes.append(
            Node(
                number,
                folder / f"broker-{number}",
                client=client,
                internal=next(ports),
                controller=next(ports),
                advertised=next(ports) if proxied else client,
            )
        )
    return nodes


def _broker(
    node: Node, nodes: Sequence[Node], command: Sequence[str], launcher: Launcher
) -> Broker:
    # At the first start all brokers must be there for the topic of offsets to have its copies;
    # later ones have to do without those that are down.
    expected = frozenset(other.number for other in nodes)

    def ready() -> bool:
        nonlocal expected
        if not works(node.internal, node.number, expected):
            return False
        expected = frozenset({node.number})
        return True

    return Broker(
        node.number,
        command=[*command, str(node.properties)],
        log=node.folder / "broker.log",
        launch=launcher,
        ready=ready,
    )


def _format(
    nodes: Sequence[Node], java: Sequence[str], options: Sequence[str], launcher: Launcher
) -> None:
    identity = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={identity}", *options]
    running = [
        (node, launcher([*java, *tool, "-c", str(node.properties)], node.folder / "format.log"))
        for node in nodes
    ]
    try:
        for node, process in running:
            if process.wait(_FORMAT_SECONDS) != 0:
                log = last_lines(node.folder / "format.log")
                msg = f"broker {node.number}: formatting its folder failed:\n{log}"
                raise BrokerError(msg)
    except subprocess.TimeoutExpired as error:
        msg = f"formatting the brokers' folders took more than {_FORMAT_SECONDS:g} s"
        raise BrokerError(msg) from error
    finally:
        for _, process in running:
            process.kill()
            process.wait()
