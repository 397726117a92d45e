"""Runs played again and again under rising numbers, each made when it is asked for."""

from collections.abc import Iterator, Sequence

from dqmstream.sources.source import EventSource
from playback.replaying.changed import ChangedRun
from playback.replaying.changes import Changes
from playback.replaying.steering import Steering

__all__ = ["LoopedRuns"]


class LoopedRuns:
    """The runs of a recording one after another, and from the first again.

    Parameters
    ----------
    runs
        Sources of each run.
    changes
        What is changed of all of them.
    first
        Number of the first run; the others count up from it. None: their own numbers, which is
        possible if each is played once.
    count
        How many runs; None: without end.
    steering
        Ends runs early.
    """

    def __init__(
        self,
        runs: Sequence[Sequence[EventSource]],
        changes: Changes,
        *,
        first: int | None,
        count: int | None,
        steering: Steering,
    ) -> None:
        self._runs = runs
        self._changes = changes
        self._count = count
        self._steering = steering
        self.first = first

    @property
    def names(self) -> list[str]:
        """Of all sources, as they are played."""
        played = [
            self._changes.renamed.get(source.name, source.name)
            for of_run in self._runs
            for source in of_run
        ]
        return list(dict.fromkeys(played))

    def disturbed(self) -> dict[str, ChangedRun]:
        """By name, the sources of all runs, if chunks of them are sent several times.

        Raises
        ------
        ConfigurationError
            If nothing is left of a run, as every LS is a hole.
        """
        every = {one.name: one for index in range(len(self._runs)) for one in self.made(index)}
        return every if self._changes.repeated else {}

    def made(self, index: int) -> list[ChangedRun]:
        """The n-th run to be played, from 0 on."""
        number = None if self.first is None else self.first + index
        return [
            ChangedRun(source, self._changes, run=number, steering=self._steering)
            for source in self._runs[index % len(self._runs)]
        ]

    def __iter__(self) -> Iterator[list[ChangedRun]]:
        index = 0
        while self._count is None or index < self._count:
            yield self.made(index)
            index += 1
