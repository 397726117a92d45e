"""Whose reports count: those of the set that readers are shown."""

from dqmstream.messages.booking import Activation

__all__ = ["ShownSets"]


class ShownSets:
    """Which set of each workspace is activated from which run on."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[int, int]]] = {}

    def take(self, activation: Activation) -> None:
        """A set is activated."""
        said = (activation.from_run, activation.when)
        for workspace in activation.workspaces:
            sets = self._known.setdefault(workspace, {})
            sets[activation.set] = max(sets.get(activation.set, said), said)

    def shows(self, set_hash: str, workspace: str, run: int) -> bool:
        """Whether a set is the one shown of a run; so is any while none is activated."""
        said = {
            name: place for name, place in self._known.get(workspace, {}).items() if place[0] <= run
        }
        return not said or set_hash == max(said, key=said.__getitem__)
