"""Services as processes of their own, started in milliseconds and killed in any way.

A fork server has imported everything once; each service is a child of it, and dies with it.
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from tests.crash.lives import Life, environment_of, live

__all__ = ["STARTS", "Running", "start", "start_server"]

STARTS: Final = "----"
"""Begins the first line of each life in a log."""

_PRELOADED: Final = "tests.crash.preloaded"
_PR_SET_PDEATHSIG: Final = 1


def start_server() -> None:
    """Let the fork server import what services need, before the first one is started.

    Raises
    ------
    ImportError
        If it could not: every service would then import it for itself, for seconds.
    """
    _context().set_forkserver_preload([_PRELOADED])
    process = _context().Process(target=_check_preloaded)
    process.start()
    process.join()
    if process.exitcode != 0:
        msg = f"the fork server could not import {_PRELOADED}: try it alone"
        raise ImportError(msg)


def start(life: Life, log: Path) -> "Running":
    """Start a service; what it prints is added to `log`."""
    if life.by_command:
        return Running(_command(life, log))
    process = _context().Process(target=_run, args=(life, log), name=life.service)
    process.start()
    return Running(process)


class Running:
    """A service that was started, dead or alive."""

    def __init__(self, process: BaseProcess | subprocess.Popen[bytes]) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs, negative the signal that ended it."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        return self._process.exitcode

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, even if it is frozen, and wait for its end."""
        self.signal(signal.SIGKILL)
        if isinstance(self._process, subprocess.Popen):
            self._process.wait()
        else:
            self._process.join()


def _context() -> ForkServerContext:
    return multiprocessing.get_context("forkserver")


def _check_preloaded() -> None:
    """The first child makes the server import; a server that fails says nothing of it."""
    sys.exit(0 if _PRELOADED in sys.modules else 1)


def _command(life: Life, log: Path) -> subprocess.Popen[bytes]:
    """The service as a user starts it."""
    with log.open("ab") as out:
        out.write(f"{STARTS} {life.service}\n".encode())
        out.flush()
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli", life.command],
            env=os.environ | environment_of(life),
            stdout=out,
            stderr=out,
        )


def _run(life: Life, log: Path) -> None:
    # Of the fork server: it ends with the tests, however they end.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(out, number)
    print(f"{STARTS} {life.service}, pid {os.getpid()}", flush=True)  # noqa: T201
    sys.exit(live(life))
