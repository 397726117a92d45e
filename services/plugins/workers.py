"""Workers: processes that run algorithms of plug-ins, ended and replaced when one hangs or dies.

A plug-in may raise, hang, crash, exit or eat memory: its elements are then ERROR with the reason,
and all other tests go on. One that has ended several workers in a row is put aside for a while, so
that it costs the comparator a time limit now and then, and not with every LS.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock, Semaphore, Thread
from typing import Any, Final

import structlog

from dqmstream.errors import MessageError
from dqmstream.quality.algorithm import Algorithm, Findings, WholeStackError
from dqmstream.quality.isolated import Found, findings_of, packed_call, unpack_answer
from dqmstream.quality.plugins import Plugins
from dqmstream.quality.stack import Stack

__all__ = ["PluginError", "WorkerSettings", "Workers"]

_LENGTH_BYTES: Final = 8
_LARGEST: Final = 512 << 20
"""Bytes of an answer."""
_HEARD: Final = 16 << 10
"""Bytes of what it printed last."""
_TRACE: Final = 1_000
_MARKS: Final = ("Fatal Python error", "Current thread 0x")
_LAST_WORDS: Final = 0.5
"""Seconds a worker has to say where it hangs."""


class PluginError(RuntimeError):
    """An algorithm of a plug-in raised something in its worker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """Bounds of workers.

    Parameters
    ----------
    seconds
        Time for one call: a test on all elements of one shape.
    start_seconds
        Time for a process to start and import.
    memory
        Bytes of address space.
    processes
        Workers at the same time.
    strikes, aside_seconds
        A test that has ended so many workers in a row is not run for so long.
    """

    seconds: float = 10.0
    start_seconds: float = 60.0
    memory: int = 4 << 30
    processes: int = 1
    strikes: int = 3
    aside_seconds: float = 60.0


