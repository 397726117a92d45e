"""`dqmstream bench start`: how long help takes, and how long until a system is ready."""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from playback.bench.program import running
from playback.bench.row import Row

__all__ = ["measure"]

_TIMES: Final = 5


def measure() -> list[Row]:
    """Medians of several starts; one start before warms the caches, and is not counted."""
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        return [
            Row(
                name="dqmstream --help",
                value=_median(_help),
                unit="s",
                goal=0.5,
                higher_is_better=False,
            ),
            Row(
                name="dqmstream run, until /ready",
                value=_median(lambda: _ready(folder / "data")),
                unit="s",
                goal=4.0,
                higher_is_better=False,
            ),
        ]


def _median(action: Callable[[], None]) -> float:
    action()
    seconds = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _help() -> None:
    command = [sys.executable, "-m", "services.cli", "--help"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 our own program


def _ready(data: Path) -> None:
    with (
        running(["run"], {"data": str(data), "port": "0", "log_level": "error"}) as program,
        urllib.request.urlopen(f"{program.address}/ready", timeout=10) as answer,  # noqa: S310 ours
    ):
        answer.read()
