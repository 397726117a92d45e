"""Programs that make a release ready and run it: git, pip and Pythons, with time limits. Blocks."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dqmstream.errors import ConfigurationError

__all__ = ["Finished", "finished", "last_words", "output", "pip", "variables"]

SECONDS: Final = 120
"""What a program may take that fetches nothing."""
_LEFT_OUT: Final = ("PYTHON", "DQMSTREAM_")
_ELSEWHERE: Final = frozenset({"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON"})
"""Settings of pip that would put it into another place."""
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*(?=@)")
Finished = subprocess.CompletedProcess[bytes]


def variables(path: Sequence[Path] = ()) -> dict[str, str]:
    """Environment variables of a release: its folders before all others, one core each, nothing
    written beside sources, and no setting of this process but its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
    }


def output(command: Sequence[str], what: str, *, seconds: float | None = None) -> bytes:
    """What a command prints.

    Raises
    ------
    ConfigurationError
        If it fails, with the last it said; `what` is in whose name.
    """
    done = finished(command, what, seconds=seconds)
    if done.returncode:
        msg = f"{what}: {last_words(done, 1)}"
        raise ConfigurationError(msg)
    return done.stdout


def finished(
    command: Sequence[str],
    what: str,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float | None = None,
) -> Finished:
    """A command that has ended, well or not.

    Raises
    ------
    ConfigurationError
        If it cannot be started, or does not end in time.
    """
    most = SECONDS if seconds is None else seconds
    try:
        return subprocess.run(  # noqa: S603 git, pip and Pythons, arguments of ours
            command,
            env=environment,
            cwd=folder,
            capture_output=True,
            timeout=most,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{what}: {Path(command[0]).name} did not end within {most:g} s"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"{what}: {command[0]} cannot be started: {error.strerror}"
        raise ConfigurationError(msg) from error


def pip(arguments: Sequence[str], name: str, *, use: str, seconds: float | None = None) -> Finished:
    """pip of this Python that has ended; `use` is what for. None of its settings puts what it
    installs into another place.

    Raises
    ------
    ConfigurationError
        If there is none, or it does not end in time.
    """
    if importlib.util.find_spec("pip") is None:
        msg = f"{name}: {sys.executable} has no pip to {use} with"
        raise ConfigurationError(msg)
    command = [sys.executable, "-P", "-m", "pip", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", *arguments]
    kept = {key: value for key, value in variables().items() if key not in _ELSEWHERE}
    return finished(command, name, environment=kept, seconds=seconds)


def last_words(done: Finished, lines: int) -> str:
    """The last lines that a command has said, without credentials of addresses."""
    said = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace")
    last = [line.strip()[:300] for line in said.splitlines() if line.strip()][-lines:]
    if not last:
        return f"ended with status {done.returncode}"
    return _CREDENTIALS.sub("***", "\n  ".join(last))
