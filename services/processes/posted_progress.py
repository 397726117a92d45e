"""What is counted of posted workspaces, of each generation and of all: heartbeats and metrics."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from dqmstream.booking.columns import Columns
from dqmstream.configuration.workspaces_by_run import Generation
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.operations import OpenLumisection
from dqmstream.transport.log import TopicPartition
from services.filler.progress import FillerProgress

__all__ = ["GroupProgress", "PostedProgress", "TimedFiller"]

_COUNTED: Final = ("records", "events", "published", "failures")


@dataclass(slots=True)
class GroupProgress(FillerProgress):
    """What the group of a generation counts; `fill_seconds` is processor time by workspace."""

    fill_seconds: dict[str, float] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Its group holds nothing: it has failed, and starts where its checkpoints are. What it
        counted stays: only that of another process may be less."""
        self.note_folds(())


class TimedFiller:
    """Fills a workspace, and counts the processor time that takes."""

    def __init__(self, filler: WorkspaceFiller, counts: GroupProgress) -> None:
        self._filler, self._counts = filler, counts
        self._lock = Lock()  # partitions are folded side by side, in threads

    def __reduce__(self) -> Any:
        """Canaries fill too, in processes whose time nobody asks for."""
        return self._filler.__reduce__()

    @property
    def layout(self) -> Layout:
        """Of what it fills."""
        return self._filler.layout

    def fill(self, contents: Contents, columns: Columns, *, source: str, number: int) -> None:
        """As `WorkspaceFiller.fill`."""
        before = time.thread_time()
        try:
            self._filler.fill(contents, columns, source=source, number=number)
        finally:
            spent, name = time.thread_time() - before, self.layout.workspace
            with self._lock:
                seconds = self._counts.fill_seconds
                seconds[name] = seconds.get(name, 0.0) + spent


@dataclass(slots=True)
class PostedProgress:
    """What the groups of this process count, of all generations together, since its start."""

    generation: int = 0
    workspaces: int = 0
    groups: int = 0
    refused: int = 0
    restarts: int = 0
    records: int = 0
    events: int = 0
    published: int = 0
    failures: int = 0
    buffers: dict[str, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    open: tuple[OpenLumisection, ...] = ()
    run: int | None = None
    lumisection: int | None = None
    by_generation: Mapping[int, GroupProgress] = field(default_factory=dict)
    ended: GroupProgress = field(default_factory=GroupProgress)
    """What those counted that have ended: what is counted of all never falls."""

    def end(self, group: GroupProgress) -> None:
        """The group of a generation has ended: what it counted stays counted."""
        for name in _COUNTED:
            setattr(self.ended, name, getattr(self.ended, name) + getattr(group, name))

    def gather(self, newest: Generation | None, of: Mapping[int, GroupProgress]) -> None:
        """Take over what the groups count, by the number of their generation."""
        self.by_generation = dict(of)
        groups = [of[number] for number in sorted(of)]
        self.generation = newest.number if newest else 0
        self.workspaces = len(newest.texts) if newest else 0
        self.groups = len(groups)
        self.buffers, self.positions, self.open = {}, {}, ()
        self.run = self.lumisection = None
        for name in _COUNTED:
            setattr(self, name, sum(getattr(group, name) for group in (self.ended, *groups)))
        for group in groups:
            for workspace, count in group.buffers.items():
                self.buffers[workspace] = self.buffers.get(workspace, 0) + count
            self.positions, self.open = dict(group.positions), group.open
            self.run, self.lumisection = group.run, group.lumisection
