"""Which sets readers show of a run: one rule, for what is in memory and for what is stored."""

from collections.abc import Iterable, Mapping, Sequence

from dqmstream.messages.booking import Activation

__all__ = ["sets_shown"]


def sets_shown(
    run: int, brought: Mapping[str, Sequence[str]], activations: Iterable[Activation]
) -> dict[str, tuple[str, ...]]:
    """Sets of each workspace that readers may show of a run, the one they show first.

    Of the activations from this run or an earlier one on, the one of the latest run decides, and
    of those the newest; without any, the set that came last. A set that is activated for later
    runs only, or not at all, is not shown where one that is activated has brought a workspace of
    its: it was filled beside it, and none of what it has besides belongs to this run yet.

    Parameters
    ----------
    brought
        By workspace, the sets that have brought something of it in the run, oldest first.
    activations
        Of any sets, in any order.

    Returns
    -------
    Workspaces of which no set is shown are left out.
    """
    decided: dict[str, dict[str, tuple[int, int]]] = {}
    for one in activations:
        if one.from_run > run:
            continue
        for workspace in one.workspaces:
            sets = decided.setdefault(workspace, {})
            sets[one.set] = max(sets.get(one.set, (0, 0)), (one.from_run, one.when))
    active = {name for sets in decided.values() for name in sets}
    beside = {
        name
        for sets in brought.values()
        if not active.isdisjoint(sets)
        for name in sets
        if name not in active
    }
    shown: dict[str, tuple[str, ...]] = {}
    for workspace, names in brought.items():
        said = decided.get(workspace, {})
        ranked = sorted(
            (said.get(name, (0, 0)), place, name)
            for place, name in enumerate(names)
            if name not in beside
        )
        if ranked:
            shown[workspace] = tuple(name for *_, name in reversed(ranked))
    return shown
