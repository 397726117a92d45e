"""When tests judge: each LS, every k-th, or while an LS is still open."""

from dqmstream.fold.merge import SetKey
from dqmstream.messages.quality import Scope
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace

__all__ = ["Triggers"]


class Triggers:
    """What has been judged of a run so far, as far as it decides what is judged next."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], int] = {}
        self._seen: dict[SetKey, tuple[int, ...]] = {}

    def close(self, key: SetKey) -> None:
        """Forget what was seen of an LS while it was open."""
        self._seen.pop(key, None)

    def of_lumisection(
        self, workspace: CompiledWorkspace, lumisection: int
    ) -> tuple[CompiledTest, ...]:
        """Tests of a closed LS: of those that judge every k-th, where k divides its number."""
        tests = workspace.of("lumisection")
        return tuple(test for test in tests if lumisection % test.declared.every == 0)

    def of_window(
        self, workspace: CompiledWorkspace, scope: Scope, lumisection: int
    ) -> tuple[CompiledTest, ...]:
        """Tests of a window that ends with an LS.

        One that judges every k-th LS is due when the run has come to or past a multiple of k, and
        again if the window with that end is judged anew.
        """
        name = workspace.layout.workspace
        return tuple(
            test
            for test in workspace.of(scope)
            if self._due(name, test.declared.every, lumisection)
        )

    def _due(self, workspace: str, every: int, lumisection: int) -> bool:
        last = self._ends.get((workspace, every), 0)
        if lumisection == last or lumisection // every > last // every:
            self._ends[workspace, every] = lumisection
            return True
        return False

    def looks_at_open(self, workspace: CompiledWorkspace) -> bool:
        """Whether any test judges LSs that are still open."""
        return any(test.declared.on != "closed" for test in workspace.of("lumisection"))

    def of_open(
        self, workspace: CompiledWorkspace, key: SetKey, versions: tuple[int, ...]
    ) -> tuple[CompiledTest, ...]:
        """Tests of an LS that is still open, given what each partition has brought."""
        before = self._seen.get(key, (-1,) * len(versions))
        all_moved = all(new > old for new, old in zip(versions, before, strict=True))
        if all_moved:
            self._seen[key] = versions
        return tuple(
            test
            for test in workspace.of("lumisection")
            if test.declared.on == "any" or (test.declared.on == "all" and all_moved)
            if key.lumisection % test.declared.every == 0
        )
