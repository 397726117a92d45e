"""What filling costs: seconds of each workspace, and memory by an own pass over a few LSs.

Seconds are of the CPU where a machine may be shared, and of the clock beside them, for what only
waits. Memory is measured apart, by `tracemalloc`, which makes everything slower: what a workspace
takes for its filler, the most while it fills, and what it keeps of each LS when the LS is gone.
"""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dqmstream.analyses.gathering import Gathered, columns_read, sample_of
from dqmstream.analyses.registry import load_analysis
from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.events import Chunk
from playback.comparing.results import Costs, WorkspaceCosts

__all__ = ["Decoded", "Memory", "Seconds", "highest_memory", "memory_of"]

MEASURED_LUMISECTIONS: Final = 6
"""Of which memory is measured; what the first ones keep may be caches that fill."""
_WARMING: Final = 2

Decoded = Sequence[tuple[Chunk, Columns]]
"""Chunks of an LS."""


@dataclass(slots=True)
class _Spent:
    cpu: float = 0.0
    wall: float = 0.0


@dataclass(slots=True)
class Seconds:
    """Seconds of one pass over a recording."""

    events: int = 0
    filling: dict[str, _Spent] = field(default_factory=dict)
    judging: dict[str, float] = field(default_factory=dict)
    decoding: float = 0.0
    _lumisections: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _all: list[float] = field(default_factory=list)

    @contextmanager
    def fills(self, workspace: str) -> Iterator[None]:
        """Filling a workspace."""
        spent = self.filling.setdefault(workspace, _Spent())
        cpu, wall = time.thread_time(), time.perf_counter()
        try:
            yield
        finally:
            spent.cpu += time.thread_time() - cpu
            spent.wall += time.perf_counter() - wall

    @contextmanager
    def judges(self, workspace: str) -> Iterator[None]:
        """Judging a workspace."""
        cpu = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - cpu
            self.judging[workspace] = self.judging.get(workspace, 0.0) + spent

    @contextmanager
    def decodes(self) -> Iterator[None]:
        """Reading and decoding chunks."""
        cpu = time.thread_time()
        try:
            yield
        finally:
            self.decoding += time.thread_time() - cpu

    def end_lumisection(self, events: int) -> None:
        """An LS is over: what was spent on it, for each of its events."""
        self.events += events
        if events:
            for workspace, spent in self.filling.items():
                own = self._lumisections.setdefault(workspace, [])
                own.append((spent.cpu / events, spent.wall / events))
            self._all.append(sum(spent.cpu for spent in self.filling.values()) / events)
        self.filling = {workspace: _Spent() for workspace in self.filling}

    def per_event(self, workspace: str) -> tuple[float, float]:
        """CPU and wall-clock seconds per event: each the median over LSs, which one LS in which
        the machine did something else does not move."""
        found = self._lumisections.get(workspace, [(0.0, 0.0)])
        return statistics.median(c for c, _ in found), statistics.median(w for _, w in found)

    @property
    def all_per_event(self) -> float:
        """CPU seconds per event of all workspaces, the median over LSs."""
        return statistics.median(self._all) if self._all else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes of one workspace, as in `WorkspaceCosts`."""

    made: int
    working: int
    kept: int


def costs_of(
    passes: Sequence[Seconds], memory: dict[str, Memory], layouts: Sequence[Layout], total: Costs
) -> Costs:
    """All that was measured, together."""
    first = passes[0]
    lumisections = max(len(first._all), 1)
    workspaces = []
    for layout in layouts:
        name = layout.workspace
        of_passes = [one.per_event(name) for one in passes]
        own = memory.get(name, Memory(made=0, working=0, kept=0))
        workspaces.append(
            WorkspaceCosts(
                workspace=name,
                cpu=tuple(cpu for cpu, _ in of_passes),
                wall=tuple(wall for _, wall in of_passes),
                judging=first.judging.get(name, 0.0) / lumisections,
                booked=layout.cells * 8,
                made=own.made,
                working=own.working,
                kept=own.kept,
            )
        )
    return Costs(
        cpu=total.cpu,
        wall=total.wall,
        memory=total.memory,
        events=first.events,
        cpu_per_event=tuple(one.all_per_event for one in passes),
        decoding=first.decoding / max(first.events, 1),
        workspaces=tuple(workspaces),
    )


def memory_of(layout: Layout, lumisections: Sequence[Decoded]) -> Memory:
    """What one workspace takes, filled with some LSs again and again until it was `_WARMING` LSs
    and `MEASURED_LUMISECTIONS` more.

    What it keeps of an LS is the median over these: a cache that grows once does not count.
    """
    gc.collect()
    gc.freeze()  # what was there before need not be looked at with every collection
    tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        fill = _analysed(layout) if layout.booking.analysis else _filled(layout)
        gc.collect()
        made = tracemalloc.get_traced_memory()[0] - before
        kept, working = list[int](), 0
        for number in range(_WARMING + MEASURED_LUMISECTIONS if lumisections else 0):
            start = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            fill(lumisections[number % len(lumisections)])
            peak = tracemalloc.get_traced_memory()[1]
            gc.collect()
            working = max(working, peak - start)
            kept.append(tracemalloc.get_traced_memory()[0] - start)
        del fill
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    late = kept[_WARMING:]
    return Memory(
        made=max(made, 0), working=working, kept=round(statistics.median(late)) if late else 0
    )


class _filled:
    """Fills an LS, and lets go of it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._filler = WorkspaceFiller(layout)

    def __call__(self, chunks: Decoded) -> None:
        contents = Contents.empty(self._layout)
        for chunk, columns in chunks:
            self._filler.fill(contents, columns, source=chunk.source, number=chunk.number)


class _analysed:
    """Analyses an LS, and keeps nothing but the state it is to keep."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._analysis = load_analysis(layout)
        self._state = self._analysis.begin(1)
        self._lumisection = 0

    def __call__(self, chunks: Decoded) -> None:
        gathered = Gathered(columns_read(self._layout.booking))
        for chunk, columns in chunks:
            gathered.add(chunk, columns)
        self._lumisection += 1
        sample, problem = sample_of(1, self._lumisection, [gathered])
        if not problem:
            self._state = self._analysis.close(self._state, [sample]).state


def highest_memory() -> int:
    """The most that this process has ever held, in bytes.

    Of the kernel's account of this process alone: `ru_maxrss` begins with that of the parent.
    """
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return next(
            int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("VmHWM:")
        )
    except (OSError, StopIteration, ValueError):
        return 0
