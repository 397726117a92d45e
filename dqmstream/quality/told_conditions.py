"""What reports on LSs were told of their conditions: to be judged again when it is other."""

from dqmstream.fold.merge import SetKey
from dqmstream.quality.compiled import CompiledWorkspace
from dqmstream.quality.published import RunKey

__all__ = ["ToldConditions"]

_Place = tuple[int, int]
"""Run and LS."""


class ToldConditions:
    """By LS and workspace, of tests that ask for any."""

    def __init__(self) -> None:
        self._told: dict[_Place, dict[SetKey, str]] = {}

    @property
    def places(self) -> list[_Place]:
        """All LSs (run, LS) of which anything was told."""
        return list(self._told)

    def of(self, place: _Place) -> list[tuple[SetKey, str]]:
        """What reports on an LS were told."""
        return list(self._told.get(place, {}).items())

    def note(self, key: SetKey, workspace: CompiledWorkspace, known: str) -> None:
        """A report was told this."""
        if workspace.asks_for():
            self._told.setdefault((key.run, key.lumisection), {})[key] = known

    def forget(self, run: RunKey) -> None:
        """A run is no longer held."""
        for place, told in list(self._told.items()):
            left = {key: known for key, known in told.items() if key[:2] != run}
            if left:
                self._told[place] = left
            else:
                del self._told[place]
