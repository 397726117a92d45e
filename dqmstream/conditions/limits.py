"""Numbers that a run, a fill and an LS can have: others are damage."""

from typing import Final

__all__ = ["MOST_LUMISECTION", "MOST_RUN"]

MOST_RUN: Final = 1 << 40
"""Of runs, and of fills."""
MOST_LUMISECTION: Final = 1 << 24
