"""When a selection leaves so little of an LS that what depends on it starves."""

from typing import Final

__all__ = ["STARVED", "starves"]

STARVED: Final = "starved"
"""What is noted of such an LS."""
_FEW: Final = 10
"""Events below which no test judges anything."""
_MANY: Final = 1000
"""Events seen that make so few of them a surprise."""


def starves(seen: int, selected: int) -> bool:
    """Whether a selection took nothing of the events of an LS, or fewer than 10 of 1000 or more."""
    return seen > 0 and (selected == 0 or (seen >= _MANY and selected < _FEW))
