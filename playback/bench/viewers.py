"""`dqmstream bench viewers`: many streams of one gateway on one core, some of which do not read.

The program runs as a user starts it, with a live run, on one processor; the clients are processes
of their own on another one. Each watches 20 plots over the run, which change once a second, and the
pulse: that says when the gateway looked, and the time from there to each plot on the socket is its
delivery. A part of the clients stops reading, another reads for 20 ms a second.

It checks its own answer: no client may be sent away that reads, no change may come that does not
fit the state it is for, and when the run is over clients of every kind, resumed, must have what
the gateway answers over HTTP, cell by cell.
"""

import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np

from playback.bench.crowd import Crowd
from playback.bench.deployment import cpu_seconds
from playback.bench.live import live
from playback.bench.program import BenchError, Program
from playback.bench.row import Row
from playback.bench.workspace import BOOKING_50
from playback.bench.wrk import pin

__all__ = ["measure"]

_WORKSPACE: Final = "playback.bench.workspace:BOOKING_50"
_PLOTS: Final = 20
_CLIENTS: Final = 1_000
_PROCESSES: Final = 2
_SETTLING: Final = 60.0


def measure(*, clients: int = _CLIENTS, seconds: int = 30, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    clients
        Streams; one in twenty stalls, and one in twenty is slow.
    seconds
        How long is measured, once all have joined.
    quick
        A tenth of the clients for a third of the time, for trying.
    """
    if quick:
        clients, seconds = max(20, clients // 10), max(5, seconds // 3)
    cores = sorted(os.sched_getaffinity(0))
    server, others = (cores[1], cores[0]) if len(cores) > 1 else (None, None)
    paths = [one.path for one in BOOKING_50.elements if hasattr(one, "axes")][:_PLOTS]
    more = {"streams": str(clients + 10), "requests_per_second": "0"}
    joining = 15 + clients // 20
    with live(_WORKSPACE, seconds + joining, **more) as program:
        pin(program.process.pid, server)
        _has_begun(program, paths[0])
        alone = _cpu(program, 5.0)
        memory = program.memory()
        with _crowds(program, clients, paths, others) as crowds:
            return _measured(program, crowds, paths, seconds=seconds, before=(alone, memory))


class _Process:
    """A crowd, and how it is asked."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "playback.bench.crowd", msgspec.json.encode(crowd).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def answer(self) -> Any:
        """The next line that it says; BenchError if it has died."""
        assert self.process.stdout is not None  # noqa: S101 it is a pipe
        line = self.process.stdout.readline()
        if not line:
            msg = f"{self.crowd.clients} clients died: status {self.process.wait()}"
            raise BenchError(msg)
        return msgspec.json.decode(line)

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None  # noqa: S101 it is a pipe
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()


@contextmanager
def _crowds(
    program: Program, clients: int, paths: list[str], core: int | None
) -> Iterator[list[_Process]]:
    address = urllib.parse.urlsplit(program.address)
    share = clients // _PROCESSES
    crowds = [
        _Process(
            Crowd(
                host=str(address.hostname),
                port=int(address.port or 80),
                paths=paths,
                clients=share,
                stalled=share // 20,
                slow=share // 20,
            )
        )
        for _ in range(_PROCESSES)
    ]
    try:
        for one in crowds:
            pin(one.process.pid, core)
        joined = sum(one.answer()["connected"] for one in crowds)
        if joined != share * _PROCESSES:
            msg = f"{joined} of {share * _PROCESSES} clients were let in"
            raise BenchError(msg)
        yield crowds
    finally:
        for one in crowds:
            one.process.kill()
            one.process.communicate()


def _measured(
    program: Program,
    crowds: Sequence[_Process],
    paths: Sequence[str],
    *,
    seconds: int,
    before: tuple[float, int],
) -> list[Row]:
    clients = sum(one.crowd.clients for one in crowds)
    _all(crowds, "begin")
    began = time.monotonic()
    used = _cpu(program, float(seconds))
    memory = program.memory()
    reports = _all(crowds, "report")
    took = time.monotonic() - began
    _all(crowds, "resume")
    _check(program, crowds, paths, reports)
    delays = np.concatenate([np.array(one["delays"], dtype=np.float64) for one in reports]) / 1e6
    plots = sum(one["plots"] for one in reports)
    if not delays.size:
        msg = f"no plot changed in {seconds} s"
        raise BenchError(msg)
    sent = sum(one["bytes"] for one in reports) / plots
    whole = float(np.mean([_snapshot_bytes(program, path) for path in paths]))
    rate = plots / took / clients / len(paths)
    alone, resident = before
    p50, p99 = np.percentile(delays, [50, 99])
    named = f"{clients} streams of {len(paths)} plots"

    def less(name: str, value: float, unit: str, goal: float | None = None) -> Row:
        return Row(name=name, value=value, unit=unit, goal=goal, higher_is_better=False)

    return [
        Row(name=f"{named}: changes of a plot in each", value=rate, unit="1/s"),
        less("delivery of a plot, p50", p50, "ms"),
        less("delivery of a plot, p99", p99, "ms", goal=1_000.0),
        less("CPU without streams, all services", 100 * alone, "% of a core"),
        less(f"CPU with {named}", 100 * used, "% of a core", goal=100.0),
        less("memory for each stream", (memory - resident) / clients / 1024, "KiB"),
        less("messages for each plot", sum(one["messages"] for one in reports) / plots, ""),
        less("on the wire for each change of a plot", sent, "bytes"),
        less("the same plot whole, as JSON", whole, "bytes"),
        Row(name="the whole plot is larger by", value=whole / sent, unit="times"),
    ]


def _check(
    program: Program, crowds: Sequence[_Process], paths: Sequence[str], reports: Sequence[Any]
) -> None:
    """BenchError if a client lost something, or has not in the end what the gateway has."""
    gaps = sum(one["gaps"] for one in reports)
    closed = sum(one["closed"] for one in reports)
    allowed = sum(one.crowd.stalled + one.crowd.slow for one in crowds)
    if gaps or closed > allowed:
        msg = f"{gaps} changes of other states; {closed} clients sent away, {allowed} do not read"
        raise BenchError(msg)
    deadline = time.monotonic() + _SETTLING
    while True:
        wrong = list(_wrong(program, crowds, paths))
        if not wrong:
            return
        if time.monotonic() > deadline:
            msg = f"{len(wrong)} plots are not what the gateway has, the first {wrong[0]}"
            raise BenchError(msg)
        time.sleep(1.0)


def _wrong(program: Program, crowds: Sequence[_Process], paths: Sequence[str]) -> Iterator[str]:
    """Plots of clients that differ from the contents over HTTP: none, once the run is over."""
    expected = {path: _contents(program, path)["arrays"] for path in paths}
    read = 0
    for states in _all(crowds, "states"):
        for held in filter(None, states):
            read += 1
            for path in paths:
                if held[f"plot/current/run/{path}"] != expected[path]:
                    yield path
    if not read:
        yield "none: no client that keeps states is left"


def _all(crowds: Sequence[_Process], word: str) -> list[Any]:
    for one in crowds:
        one.tell(word)
    return [one.answer() for one in crowds]


def _contents(program: Program, path: str) -> dict[str, Any]:
    query = urllib.parse.urlencode({"path": path, "window": "run"})
    url = f"{program.address}/api/v1/runs/current/contents?{query}"
    try:
        with urllib.request.urlopen(url, timeout=_SETTLING) as answer:  # noqa: S310 our own gateway
            found: dict[str, Any] = msgspec.json.decode(answer.read())["contents"][0]
    except TimeoutError as error:
        msg = f"{path}: no answer over HTTP in {_SETTLING:.0f} s: the processor has no room for it"
        raise BenchError(msg) from error
    return found


def _snapshot_bytes(program: Program, path: str) -> int:
    """Bytes of a plot whole, as the stream would send it: header and cells."""
    return len(msgspec.json.encode(_contents(program, path)))


def _has_begun(program: Program, path: str) -> None:
    """Until a plot has entries."""
    deadline = time.monotonic() + _SETTLING
    while time.monotonic() < deadline:
        try:
            if any(_contents(program, path)["arrays"]["values"]):
                return
        except (OSError, KeyError, TypeError):
            pass
        time.sleep(0.2)
    msg = f"nothing was filled in {_SETTLING:.0f} s"
    raise BenchError(msg)


def _cpu(program: Program, seconds: float) -> float:
    """Part of a processor that the program takes, over so many seconds from now on."""
    before, began = cpu_seconds(program.process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(program.process.pid) - before) / (time.monotonic() - began)
