"""What differs between two sides: findings, each of a kind that a policy knows by name."""

from enum import StrEnum

import msgspec

from dqmstream.identity import compact_ranges

__all__ = ["COSTS", "UNJUDGED", "Finding", "Kind", "lumisections_text"]


class Kind(StrEnum):
    """What about the candidate differs from production."""

    NOTHING_READ = "nothing-read"
    CRASH = "crash"
    NOTHING_FILLED = "nothing-filled"
    MISSING = "missing"
    EVENTS = "events"
    WORKSPACE_ADDED = "workspace-added"
    WORKSPACE_REMOVED = "workspace-removed"
    ADDED = "added"
    REMOVED = "removed"
    REBINNED = "rebinned"
    DECLARED = "declared"
    DESCRIBED = "described"
    CONTENTS = "contents"
    VERDICT = "verdict"
    ALARM = "alarm"
    TEST_ADDED = "test-added"
    TEST_REMOVED = "test-removed"
    TEST_DISABLED = "test-disabled"
    TEST_ENABLED = "test-enabled"
    TEST_CHANGED = "test-changed"
    TIME = "time"
    CPU = "cpu"
    MEMORY = "memory"
    LEAK = "leak"
    PLOT_MEMORY = "plot-memory"
    LOGGED = "logged"
    DEPENDENCY = "dependency"


UNJUDGED = frozenset({Kind.NOTHING_READ, Kind.CRASH})
"""Where these are found nothing can be said of the candidate: never a pass, whatever may change."""
COSTS = frozenset({Kind.TIME, Kind.CPU, Kind.MEMORY, Kind.LEAK, Kind.PLOT_MEMORY})
"""Found only where a budget is exceeded."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference.

    `subject` is what differs: path of an element, name of a quality test or alarm, or workspace.
    `allowed` says by which rule of the policy it may; empty if it may not.
    """

    kind: Kind
    subject: str
    text: str
    workspace: str = ""
    test: str = ""
    lumisections: tuple[int, ...] = ()
    before: str = ""
    after: str = ""
    allowed: str = ""

    def sentence(self) -> str:
        """What differs, and where."""
        where = f" ({self.workspace})" if self.workspace and self.workspace != self.subject else ""
        return f"{self.kind.value}: {self.subject}{where}: {self.text}"


def lumisections_text(numbers: tuple[int, ...], of: int) -> str:
    """`in LS 3-5, 9 (4 of 20 LSs)`; LS 0 is what is known of the whole run only."""
    if numbers == (0,):
        return "in the whole run"
    shown = compact_ranges(numbers)
    if len(shown) > 60:
        shown = f"{shown[:56].rpartition(', ')[0]}, ..."
    return f"in LS {shown} ({len(numbers)} of {of} LSs)"
