"""wrk, the load generator: requests over kept connections from one core, with latencies."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from playback.bench.program import BenchError

__all__ = ["Load", "loaded", "pin"]

_UNITS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Load(NamedTuple):
    """Requests per second, and milliseconds of the median and of the slowest hundredth."""

    rate: float
    p50: float
    p99: float


def loaded(url: str, *, seconds: float, connections: int, core: int | None, lua: str = "") -> Load:
    """Ask for `url` again and again over so many connections.

    Parameters
    ----------
    core
        Processor that wrk runs on; None leaves it to the system.
    lua
        A script for wrk, which may make each request another one.

    Raises
    ------
    BenchError
        If wrk is not there, or any answer is not 200.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        msg = "no wrk on PATH, which makes the load: apt-get install wrk"
        raise BenchError(msg)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(lua)
        script.flush()
        command = [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
        command += ["-s", script.name] if lua else []
        with subprocess.Popen(  # noqa: S603 found on PATH
            [*command, url], stdout=subprocess.PIPE, text=True
        ) as process:
            pin(process.pid, core)
            said, _ = process.communicate(timeout=seconds + 60)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", said)
    if process.returncode or failed:
        msg = f"wrk of {url}: status {process.returncode}: {failed[0] if failed else said[-300:]}"
        raise BenchError(msg)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if rate is None:
        msg = f"wrk of {url} says no rate: {said[-300:]}"
        raise BenchError(msg)
    return Load(float(rate[1]), _percentile(said, "50%"), _percentile(said, "99%"))


def pin(pid: int, core: int | None) -> None:
    """Keep a process, with all its threads, on one processor."""
    if core is None:
        return
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _percentile(said: str, name: str) -> float:
    found = re.search(rf"{name}\s+([0-9.]+)(us|ms|s|m)\b", said)
    if found is None:
        msg = f"wrk says no {name} of latencies: {said[-300:]}"
        raise BenchError(msg)
    return float(found[1]) * _UNITS[found[2]]
