"""`dqmstream bench http`: how many plots a second a gateway answers on one core, and how fast.

The gateway is the program as a user starts it, kept on one processor; wrk asks from another. It is
compared with a plain Starlette route that returns the same bytes (see `plain_http`), measured in
the same run. Answers are checked: equal bytes before and after, no status but 200, and one element
LS by LS against its sum.
"""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from playback.bench.events import BenchLumisection
from playback.bench.program import BenchError, Program, finished, running
from playback.bench.row import Row
from playback.bench.workspace import BOOKING_50
from playback.bench.wrk import Load, loaded, pin
from playback.recordings import record_lumisections

__all__ = ["measure"]

_WORKSPACE: Final = "playback.bench.workspace:BOOKING_50"
_CONNECTIONS: Final = 16
_LUMISECTIONS: Final = 2_400
_TIMEOUT: Final = 1_800.0
_REPEATED: Final = 9
_API: Final = "/api/v1/runs"
_OTHER_WINDOWS: Final = """
local number = 0
request = function()
  number = number + 1
  local first, length = 1 + number % %d, 1 + math.floor(number / %d) %% 40
  return wrk.format("GET", wrk.path .. "&lumisections=" .. first .. "-" .. (first + length))
end
"""


def measure(*, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    quick
        A tenth of everything, for trying.
    """
    lumisections = _LUMISECTIONS // 10 if quick else _LUMISECTIONS
    seconds = 1.0 if quick else 5.0
    cores = sorted(os.sched_getaffinity(0))
    server, client = (cores[1], cores[0]) if len(cores) > 1 else (None, None)
    path = next(e.path for e in BOOKING_50.elements if e.__struct_config__.tag == "histogram")
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        settings = _stored_run(folder, lumisections)
        with running(["run"], settings) as program:
            pin(program.process.pid, server)
            url = f"{program.address}{_API}/1/contents?path={urllib.parse.quote(path)}"
            body = _first(url)
            rows = _rates(url, "one histogram by path", seconds, client, goal=2_000.0)
            rows += _others(url, lumisections, seconds, client)
            rows += _series(program, path, lumisections)
            _check_same(url, body)
        with _plain(folder, body) as plain:
            pin(plain.process.pid, server)
            load = loaded(
                f"{plain.address}/", seconds=seconds, connections=_CONNECTIONS, core=client
            )
        rows += _compared(rows, load)
        rows += _while_filling(folder, path, seconds, server, client)
    return rows


# ------------------------------------------------------------------------------- parts


def _stored_run(folder: Path, lumisections: int) -> dict[str, str]:
    """A run of so many LSs in log and store; the settings of a system that has it."""
    recording = folder / "recording-stored"
    record_lumisections([BenchLumisection("500B", 1, 100, 100, 100.0)], recording)
    settings = _settings(folder / "data-stored")
    arguments = ["replay", str(recording), "--exit", "--json"]
    answer = finished([*arguments, "--lumisections", str(lumisections)], settings, timeout=_TIMEOUT)
    closed = len(answer["runs"][0]["lumisections"])
    if closed != lumisections:
        msg = f"{closed} LSs were stored, expected {lumisections}"
        raise BenchError(msg)
    return settings


def _settings(data: Path) -> dict[str, str]:
    return {
        "data": str(data),
        "port": "0",
        "workspaces": _WORKSPACE,
        "log_level": "error",
        # Clients of a benchmark ask as often as they can.
        "requests_per_second": "0",
    }


def _rates(
    url: str, name: str, seconds: float, core: int | None, goal: float | None = None
) -> list[Row]:
    loaded(url, seconds=0.5, connections=_CONNECTIONS, core=core)
    load = loaded(url, seconds=seconds, connections=_CONNECTIONS, core=core)
    alone = loaded(url, seconds=seconds, connections=1, core=core)
    return [
        Row(name=name, value=load.rate, unit="requests/s", goal=goal),
        Row(name=f"{name}, {_CONNECTIONS} clients, p50", value=load.p50, unit="ms"),
        Row(name=f"{name}, {_CONNECTIONS} clients, p99", value=load.p99, unit="ms"),
        Row(name=f"{name}, one client, p50", value=alone.p50, unit="ms"),
        Row(name=f"{name}, one client, p99", value=alone.p99, unit="ms"),
    ]


def _others(url: str, lumisections: int, seconds: float, core: int | None) -> list[Row]:
    """Each request for another window: none is answered from what is kept."""
    lua = _OTHER_WINDOWS.replace("%d", str(lumisections - 50)).replace("%%", "%")
    load = loaded(url, seconds=seconds, connections=_CONNECTIONS, core=core, lua=lua)
    name = "each for another window"
    return [
        Row(name=name, value=load.rate, unit="requests/s"),
        Row(name=f"{name}, {_CONNECTIONS} clients, p50", value=load.p50, unit="ms"),
        Row(name=f"{name}, {_CONNECTIONS} clients, p99", value=load.p99, unit="ms"),
    ]


def _series(program: Program, path: str, lumisections: int) -> list[Row]:
    """One element in all LSs in one call, whole; each answer against the sum of the run."""
    asked = urllib.parse.quote(path)
    whole = msgspec.json.decode(_fetched(f"{program.address}{_API}/1/contents?path={asked}"))
    total = whole["contents"][0]["arrays"]["values"]
    rows = []
    for form in ("npy", "npz", "arrow", "parquet"):
        url = f"{program.address}{_API}/1/series?path={asked}&format={form}"
        times = []
        for _ in range(_REPEATED + 1):
            started = time.perf_counter()
            body = _fetched(url)
            times.append(time.perf_counter() - started)
        if form == "npy":
            counts = np.load(io.BytesIO(body))["counts"]
            if len(counts) != lumisections or counts.sum(axis=0).ravel().tolist() != total:
                msg = f"{path}: {len(counts)} LSs do not sum up to the run's contents"
                raise BenchError(msg)
        rows.append(
            Row(
                name=f"one element in {lumisections} LSs, .{form}",
                value=1000 * statistics.median(times[1:]),
                unit="ms",
                goal=100.0,
                higher_is_better=False,
            )
        )
    return rows


def _compared(rows: list[Row], plain: Load) -> list[Row]:
    rate = rows[0].value
    return [
        Row(
            name="a plain Starlette route with the same bytes", value=plain.rate, unit="requests/s"
        ),
        Row(name="a plain route, p50", value=plain.p50, unit="ms"),
        Row(name="a plain route, p99", value=plain.p99, unit="ms"),
        Row(name="one histogram by path over a plain route", value=rate / plain.rate, unit="ratio"),
    ]


def _while_filling(
    folder: Path, path: str, seconds: float, server: int | None, client: int | None
) -> list[Row]:
    """The same of an open LS, while the same process fills 1000 events a second."""
    recording = folder / "recording-live"
    record_lumisections([BenchLumisection("500B", 1, 5_000, 50, 1_000.0)], recording)
    arguments = ["replay", str(recording), "--speed", "1", "--lumisections", "1000"]
    settings = {**_settings(folder / "data-live"), "publish_interval": "0.5"}
    with running(arguments, settings) as program:
        pin(program.process.pid, server)
        url = f"{program.address}{_API}/current/contents?path={urllib.parse.quote(path)}"
        before = _entries_of(url)
        load = loaded(url, seconds=seconds, connections=_CONNECTIONS, core=client)
        alone = loaded(url, seconds=seconds, connections=1, core=client)
        after = _entries_of(url)
    if after <= before:
        msg = f"{path}: {before} entries before the load and {after} after it: nothing was filled"
        raise BenchError(msg)
    name = "while 1000 events/s are filled"
    return [
        Row(name=name, value=load.rate, unit="requests/s"),
        Row(name=f"{name}, {_CONNECTIONS} clients, p50", value=load.p50, unit="ms"),
        Row(name=f"{name}, {_CONNECTIONS} clients, p99", value=load.p99, unit="ms"),
        Row(name=f"{name}, one client, p50", value=alone.p50, unit="ms"),
        Row(name=f"{name}, one client, p99", value=alone.p99, unit="ms"),
    ]


# --------------------------------------------------------------------------------- ways


@contextmanager
def _plain(folder: Path, body: bytes) -> Iterator[Program]:
    file = folder / "body.json"
    file.write_bytes(body)
    command = [sys.executable, "-m", "playback.bench.plain_http", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 ours
        try:
            assert process.stdout is not None  # noqa: S101 it is a pipe
            address = process.stdout.readline().removeprefix("page: ").strip()
            _wait_for(f"{address}/")
            yield Program(address, process)
        finally:
            process.kill()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            _fetched(url)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _entries_of(url: str) -> int:
    """Entries of an element; 0 while there is no run."""
    until = time.monotonic() + 30
    while True:
        try:
            answer: Mapping[str, Any] = msgspec.json.decode(_fetched(url))
            entries = int(answer["contents"][0]["totals"]["entries"])
        except OSError:
            entries = 0
        if entries or time.monotonic() > until:
            return entries
        time.sleep(0.2)


def _check_same(url: str, body: bytes) -> None:
    if _fetched(url) != body:
        msg = f"{url} answers otherwise after the load than before it"
        raise BenchError(msg)


def _first(url: str) -> bytes:
    """The answer, once the gateway has read enough of the log to give it.

    Raises
    ------
    BenchError
        If it takes longer than half a minute.
    """
    for _ in range(150):
        try:
            return _fetched(url)
        except urllib.error.HTTPError:
            time.sleep(0.2)
    msg = f"{url} is not answered half a minute after the start"
    raise BenchError(msg)


def _fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 ours
        body: bytes = answer.read()
    return body
