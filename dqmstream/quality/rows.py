"""Rows of a stack: the elements in them, and what each is compared with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.quality.inputs import Inputs
from dqmstream.quality.stack import Stack, stack_elements

__all__ = ["LeftOut", "Rows", "Window", "gathered", "grouped", "own_stack"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What is judged: contents up to an LS, what is known of that LS, what tests are given."""

    contents: Contents
    run: int
    lumisection: int
    conditions: Conditions | None = None
    made: int = 0
    inputs: Inputs = field(default_factory=Inputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A stack, the elements in its rows, and what each was compared with.

    Parameters
    ----------
    versions
        Of the references of each row; empty if the test has none.
    names
        The same, as people know them.
    """

    layouts: Sequence[ElementLayout]
    stack: Stack
    versions: Sequence[tuple[str, ...]] = ()
    names: Sequence[str] = ()

    def versions_of(self, row: int) -> tuple[str, ...]:
        """Versions of what one row is compared with; none if it is with nothing."""
        return self.versions[row] if self.versions else ()

    def part(self, start: int, stop: int) -> "Rows":
        """Some of the rows."""
        return Rows(
            layouts=self.layouts[start:stop],
            stack=self.stack.rows(start, stop),
            versions=self.versions[start:stop],
            names=self.names[start:stop],
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An element that cannot be judged, with the reason, and versions of what it was to be
    compared with."""

    layout: ElementLayout
    outcome: Outcome
    why: str
    versions: tuple[str, ...] = ()


def own_stack(layouts: Sequence[ElementLayout], window: Window) -> Stack:
    """The elements themselves."""
    return replace(stack_elements(window.contents, layouts), lumisection=window.lumisection)


def grouped(pairs: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """Items with equal keys together, in the order in which these come first."""
    groups: dict[Any, list[Any]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def gathered(places: Sequence[tuple[Contents, ElementLayout]]) -> Stack:
    """Elements of one shape out of several contents and bookings, in the order given."""
    groups = grouped(
        ((id(contents), layout.bits, layout.square_bits), row)
        for row, (contents, layout) in enumerate(places)
    )
    parts = [
        stack_elements(places[rows[0]][0], [places[row][1] for row in rows]) for rows in groups
    ]
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate([np.array(rows) for rows in groups]))

    def joined(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)[order]

    return replace(
        parts[0], entries=joined("entries"), sums=joined("sums"), squares=joined("squares")
    )
