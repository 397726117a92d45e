"""Workers: processes that run algorithms of plug-ins, ended and replaced when one hangs or dies.

A plug-in may raise, hang, crash, exit or eat memory: its elements are then ERROR with the reason,
and all other tests go on. One that has ended several workers in a row is put aside for a while, so
that it costs the comparator a time limit now and then, and not with every LS.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Lock, Semaphore
from typing import Any, Final

import structlog

from dqmstream.errors import MessageError
from dqmstream.quality.algorithm import Algorithm, Findings, WholeStackError
from dqmstream.quality.isolated import Found, findings_of, packed_call, unpack_answer
from dqmstream.quality.plugins import Plugins
from dqmstream.quality.stack import Stack
from services.plugins.bounds import WorkerSettings
from services.plugins.worker_process import DeadError, WorkerProcess

__all__ = ["PluginError", "Workers"]

_TRACE: Final = 1_000
"""Characters of what a worker said."""


class PluginError(RuntimeError):
    """An algorithm of a plug-in raised something in its worker."""


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
        self._idle: list[WorkerProcess] = []
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
            except (DeadError, MessageError, ValueError) as error:
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

    def _take(self) -> WorkerProcess:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                worker.end()
        return WorkerProcess(self._settings)

    def _give_back(self, worker: WorkerProcess) -> None:
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