class Workers:
    """Runs algorithms of plug-ins apart; from any thread. Processes are started when first needed.

    Parameters
    ----------
    plugins
        Where algorithms are found by a worker.
    monotonic
        Seconds, for how long a test is put aside.
    """

    def __init__(
        self,
        plugins: Plugins,
        settings: WorkerSettings | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = plugins.sources
        self._settings = settings or WorkerSettings()
        self._monotonic = monotonic
        self._turns = Semaphore(self._settings.processes)
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._closed = False
        self._strikes: dict[str, int] = {}
        self._aside: dict[str, float] = {}
        self._logger = structlog.get_logger().bind(service="quality_tests")

    def around(self, algorithms: Mapping[str, Algorithm[Any]]) -> dict[str, Algorithm[Any]]:
        """The same algorithms, those of plug-ins run by workers."""
        return {
            name: replace(one, measure=_Apart(self, one)) if name in self._sources else one
            for name, one in algorithms.items()
        }

    def close(self) -> None:
        """End all workers that are idle; a busy one is ended once it has answered."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def measure(self, algorithm: Algorithm[Any], stack: Stack, parameters: Any) -> Findings:
        """What an algorithm finds.

        Raises
        ------
        PluginError
            If it raised something: its own trace is a note.
        WholeStackError
            If it took too long, died, answered nonsense, or is put aside.
        """
        self._refuse_aside(algorithm.name)
        body = packed_call(
            algorithm, self._sources[algorithm.name], tuple(sys.path), stack, parameters
        )
        with self._turns:
            worker = self._take()
            try:
                found = unpack_answer(worker.ask(body))
                findings = findings_of(found) if isinstance(found, Found) else found
            except (_DeadError, MessageError, ValueError) as error:
                last_words = worker.end()
                self._strike(algorithm.name, error, last_words)
                raised = WholeStackError(f"{algorithm.name} of a plug-in: {error}")
                if last_words:
                    raised.add_note(f"the worker's last words:\n{last_words}")
                raise raised from None
            self._give_back(worker)
        self._strikes.pop(algorithm.name, None)
        if isinstance(findings, Findings):
            return findings
        raised_there = PluginError(f"{algorithm.name} of a plug-in raised {findings.error}")
        raised_there.add_note(findings.trace[-_TRACE:])
        raise raised_there

    # ------------------------------------------------------------------ inside

    def _take(self) -> "_Worker":
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                worker.end()
        return _Worker(self._settings)

    def _give_back(self, worker: "_Worker") -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()

    def _strike(self, name: str, error: Exception, last_words: str) -> None:
        with self._lock:
            strikes = self._strikes.get(name, 0) + 1
            self._strikes[name] = strikes
            if strikes >= self._settings.strikes:
                self._aside[name] = self._monotonic() + self._settings.aside_seconds
        self._logger.error(
            "worker ended", tests=name, error=str(error), count=strikes, problem=last_words
        )

    def _refuse_aside(self, name: str) -> None:
        with self._lock:
            until = self._aside.get(name)
            if until is None or self._monotonic() >= until:
                return
            strikes = self._strikes[name]
        msg = (
            f"{name} of a plug-in has ended {strikes} workers in a row: it is not run for "
            f"{self._settings.aside_seconds:g} s"
        )
        raise WholeStackError(msg)


class _Apart:
    """`measure` of an algorithm, in a worker; of the module of the plug-in, whose code it is."""

    def __init__(self, workers: Workers, algorithm: Algorithm[Any]) -> None:
        self._workers = workers
        self._algorithm = algorithm
        self.__module__ = getattr(algorithm.measure, "__module__", "") or ""

    def __call__(self, stack: Stack, parameters: Any) -> Findings:
        return self._workers.measure(self._algorithm, stack, parameters)


def _last_words(said: str) -> str:
    """Where it was, which faulthandler says innermost first; else the end of what it printed."""
    found = next((at for mark in _MARKS if (at := said.rfind(mark)) >= 0), -1)
    return said[found : found + _TRACE] if found >= 0 else said[-_TRACE:]


class _DeadError(Exception):
    """A worker that did not answer."""


class _Worker:
    """One process, and the socket to it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._said = b""
        self._hangs = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 our own module
                [
                    sys.executable,
                    "-m",
                    "services.plugins.worker",
                    str(theirs.fileno()),
                    str(settings.seconds),
                    str(settings.memory),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                # One core is enough for a test, and threads take address space.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._listener = Thread(target=self._listen, name="worker-stderr", daemon=True)
        self._listener.start()
        self._is_ready = False

    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, body: bytes) -> bytes:
        """The answer to a call; _DeadError if there is none."""
        if not self._is_ready:
            self._answer(time.monotonic() + self._settings.start_seconds, "start")
            self._is_ready = True
        deadline = time.monotonic() + self._settings.seconds
        try:
            self._socket.settimeout(self._settings.seconds)
            self._socket.sendall(len(body).to_bytes(_LENGTH_BYTES, "little"))
            self._socket.sendall(body)
        except TimeoutError:
            raise self._late("answer", self._settings.seconds) from None
        except OSError:
            raise self._died() from None
        return self._answer(deadline, "answer")

    def end(self) -> str:
        """End the process; what it said last, and if it hangs, where."""
        if self._hangs and self.is_alive():
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGUSR1)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS)
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._listener.join(_LAST_WORDS)
        return _last_words(self._said.decode(errors="replace"))

    def _answer(self, deadline: float, what: str) -> bytes:
        length = int.from_bytes(self._exactly(_LENGTH_BYTES, deadline, what), "little")
        if length > _LARGEST:
            msg = f"its answer has {length} bytes, expected at most {_LARGEST}"
            raise _DeadError(msg)
        return bytes(self._exactly(length, deadline, what))

    def _exactly(self, count: int, deadline: float, what: str) -> bytearray:
        body = bytearray()
        while len(body) < count:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                came = self._socket.recv(min(count - len(body), 1 << 20))
            except TimeoutError:
                settings = self._settings
                limit = settings.start_seconds if what == "start" else settings.seconds
                raise self._late(what, limit) from None
            except OSError:
                raise self._died() from None
            if not came:
                raise self._died()
            body += came
        return body

    def _late(self, what: str, seconds: float) -> _DeadError:
        self._hangs = True
        return _DeadError(f"it did not {what} within {seconds:g} s, and was ended")

    def _died(self) -> _DeadError:
        try:
            code = self._process.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            return _DeadError("it closed its socket")
        if code < 0:
            return _DeadError(f"its process died of {signal.Signals(-code).name}")
        return _DeadError(f"its process ended with exit code {code}")

    def _listen(self) -> None:
        with self._process.stderr or open(os.devnull, "rb") as said:  # noqa: PTH123
            while chunk := said.read1(4096):  # type: ignore[attr-defined]
                self._said = (self._said + chunk)[-_HEARD:]
