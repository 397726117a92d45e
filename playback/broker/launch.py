"""Starting processes that end with this one, however it ends."""

import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from playback.broker.find import find_program

__all__ = ["Launcher"]


class Launcher:
    """Starts processes on a leash: the kernel kills them when this process is gone.

    The leash is tied to the thread that starts them, and a caller's could end sooner: they are
    started from a thread that lives until the end of the `with` block.

    Raises
    ------
    BrokerError
        The system has no `setpriv`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        hint = "it is part of util-linux and ties a broker to the process that starts it"
        self._leash = [str(find_program("setpriv", hint, environment)), "--pdeathsig=KILL", "--"]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="brokers")

    def __call__(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a command in the folder of `log`, which gets its output added."""
        return self._thread.submit(self._start, command, log).result()

    def _start(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 the programs that were found
                [*self._leash, *command],
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
