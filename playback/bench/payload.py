"""`dqmstream bench payload`: what does it cost to look inside the events of streamer files?

Of each file: reading its bytes, expanding its payloads, taking all products that have columns out
of them, and making the columns; then each product alone. Times are CPU seconds of one core, medians
of rounds in each of which everything is done, so that ratios compare what ran side by side.
Answers are checked: figures of an independent reader for files that have some, what was made up
for made-up ones, and for all that a product alone is what it is among the others.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.madeup.plan import Plan
from dqmstream.sources.cms.madeup.stream import STREAMS, MadeUpRun
from dqmstream.sources.cms.messages import EventMessage
from dqmstream.sources.cms.payload import compression_of, expand
from dqmstream.sources.cms.products import ProductPlan, products_of
from dqmstream.sources.cms.settings import ReadSettings
from playback.bench.payload_figures import FIGURES, figure
from playback.bench.row import Row

__all__ = ["measure"]

_T = TypeVar("_T")

_ROUNDS: Final = 15
_QUICK_ROUNDS: Final = 3
_CALLS: Final = 3
"""In a row: the first of them finds caches full of what came before."""
_EVENTS: Final = {"beamspot": 500, "scouting": 35}
"""Of made-up files: about as many as a real lumisection has."""
_FAST: Final = 100_000
"""Events a second that a stream of tracks and vertices must reach."""
_TRACKS: Final = "vector<reco::Track>"


class _File(NamedTuple):
    """A file in memory: what its timings need, and objects by branch if it was made up."""

    name: str
    path: Path
    run: int
    lumisection: int
    messages: list[EventMessage]
    payloads: list[bytes]
    crossings: NDArray[np.int32]
    branches: tuple[Branch, ...]
    made: Mapping[int, Sequence[int]] | None

    @property
    def megabytes(self) -> float:
        return sum(map(len, self.payloads)) / 1e6


class _Task(NamedTuple):
    """Columns to be made, by a decoder that was made once, as a source does."""

    plan: ProductPlan
    decoder: PayloadDecoder

    def build(self, file: _File, decoded: Decoded) -> pa.RecordBatch:
        events = len(file.payloads)
        arrays = self.plan.build(decoded, bunch_crossing=file.crossings, events=events)
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(self.plan.fields))


def measure(
    *,
    files: Sequence[Path] = (),
    quick: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> list[Row]:
    """All rows, of the files; without any of the public ones, and where they are not, made-up ones.

    Parameters
    ----------
    files
        Streamer files, `.dat`.
    quick
        Repeat less.
    environment
        DQMSTREAM_TEST_DATA names the folder of public data; without it `shared/data` beside the
        checkout.

    Raises
    ------
    ConfigurationError
        If a file has no events whose products can be read.
    """
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    data = environment.get("DQMSTREAM_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data"
    paths = files or sorted((Path(data) / "cms-streamer").glob("*.dat"))
    if paths:
        return [row for path in paths for row in _rows(_read(path), rounds)]
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as folder:
        return [row for file in _made_up(Path(folder)) for row in _rows(file, rounds)]


def _made_up(folder: Path) -> Iterator[_File]:
    for stream, (name, branches, written) in STREAMS.items():
        run = MadeUpRun(Plan(events=_EVENTS[stream]), branches, written=written)
        file = _read(run.write(folder, 1, name).existing_dat())
        products = [run.products(1, number) for number in range(run.plan.events)]
        made = {
            index: [len(one[index][1]) for one in products]
            for index, branch in enumerate(branches)
            if branch.class_name.startswith("vector<")
        }
        yield file._replace(name=f"made-up {stream}", made=made)


def _read(path: Path) -> _File:
    file = StreamerFile(path, ReadSettings(columns=("event",)))
    found = [
        (event.message, event.payload, event.auxiliary.bunch_crossing)
        for event in file.events()
        if event.payload is not None and event.auxiliary is not None
    ]
    try:
        branches = read_branches(file.init.payload if file.init else b"")
    except SourceError as error:
        msg = f"{path}: which products its events have cannot be read: {error}"
        raise ConfigurationError(msg) from error
    if not found:
        msg = f"{path}: no events, expected a streamer file of some; {file.report.sentences()}"
        raise ConfigurationError(msg)
    messages, payloads, crossings = zip(*found, strict=True)
    run, lumisection = messages[0].run, messages[0].lumisection
    return _File(
        name=f"run {run} LS {lumisection}",
        path=path,
        run=run,
        lumisection=lumisection,
        messages=list(messages),
        payloads=list(payloads),
        crossings=np.array(crossings, np.int32),
        branches=branches,
        made=None,
    )


def _task(file: _File, branch: int | None = None) -> _Task:
    """Everything, or all columns of one branch."""
    found = products_of(file.branches)
    columns = [
        column
        for offer in found.offers
        if branch in {None, offer.branch}
        for column in offer.columns
    ]
    plan = found.plan(columns)
    return _Task(plan, PayloadDecoder(file.branches, plan.wanted))


def _rows(file: _File, rounds: int) -> Iterator[Row]:
    events, megabytes = len(file.payloads), file.megabytes
    first = file.messages[0]
    kind = compression_of(first.payload, first.original_size)
    whole = _task(file)
    yield Row(name=f"{file.name}: events", value=events, unit="")
    yield Row(name=f"{file.name}: expanded payload", value=1e3 * megabytes / events, unit="kB")
    yield _at_most(f"{file.name}: answers that differ", _wrong(file, whole), "", 0)
    # All is warm from here on: the answers were worked out by what is measured.
    seconds = _seconds(file, whole, rounds)
    reading, expanding, decoding, building = (seconds[:, part] for part in range(4))
    size = file.path.stat().st_size / 1e6
    yield Row(
        name=f"{file.name}: bare reading", value=size / float(np.median(reading)), unit="MB/s"
    )
    has_tracks = any(branch.class_name == _TRACKS for branch in file.branches)
    for name, each, goal in (
        (f"decompression alone ({kind})", expanding, None),
        ("decoding, all products", decoding, _FAST if has_tracks else None),
        ("decoding and columns", decoding + building, None),
    ):
        median = float(np.median(each))
        yield Row(name=f"{file.name}: {name}", value=events / median, unit="events/s", goal=goal)
        yield Row(name=f"{file.name}: {name}", value=megabytes / median, unit="MB/s")
    of_it = "time of decompression"
    yield _at_most(f"{file.name}: decoding", _median(decoding / expanding), of_it, 1)
    both = _median((decoding + building) / expanding)
    yield _at_most(f"{file.name}: decoding and columns", both, of_it, None)
    for index, branch in enumerate(file.branches):
        alone = _task(file, index)
        if alone.plan.fields:
            each = _seconds(file, alone, rounds, reads=False)
            name = f"{file.name}: only {branch.class_name} {branch.label} {branch.instance}".strip()
            for words, part in (("", each[:, 2]), (", columns too", each[:, 2] + each[:, 3])):
                yield _at_most(f"{name}{words}", 1e6 * _median(part) / events, "us/event", None)


def _seconds(file: _File, task: _Task, rounds: int, *, reads: bool = True) -> NDArray[np.float64]:
    """CPU seconds of reading, expanding, decoding and making columns: float64[rounds, 4]."""
    seconds = np.zeros((rounds, 4))
    for each in seconds:
        if reads:
            each[0], _ = _timed(file.path.read_bytes)
            each[1], _ = _timed(partial(_expand, file.messages))
        each[2], decoded = _timed(partial(task.decoder.decode, file.payloads))
        each[3], _ = _timed(partial(task.build, file, decoded))
    return seconds


def _expand(messages: Sequence[EventMessage]) -> None:
    limits = Limits()
    for one in messages:
        expand(one.payload, one.original_size, limits)


def _timed(function: Callable[[], _T]) -> tuple[float, _T]:
    """Median seconds of a few calls one after the other, and what the last one gave."""
    seconds = []
    for _ in range(_CALLS):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return sorted(seconds)[_CALLS // 2], result


def _wrong(file: _File, whole: _Task) -> int:
    """Answers that are not what they must be."""
    decoded = whole.decoder.decode(file.payloads)
    batch = whole.build(file, decoded)
    wrong = len(decoded.unknown) + len(decoded.broken)
    for name, expected, tolerance in FIGURES.get((file.run, file.lumisection), ()):
        wrong += not abs(figure(batch, name) - expected) <= tolerance
    for index, counts in (file.made or {}).items():
        wrong += decoded.products[index].counts.tolist() != counts
    for index in range(len(file.branches)):
        alone = _task(file, index)
        own = alone.build(file, alone.decoder.decode(file.payloads))
        wrong += sum(
            not own.column(field.name).equals(batch.column(field.name)) and not _is_nan(own, field)
            for field in own.schema
        )
    return wrong


def _is_nan(batch: pa.RecordBatch, field: "pa.Field[Any]") -> bool:
    """Whether a column of numbers has NaNs, which equal nothing."""
    return pa.types.is_floating(field.type) and bool(
        np.isnan(batch.column(field.name).to_numpy()).any()
    )


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values))


def _at_most(name: str, value: float, unit: str, goal: float | None) -> Row:
    return Row(name=name, value=value, unit=unit, goal=goal, higher_is_better=False)
