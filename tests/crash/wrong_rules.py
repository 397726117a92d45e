"""Rules that are wrong, for the services of a schedule to obey: each must be caught.

They are the ones of `tests/unit/fold/test_wrong_rules.py`, there caught on the model, here in real
processes. The product has no switch for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.unit.fold.test_wrong_rules import (
    CheckpointAtPosition,
    FillsDuplicates,
    LastOneWins,
    LateIntoTheClosed,
    SnapshotWithoutOpenSegments,
    fold_with,
)

__all__ = ["RIGHT", "RULES", "Rules"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What fillers and comparators are called with instead of the right parts."""

    filler: Mapping[str, Any] = field(default_factory=dict)
    comparator: Mapping[str, Any] = field(default_factory=dict)


RIGHT: Final = Rules()
RULES: Final[Mapping[str, Rules]] = {
    "checkpoint too early": Rules(filler={"fold": CheckpointAtPosition}),
    "no skip of segments open at the checkpoint": Rules(
        filler={"fold": SnapshotWithoutOpenSegments}
    ),
    "arrival order instead of version": Rules(comparator={"merger": LastOneWins}),
    "late data added to the closed LS": Rules(filler={"fold": fold_with(LateIntoTheClosed)}),
    "duplicates not recognised": Rules(filler={"fold": fold_with(FillsDuplicates)}),
}
