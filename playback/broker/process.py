"""One broker: a Java process that can be killed, stopped, paused, and started again."""

import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from playback.broker.errors import BrokerError
from playback.broker.launch import Launcher

__all__ = ["Broker", "last_lines"]

_STOP_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_LINES: Final = 30


def last_lines(path: Path) -> str:
    """The end of a log file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, _LINES))
    except FileNotFoundError:
        return "(no log)"


class Broker:
    """A broker of a cluster, made by `Cluster.start`. All calls but pausing block.

    Parameters
    ----------
    number
        From 1; the node's number in Kafka.
    command
        What runs it, in the foreground.
    log
        File that gets its output, from all its starts.
    launch
        Starts the command.
    ready
        Whether the broker answers as part of its cluster.
    """

    def __init__(
        self,
        number: int,
        *,
        command: Sequence[str],
        log: Path,
        launch: Launcher,
        ready: Callable[[], bool],
    ) -> None:
        self.number = number
        self.log = log
        self._command = command
        self._launch = launch
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process number; None when it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, *, wait: bool = True) -> None:
        """Start it on the data it has; `wait` until it works as part of its cluster.

        It works when its copies of all partitions are in sync. That takes most of the cluster's
        brokers: to start several after an outage, start all but the last without waiting.

        Raises
        ------
        BrokerError
            It runs already, or it ended or did not answer in time: with the end of its log.
        """
        if self.pid is not None:
            msg = f"broker {self.number} runs already, as process {self.pid}"
            raise BrokerError(msg)
        self._process = self._launch(self._command, self.log)
        if wait:
            self.wait_ready()

    def wait_ready(self, *, seconds: float = 240.0) -> None:
        """Wait until it answers as part of its cluster.

        Raises
        ------
        BrokerError
            It ended, or did not answer within `seconds`: with the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not self._ready():
            if self.pid is None:
                status = None if self._process is None else self._process.returncode
                self._fail(f"is not running (status {status})")
            if time.monotonic() > deadline:
                self._fail(f"did not answer within {seconds:g} s")
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """End it at once (SIGKILL), paused or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and wait until it has.

        A broker hands over to the others first. The last one of several finds nobody to hand over
        to and does not end: `kill` that one.

        Raises
        ------
        BrokerError
            It did not end within a minute; it still runs.
        """
        if self._process is None or self.pid is None:
            return
        self.resume()  # a paused process does not see the request
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._fail(f"did not end within {_STOP_SECONDS:g} s")

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay open and silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause` (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or self.pid is None:
            msg = f"broker {self.number} does not run: no {number.name} for it"
            raise BrokerError(msg)
        self._process.send_signal(number)

    def _fail(self, what: str) -> None:
        msg = f"broker {self.number} {what}; the end of {self.log}:\n{last_lines(self.log)}"
        raise BrokerError(msg)
