"""How far the other sources of a run are: sources played together stay close to each other.

Without it a fast source would make fillers close LSs that a slow one has not come to. All sources
note in `dqm.checkpoints` where they stand, so it does not matter in which process they run.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from dqmstream.messages.checkpoints import SourceCheckpoint

__all__ = ["Peers"]


@dataclass(slots=True)
class _Standing:
    lumisection: int
    ended: bool
    heard: float


class Peers:
    """The other sources of a run, as their checkpoints say.

    Parameters
    ----------
    run
        Checkpoints of other runs are passed over.
    names
        Whom to wait for.
    patience
        Seconds without a word after which a source is not waited for, until it speaks again.
    now
        Monotonic seconds; nobody has spoken yet.
    """

    def __init__(self, run: int, names: Iterable[str], patience: float, now: float) -> None:
        self._run = run
        self._patience = patience
        self._standings = {name: _Standing(0, ended=False, heard=now) for name in names}
        self._logger = structlog.get_logger().bind(run=run)
        self._given_up: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._standings)

    def note(self, checkpoint: SourceCheckpoint, now: float) -> None:
        """A checkpoint was read at `now`."""
        if checkpoint.run == self._run and checkpoint.source in self._standings:
            self._standings[checkpoint.source] = _Standing(
                checkpoint.lumisection, checkpoint.ended, now
            )
            self._given_up.discard(checkpoint.source)

    def slowest(self, now: float) -> int | None:
        """Last LS that all who are waited for have behind them; None if nobody is."""
        waited = []
        for name, standing in self._standings.items():
            if standing.ended:
                continue
            if now - standing.heard <= self._patience:
                waited.append(standing.lumisection)
            elif name not in self._given_up:
                self._given_up.add(name)
                self._logger.warning("source is silent, not waited for", silent=name)
        return min(waited, default=None)
