"""How much data LSs hold, kept as they come and go: an LS more costs the same however many."""

import math
from collections.abc import Callable
from typing import Final

from dqmstream.messages.operations import Conditions
from dqmstream.quality.inputs import Exposure

__all__ = ["Exposed"]

_BITS: Final = 1074
"""The least float is 2**-1074: in such units every finite float is an integer."""


class Exposed:
    """LSs and their luminosity. The sum is exact, and rounded once when it is asked for: the same
    float as `math.fsum` gives, in whatever order LSs came, went and were told of.

    Parameters
    ----------
    conditions
        What is known of an LS.
    """

    def __init__(self, conditions: Callable[[int], Conditions | None]) -> None:
        self._conditions = conditions
        self._recorded: dict[int, float | None] = {}
        self._units = 0
        self._unknown = 0

    def add(self, lumisection: int) -> None:
        """Count an LS that is not counted, by what is known of it now."""
        row = self._conditions(lumisection)
        recorded = None if row is None else row.recorded
        if recorded is not None and not math.isfinite(recorded):
            recorded = None
        self._recorded[lumisection] = recorded
        if recorded is None:
            self._unknown += 1
        else:
            self._units += _units(recorded)

    def remove(self, lumisection: int) -> None:
        """Count it no longer."""
        recorded = self._recorded.pop(lumisection)
        if recorded is None:
            self._unknown -= 1
        else:
            self._units -= _units(recorded)

    def renew(self, lumisection: int) -> None:
        """Other conditions of an LS are known: nothing if it is not counted."""
        if lumisection in self._recorded:
            self.remove(lumisection)
            self.add(lumisection)

    def renew_all(self) -> None:
        """Any conditions may be others."""
        for lumisection in list(self._recorded):
            self.renew(lumisection)

    @property
    def exposure(self) -> Exposure:
        """Of all of them; the luminosity is not known if that of one is not."""
        luminosity = None if self._unknown else self._units / (1 << _BITS)
        return Exposure(lumisections=len(self._recorded), luminosity=luminosity)


def _units(value: float) -> int:
    numerator, denominator = value.as_integer_ratio()
    return numerator << (_BITS + 1 - denominator.bit_length())
