"""Which workspaces that were posted hold for which run: a fold over one topic in its order. Pure.

`dqm.configuration` has one partition, so its records have one order for all who read it. Each
version of a posted workspace begins a new *generation*: all posted workspaces as they stand from
then on. A filler that meets a run says so in the same topic (RunSeen) before it folds a record of
it. The generation of a run is the last one

- whose version stands before the first RunSeen of the run, and
- whose `after_run` is below the run: it had not begun when the version was written.

Neither can change later: what comes after the first RunSeen does not count. So all fillers, those
that were killed and those that come later, find the same, and no run has two.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dqmstream.configuration.history import History
from dqmstream.identity import content_hash
from dqmstream.messages.configuration import ConfigurationVersion, RunSeen

__all__ = ["KIND_PREFIX", "Generation", "WorkspacesByRun", "kind_of_workspace"]

KIND_PREFIX: Final = "workspaces/"
"""Before the name of a workspace: the kind of its versions."""


def kind_of_workspace(name: str) -> str:
    """The kind of configuration that the versions of a posted workspace are."""
    return KIND_PREFIX + name


class Generation(NamedTuple):
    """All posted workspaces as they stand after a version.

    Parameters
    ----------
    number
        From 1 on, in the order of the topic.
    version
        By which it came about.
    texts
        Name of a workspace to its TOML; empty if none is in force.
    """

    number: int
    version: ConfigurationVersion
    texts: Mapping[str, str]

    @property
    def after_run(self) -> int:
        """The highest run that had begun: it holds for later ones."""
        return self.version.after_run

    @property
    def starts(self) -> tuple[int, ...]:
        """Offset in each partition of `dqm.events` before which no later run has a record."""
        return self.version.starts

    @property
    def key(self) -> str:
        """Names it among all there ever are: 16 hex digits."""
        said = self.version
        return content_hash((said.kind, said.number, said.hash, said.when, said.after_run))


class WorkspacesByRun:
    """The topic as far as it was read."""

    def __init__(self) -> None:
        self._position = -1
        self._histories: dict[str, History] = {}
        self._generations: list[Generation] = []
        self._of_met: dict[int, Generation | None] = {}

    def take(self, offset: int, message: object) -> bool:
        """A record of the topic, in its order; whether it changes anything.

        What was read already, and what is of another kind, changes nothing.
        """
        if offset <= self._position:
            return False
        self._position = offset
        if isinstance(message, RunSeen):
            return self._see(message.run)
        if isinstance(message, ConfigurationVersion):
            return self._version(message)
        return False

    @property
    def histories(self) -> Mapping[str, History]:
        """By name of the workspace, also of those that are not in force any more."""
        return self._histories

    @property
    def generations(self) -> Sequence[Generation]:
        """All of them, the oldest first."""
        return self._generations

    @property
    def texts(self) -> Mapping[str, str]:
        """What holds for a run that nobody has met."""
        return self._generations[-1].texts if self._generations else {}

    def is_decided(self, run: int) -> bool:
        """Whether somebody has met a run: its generation cannot change any more."""
        return run in self._of_met

    def of(self, run: int) -> Generation | None:
        """The generation of a run; of one that is not decided, as it would be now."""
        if run in self._of_met:
            return self._of_met[run]
        return next((one for one in reversed(self._generations) if one.after_run < run), None)

    def runs(self, generation: Generation) -> Sequence[int]:
        """The runs that are decided to be of a generation, rising."""
        return sorted(run for run, one in self._of_met.items() if one == generation)

    def unfinished(self, most: int) -> Sequence[Generation]:
        """Generations that runs may be of, the newest ones, the oldest of them first.

        Of those that others followed these are the ones with decided runs, and those that a run
        may still turn out to be of which had begun when the next version was written.
        """
        with_runs = {one.number for one in self._of_met.values() if one is not None}
        found: list[Generation] = []
        lowest = None
        for one in reversed(self._generations):
            if lowest is None or one.number in with_runs or one.after_run < lowest:
                found.append(one)
            lowest = one.after_run if lowest is None else min(lowest, one.after_run)
        return found[:most][::-1]

    def _see(self, run: int) -> bool:
        if run in self._of_met:
            return False
        self._of_met[run] = self.of(run)
        return True

    def _version(self, version: ConfigurationVersion) -> bool:
        name = version.kind.removeprefix(KIND_PREFIX)
        if not version.kind.startswith(KIND_PREFIX) or not name:
            return False
        history = self._histories.setdefault(name, History(version.kind))
        if not history.take(version):
            return False  # the same record, sent twice
        texts = dict(self.texts)
        if history.active is None:
            texts.pop(name, None)
        else:
            texts[name] = history.active.text
        number = len(self._generations) + 1
        self._generations.append(Generation(number, version, dict(sorted(texts.items()))))
        return True
