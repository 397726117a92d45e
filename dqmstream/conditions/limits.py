"""Numbers that a run, a fill, an LS and a beam can have: others are damage."""

from typing import Final

__all__ = ["MOST_ENERGY", "MOST_LUMISECTION", "MOST_RUN"]

MOST_RUN: Final = 1 << 40
"""Of runs, and of fills."""
MOST_LUMISECTION: Final = 1 << 24
MOST_ENERGY: Final = 1e6
"""Of a beam [GeV]."""
