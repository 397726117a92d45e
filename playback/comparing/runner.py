"""One side in a process of its own: `python -m playback.comparing.runner REQUEST`.

REQUEST is a JSON file (`Request`). What is said of the release (code, workspaces, quality tests) is
that of the process which runs this: it is started with the release's own files in front of all
others. It ends when its standard input does, so that nothing is left over when whoever started it
was killed.
"""

import argparse
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import EventDict

from dqmstream import __version__
from dqmstream.errors import DqmError, SourceError
from dqmstream.kernels.warm import warm
from dqmstream.sources.source import EventSource
from dqmstream.workspaces.fitting import columns_of
from playback.comparing.choice import Choice, Running, choose
from playback.comparing.costs import (
    MEASURED_LUMISECTIONS,
    Seconds,
    costs_of,
    highest_memory,
    memory_of,
)
from playback.comparing.playing import Playing
from playback.comparing.recorded import first_lumisections
from playback.comparing.results import (
    Begun,
    Costs,
    Crash,
    Ended,
    LogLine,
    ResultFolder,
    ResultWriter,
)
from playback.recordings import Recording

__all__ = ["REFUSED", "Lines", "Request", "main", "run"]

REFUSED: Final = 2
"""Exit status: what was asked for is wrong, and said in a sentence."""
_GONE: Final = 70
_KINDS: Final = 200
_VALUES: Final = "playback_values"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and where the result goes."""

    release: str
    hash: str
    recording: str
    run: int
    result: str
    choice: Choice = Choice()
    repeats: int = 1
    memory: bool = True
    kernels: str = ""
    """Folder of compiled kernels; empty leaves it to Numba."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one side; status 0 when its result is whole, 1 if it crashed, 2 if it cannot be run."""
    parser = argparse.ArgumentParser(
        prog="python -m playback.comparing.runner",
        description="One side of `dqmstream playback compare`, which starts this.",
    )
    parser.add_argument("request", type=Path, help="JSON file that says what to run")
    request = msgspec.json.decode(parser.parse_args(arguments).request.read_bytes(), type=Request)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    try:
        return run(request)
    except DqmError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED


def run(request: Request) -> int:
    """Make the result that is asked for.

    Raises
    ------
    DqmError
        If recording, workspaces or quality tests cannot be used.
    """
    lines = Lines()
    lines.listen()
    recording = Recording(Path(request.recording))
    sources = _sources(recording, request.run)
    columns = frozenset[str]().union(*map(columns_of, sources))
    running = choose(request.choice, columns)
    writer = ResultWriter(Path(request.result))
    writer.begin(
        Begun(
            release=request.release,
            version=__version__,
            hash=request.hash,
            recording=recording.contents,
            run=request.run,
            run_type=sources[0].run_type,
        ),
        [layout.booking for layout in running.layouts],
        running.declared,
    )
    warm(Path(request.kernels) if request.kernels else None)
    playing = Playing(
        sources,
        running,
        writer,
        chunk_events=request.choice.chunk_events,
        conditions={c.lumisection: c for c in recording.conditions() if c.run == request.run},
    )
    began, spent = time.monotonic(), time.process_time()  # without compiling kernels
    try:
        playing.play()
    except Exception as error:
        # What a release does wrong is a result too: it is told with the LS it was in.
        _end(writer, playing, lines, crash=_crash(writer.folder, error))
        return 1
    costs = Costs(
        cpu=time.process_time() - spent, wall=time.monotonic() - began, memory=highest_memory()
    )
    measured = _measured(request, sources, running, playing.seconds, costs)
    _end(writer, playing, lines, costs=measured, notes=running.notes)
    return 0


def _sources(recording: Recording, run: int) -> Sequence[EventSource]:
    for sources in recording.runs:
        if sources and sources[0].run == run:
            return sources
    there = ", ".join(str(sources[0].run) for sources in recording.runs if sources)
    raise SourceError("no_such_run", f"{recording.folder}: run {run}: it has {there or 'none'}")


def _measured(
    request: Request,
    sources: Sequence[EventSource],
    running: Running,
    first: Seconds,
    total: Costs,
) -> Costs:
    """Time again as often as asked for, and memory by passes of its own."""
    passes = [first]
    for _ in range(request.repeats - 1):
        again = Playing(sources, running, None, chunk_events=request.choice.chunk_events)
        again.play()
        passes.append(again.seconds)
    memory = {}
    if request.memory:
        few = first_lumisections(sources, MEASURED_LUMISECTIONS, request.choice.chunk_events)
        memory = {layout.workspace: memory_of(layout, few) for layout in running.layouts}
    return costs_of(passes, memory, running.layouts, total)


def _end(
    writer: ResultWriter,
    playing: Playing,
    lines: "Lines",
    *,
    costs: Costs | None = None,
    crash: Crash | None = None,
    notes: tuple[str, ...] = (),
) -> None:
    writer.end(
        Ended(
            alarms=tuple(playing.alarms),
            costs=costs,
            logged=lines.counted(),
            crash=crash,
            notes=notes,
        )
    )


def _crash(folder: Path, error: Exception) -> Crash:
    at = ResultFolder(folder).at
    return Crash(
        lumisection=0 if at is None else at.lumisection,
        doing="starting" if at is None else at.doing,
        why=f"{type(error).__name__}: {error}"[:500],
        said="".join(traceback.format_exception(error))[-4000:],
    )


class Lines(logging.Handler):
    """Counts what is logged from warnings on, by logger and what is said but for its values."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._found: dict[tuple[str, str, str], tuple[int, str]] = {}

    def listen(self) -> None:
        """Hear all loggers, structlog's and Python's warnings too."""
        root = logging.getLogger()
        root.addHandler(self)
        logging.captureWarnings(True)
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, _apart],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.levelname.lower(), record.name, str(record.msg)[:200])
        if key not in self._found and len(self._found) >= _KINDS:
            key = ("error", "playback", "further kinds of lines")
        values = getattr(record, _VALUES, {})
        said = " ".join([record.getMessage(), *(f"{name}={one!r}" for name, one in values.items())])
        count, first = self._found.get(key, (0, said[:500]))
        self._found[key] = (count + 1, first)

    def counted(self) -> tuple[LogLine, ...]:
        """What was heard, by level, logger and text."""
        return tuple(
            LogLine(level=level, logger=logger, text=text, count=count, first=first)
            for (level, logger, text), (count, first) in sorted(self._found.items())
        )


def _apart(_logger: object, _method: str, event: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """A line of structlog as one of logging, its values beside what it says."""
    said = str(event.pop("event", ""))
    return (said,), {"exc_info": event.pop("exc_info", None), "extra": {_VALUES: event}}


def _end_with_starter() -> None:
    # Not by `sys.stdin`, whose lock this thread would hold when the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(_GONE)


if __name__ == "__main__":
    sys.exit(main())
