"""A system of processes on a broker: each service as a user starts it, with its CPU time."""

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from playback.bench.program import BenchError, command, environment
from playback.broker.ports import free_port

__all__ = ["Deployment", "deployed"]

_READY_SECONDS: Final = 240.0
_STOP_SECONDS: Final = 30.0
_POLL: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    errors: IO[bytes]
    metrics: str


@dataclass(slots=True)
class Deployment:
    """Services by name, each with metrics and health on a port of its own."""

    settings: Mapping[str, str]
    address: str = ""
    python: Path | None = None
    """Whose release is started from now on; None for this one."""
    _running: dict[str, _Running] = field(default_factory=dict)
    _spent: dict[str, float] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **settings: str) -> None:
        """Start a service under a name; `wait` says when it is ready."""
        port = free_port()
        given = {**self.settings, **settings, "metrics_port": str(port)}
        errors = tempfile.TemporaryFile()  # noqa: SIM115 closed by `stop`
        process = subprocess.Popen(  # noqa: S603 our own program
            command(arguments, self.python),
            env=environment(given),
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        self._running[name] = _Running(process, errors, f"http://127.0.0.1:{port}")

    def wait(self, *names: str) -> None:
        """Until these services say that they are ready, or BenchError."""
        until = time.monotonic() + _READY_SECONDS
        for name in names:
            while not self._ready(name):
                if time.monotonic() > until:
                    msg = f"{name} was not ready after {_READY_SECONDS} s"
                    raise BenchError(msg)
                time.sleep(_POLL)

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each service so far, those of killed ones with them."""
        seconds = dict(self._spent)
        for name, one in self._running.items():
            seconds[name] = seconds.get(name, 0.0) + cpu_seconds(one.process.pid)
        return seconds

    def kill(self, name: str) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        one = self._running.pop(name)
        self._spent[name] = self._spent.get(name, 0.0) + cpu_seconds(one.process.pid)
        one.process.kill()
        one.process.wait()
        one.errors.close()

    def end(self, name: str) -> int:
        """SIGTERM, and wait: the status it ends with."""
        one = self._running.pop(name)
        self._spent[name] = self._spent.get(name, 0.0) + cpu_seconds(one.process.pid)
        one.process.terminate()
        status = one.process.wait(_STOP_SECONDS)
        one.errors.close()
        return status

    def pid(self, name: str) -> int:
        """Of the process of a service."""
        return self._running[name].process.pid

    def stop(self) -> None:
        """Stop all services: all are asked, then waited for."""
        for one in self._running.values():
            one.process.terminate()
        for one in self._running.values():
            try:
                one.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
            one.errors.close()
        self._running.clear()

    def _ready(self, name: str) -> bool:
        one = self._running[name]
        if one.process.poll() is not None:
            one.errors.seek(0)
            said = one.errors.read()[-2000:].decode("utf-8", "replace")
            msg = f"{name} ended with status {one.process.returncode}: {said}"
            raise BenchError(msg)
        try:
            with urllib.request.urlopen(f"{one.metrics}/readyz", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False


@contextmanager
def deployed(settings: Mapping[str, str], *, fillers: int = 1) -> Iterator[Deployment]:
    """All services but the producer, ready.

    Parameters
    ----------
    settings
        Of all services.
    fillers
        How many processes fill.
    """
    port = free_port()
    one = Deployment(settings, f"http://127.0.0.1:{port}")
    try:
        one.start("comparator", "compare")
        one.start("recorder", "record")
        one.start("gateway", "serve", port=str(port))
        names = [f"filler {number}" for number in range(fillers)]
        for name in names:
            one.start(name, "fill")
        one.wait(*names, "comparator", "recorder", "gateway")
        yield one
    finally:
        one.stop()


def cpu_seconds(pid: int) -> float:
    """User and system CPU seconds of a process, all threads together; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two readings, several fillers as one stage."""
    stages: dict[str, float] = {}
    for name, seconds in after.items():
        stage = name.split()[0]
        stages[stage] = stages.get(stage, 0.0) + seconds - before.get(name, 0.0)
    return stages
