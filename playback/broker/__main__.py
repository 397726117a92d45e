"""`python -m playback.broker -- COMMAND...`: run a command with a broker beside it.

The command finds the broker's address in `DQMSTREAM_KAFKA`. Its exit status is the status of all;
the broker and its data go when it ends. `--fetch` in place of a command only makes sure that Java
and Kafka's jars are there and prepared for a quick start, and prints the folder of the jars.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playback.broker.cluster import Cluster
from playback.broker.errors import BrokerError
from playback.broker.find import class_archive, find_java, find_kafka, locked
from playback.broker.process import last_lines

__all__ = ["main"]

_USAGE_STATUS: Final = 2


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m playback.broker",
        description="Run a command with a real Kafka beside it, its address in DQMSTREAM_KAFKA.",
    )
    parser.add_argument("--brokers", type=int, default=1, help="1 to 3; by default 1")
    parser.add_argument(
        "--full-jit", action="store_true", help="slower start, faster under load: for benchmarks"
    )
    parser.add_argument(
        "--fetch", action="store_true", help="only make sure that Java and Kafka's jars are there"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND...")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.fetch == bool(command):
        parser.error("give either a command, after --, or --fetch")
    try:
        if options.fetch:
            sys.stdout.write(f"{_fetch()}\n")
            return 0
        return _beside(options.brokers, options.full_jit, command)
    except BrokerError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE_STATUS


def _fetch() -> Path:
    java, libraries = find_java(os.environ), find_kafka(os.environ)
    archive = class_archive(libraries, java)
    if archive is None:
        return libraries
    with locked(archive):
        if not archive.exists():
            _make_archive(archive)
    return libraries


def _make_archive(archive: Path) -> None:
    """Have a broker write down the classes it loaded, when it ends in order."""
    # In the folder of the archive, so that it can be moved into place when it is complete.
    with tempfile.TemporaryDirectory(prefix="classes-", dir=archive.parent) as name:
        made = Path(name) / archive.name
        options = [f"-XX:ArchiveClassesAtExit={made}"]
        with Cluster.start(Path(name) / "broker", java_options=options) as cluster:
            cluster.brokers[0].stop()
            if not made.exists():
                msg = f"Java did not write {made}:\n{last_lines(cluster.brokers[0].log)}"
                raise BrokerError(msg)
        made.rename(archive)


def _beside(brokers: int, full_jit: bool, command: Sequence[str]) -> int:
    # Asked to end during the start: the temporary folder goes too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with (
        tempfile.TemporaryDirectory(prefix="dqmstream-broker-") as name,
        Cluster.start(Path(name), brokers=brokers, full_jit=full_jit) as cluster,
    ):
        # A Ctrl-C goes to the command as well, what is asked of us alone is passed on to it:
        # either way the broker stays until the command has ended.
        signal.signal(signal.SIGINT, lambda *_: None)
        try:
            process = subprocess.Popen(  # noqa: S603 the user's command
                command, env=dict(os.environ) | {"DQMSTREAM_KAFKA": cluster.bootstrap}
            )
        except OSError as error:
            msg = f"the command does not start: {error}"
            raise BrokerError(msg) from error
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
