"""The program under test, as a process of its own: what a user starts is what is measured."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.errors import DqmError

__all__ = ["BenchError", "Program", "command", "environment", "finished", "running"]

_STOP_SECONDS: Final = 30.0


class BenchError(DqmError):
    """The program under test failed, or its answer is wrong: nothing it measured counts."""


@dataclass(frozen=True, slots=True)
class Program:
    """The program, serving: the address of its page, and what it prints."""

    address: str
    process: "subprocess.Popen[str]"

    def lines(self) -> Iterator[str]:
        """Lines it prints from here on, until it ends."""
        assert self.process.stdout is not None  # noqa: S101 it is a pipe
        # Not `yield from`: leaving this generator early would close the pipe under the program.
        for line in self.process.stdout:  # noqa: UP028
            yield line

    def memory(self) -> int:
        """Resident bytes now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def command(arguments: Sequence[str], python: Path | None = None) -> list[str]:
    """The program with arguments, as a process can be started with; of another release, if a
    Python is named in which that is installed."""
    which = [sys.executable] if python is None else [str(python), "-P"]
    return [*which, "-m", "services.cli", *arguments]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This environment with these settings, and no others, in it."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DQMSTREAM_")}
    return plain | {f"DQMSTREAM_{name.upper()}": value for name, value in settings.items()}


def finished(
    arguments: Sequence[str],
    settings: Mapping[str, str],
    *,
    timeout: float,
    python: Path | None = None,
) -> Any:
    """Run the program, or that of another release, to its end; its JSON document."""
    result = subprocess.run(  # noqa: S603 our own program
        command(arguments, python),
        env=environment(settings),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    if result.returncode != 0:
        tail = result.stderr.decode("utf-8", "replace")[-2000:]
        msg = f"{' '.join(arguments)}: status {result.returncode}: {tail}"
        raise BenchError(msg)
    return msgspec.json.decode(result.stdout)


@contextmanager
def running(arguments: Sequence[str], settings: Mapping[str, str]) -> Iterator[Program]:
    """The program, serving. Stopped at the end of the block."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603 our own program
            command(arguments),
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None  # noqa: S101 it is a pipe
            line = process.stdout.readline()
            if not line.startswith("page: "):
                errors.seek(0)
                msg = f"{' '.join(arguments)} did not start: {errors.read()[-2000:]!r}"
                raise BenchError(msg)
            yield Program(line.removeprefix("page: ").strip(), process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
