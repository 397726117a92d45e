"""The program as a user starts it, with a live run whose plots change once a second."""

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playback.bench.events import BenchLumisection
from playback.bench.program import Program, running
from playback.recordings import record_lumisections

__all__ = ["live"]

_RATE: Final = 200.0
_LUMISECTION_SECONDS: Final = 5


@contextmanager
def live(workspace: str, seconds: float, **more: str) -> Iterator[Program]:
    """The program, serving, with a run of at least so many seconds.

    Parameters
    ----------
    workspace
        What is filled, as the setting names it.
    more
        Other settings.
    """
    length = math.ceil(seconds / _LUMISECTION_SECONDS)
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        recording = folder / "recording"
        events = int(_RATE * _LUMISECTION_SECONDS)
        record_lumisections([BenchLumisection("500B", 1, events, 100, _RATE)], recording)
        settings: Mapping[str, str] = {
            "data": str(folder / "data"),
            "port": "0",
            "workspaces": workspace,
            "log_level": "error",
            "update_interval": "1",
            "publish_interval": "1",
            **more,
        }
        arguments = ["replay", str(recording), "--speed", "1", "--lumisections", str(length)]
        with running(arguments, settings) as program:
            yield program
