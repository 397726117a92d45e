"""A cluster of one or three brokers on free loopback ports, with its data in a given folder."""

import base64
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from playback.broker.errors import BrokerError
from playback.broker.find import find_java, find_kafka, find_program
from playback.broker.probe import works
from playback.broker.process import Broker, last_lines
from playback.broker.properties import Node, properties_text, server_properties

__all__ = ["Cluster"]

_HOST: Final = "127.0.0.1"
_FORMAT_SECONDS: Final = 120.0
_LOWEST_PORT: Final = 15_000


class Cluster:
    """Running brokers. A context manager: at its end they are killed, their folder stays.

    Every broker also ends when this process does, however it ends.

    Attributes
    ----------
    bootstrap
        `127.0.0.1:port,...` of all brokers, for clients.
    brokers
        The brokers, in order; each can be killed, stopped, paused, and started again.
    """

    def __init__(self, bootstrap: str, brokers: Sequence[Broker], resources: ExitStack) -> None:
        self.bootstrap = bootstrap
        self.brokers = tuple(brokers)
        self._resources = resources

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        brokers: int = 1,
        full_jit: bool = False,
        changes: Mapping[str, str] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Self:
        """Start a new cluster and wait until it answers, its group coordinator too.

        Parameters
        ----------
        folder
            Empty or missing; gets a folder `broker-N` each, with `broker.log` in it.
        brokers
            1 to 3. Topics are replicated over all of them unless they say otherwise.
        full_jit
            Let Java compile fully: about a second later at the start, faster under load. For
            benchmarks.
        changes
            Properties of the brokers, over those of this package.
        environment
            Where Kafka and Java are looked for; see `find_kafka` and `find_java`.

        Raises
        ------
        BrokerError
            Kafka or Java is missing, or a broker did not start: with the end of its log.
        """
        if brokers not in {1, 2, 3}:
            msg = f"a cluster of {brokers} brokers was asked for; 1 to 3 can be had"
            raise BrokerError(msg)
        java = [*_leash(environment), str(find_java(environment))]
        classes = ["-cp", f"{find_kafka(environment)}/*"]
        nodes = _nodes(folder, brokers)
        for node in nodes:
            node.folder.mkdir(parents=True)
            properties = server_properties(node, nodes, listener={}, changes=changes or {})
            (node.folder / "server.properties").write_text(properties_text(properties))
        with ExitStack() as stack:
            launcher = stack.enter_context(_Launcher())
            _format(nodes, [*java, *_FORMAT_FLAGS, *classes], launcher)
            flags = [*_RUN_FLAGS, *([] if full_jit else _FAST_START)]
            command = [*java, *flags, *classes, "kafka.Kafka"]
            running = [_broker(node, nodes, command, launcher) for node in nodes]
            for broker in running:
                stack.callback(broker.kill)
                broker.start(wait=False)
            for broker in running:
                broker.wait_ready()
            bootstrap = ",".join(f"{_HOST}:{node.advertised}" for node in nodes)
            return cls(bootstrap, running, stack.pop_all())

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


_FAST_START: Final = ("-XX:TieredStopAtLevel=1",)
_FORMAT_FLAGS: Final = ("-Xmx256m", *_FAST_START)
_RUN_FLAGS: Final = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def _leash(environment: Mapping[str, str]) -> list[str]:
    """What has the kernel kill a process when the thread that started it ends."""
    hint = "it is part of util-linux and ties a broker to the process that starts it"
    return [str(find_program("setpriv", hint, environment)), "--pdeathsig", "KILL", "--"]


class _Launcher:
    """Starts processes from a thread of its own, which lives as long as they may.

    The kernel's leash is tied to the starting thread: a caller's could end sooner.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="brokers")

    def __call__(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        return self._thread.submit(self._start, command, log).result()

    def _start(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 the Java that was found
                command,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is for the caller, who ends the brokers in order.
                process_group=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()


def _broker(
    node: Node, nodes: Sequence[Node], command: Sequence[str], launcher: _Launcher
) -> Broker:
    # At the first start all brokers must be there for the topic of offsets to have its copies.
    everyone = frozenset(other.number for other in nodes)
    met = False

    def ready() -> bool:
        nonlocal met
        answer = works(node.internal, frozenset({node.number}) if met else everyone)
        met = met or answer
        return answer

    return Broker(
        node.number,
        command=[*command, str(node.folder / "server.properties")],
        log=node.folder / "broker.log",
        launch=launcher,
        ready=ready,
    )


def _format(nodes: Sequence[Node], java: Sequence[str], launcher: _Launcher) -> None:
    identity = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    # An identity that begins with a dash would be taken for an option.
    arguments = ["kafka.tools.StorageTool", "format", f"--cluster-id=A{identity[1:]}", "-c"]
    running = []
    for node in nodes:
        command = [*java, *arguments, str(node.folder / "server.properties")]
        running.append((node, launcher(command, node.folder / "format.log")))
    for node, process in running:
        if process.wait(_FORMAT_SECONDS) != 0:
            log = last_lines(node.folder / "format.log")
            msg = f"broker {node.number}: formatting its folder failed:\n{log}"
            raise BrokerError(msg)


def _nodes(folder: Path, count: int) -> list[Node]:
    ports = iter(_free_ports(3 * count))
    nodes = []
    for number in range(1, count + 1):
        client, internal, controller = next(ports), next(ports), next(ports)
        home = folder.resolve() / f"broker-{number}"
        nodes.append(Node(number, home, client, internal, controller, advertised=client))
    return nodes


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those the kernel gives to outgoing connections.

    A broker that is down for a while must find its port free again: from the kernel's range, a
    client that tries to reconnect could even be connected to itself.
    """
    kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    highest = int(kernel[0])
    if highest <= _LOWEST_PORT + 1000:
        highest = 65_536
    ports: set[int] = set()
    while len(ports) < count:
        port = _LOWEST_PORT + secrets.randbelow(highest - _LOWEST_PORT)
        with socket.socket() as candidate:
            try:
                candidate.bind((_HOST, port))
            except OSError:
                continue
        ports.add(port)
    return list(ports)
