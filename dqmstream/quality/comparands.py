"""What elements are compared with: references, bands, partners, LSs before, put into their stack.

Rows of one group may have references of different versions. An element for which there is none, or
whose reference has other axes, is left out with the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.quality.algorithm import Needs
from dqmstream.quality.axes import fits, has_axes, mismatch, mismatch_of_axes
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.inputs import (
    Chosen,
    ChosenBand,
    ChosenReference,
    Inputs,
    NoReference,
    Past,
    Wanted,
)
from dqmstream.quality.normalising import band_stack, reference_scale, why_unscaled
from dqmstream.quality.stack import (
    PastStack,
    ReferenceStack,
    Stack,
    stack_elements,
)

__all__ = ["LeftOut", "Rows", "Window", "stacked"]

Floats = NDArray[np.float64]


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
    """An element that cannot be judged, with the reason."""

    layout: ElementLayout
    outcome: Outcome
    why: str


def stacked(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    """A group of elements in one stack, or in several if they differ in what they have."""
    match test.algorithm.needs:
        case Needs.REFERENCE:
            yield from _with_references(test, layouts, window)
        case Needs.BAND:
            yield from _with_bands(test, layouts, window)
        case Needs.PARTNER:
            yield from _with_partners(test, layouts, window)
        case Needs.PAST:
            yield from _with_past(test, layouts, window)
        case _:
            yield Rows(layouts=layouts, stack=_own(layouts, window))


def _own(layouts: Sequence[ElementLayout], window: Window) -> Stack:
    return replace(stack_elements(window.contents, layouts), lumisection=window.lumisection)


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """Items with equal keys together, in the order in which these come first."""
    groups: dict[Any, list[Any]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return list(groups.values())


# ------------------------------------------------------------------- references


def _choose(test: CompiledTest, layout: ElementLayout, window: Window) -> Chosen:
    return window.inputs.references(
        Wanted(
            kind="band" if test.algorithm.needs is Needs.BAND else "histogram",
            workspace=window.contents.layout.workspace,
            path=layout.element.path,
            run=window.run,
            lumisection=window.lumisection,
            conditions=window.conditions,
            name=test.declared.reference,
            most=test.algorithm.references,
            moment=window.made,
        )
    )


def _with_references(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    found: list[tuple[ElementLayout, tuple[ChosenReference, ...]]] = []
    for layout in layouts:
        chosen = _choose(test, layout, window)
        if not isinstance(chosen, tuple) or not chosen:
            why = (
                chosen.why if isinstance(chosen, NoReference) else "the catalogue gave no histogram"
            )
            yield LeftOut(layout, Outcome.NOT_RUN, why)
        elif other := next((one for one in chosen if not fits(layout, one.element)), None):
            yield LeftOut(layout, Outcome.INVALID, mismatch(layout, other.element, other.name))
        else:
            found.append((layout, chosen[: test.algorithm.references]))
    for rows in _grouped((len(chosen), (layout, chosen)) for layout, chosen in found):
        yield from _scaled(test, [one for one, _ in rows], [chosen for _, chosen in rows], window)


def _scaled(
    test: CompiledTest,
    layouts: Sequence[ElementLayout],
    chosen: Sequence[tuple[ChosenReference, ...]],
    window: Window,
) -> Iterator[Rows | LeftOut]:
    """Rows with as many references each, scaled; those left out whose scale is not known."""
    stack = _own(layouts, window)
    references, unscaled = [], dict[int, str]()
    by, own = test.declared.normalise, window.inputs.exposure
    for number in range(len(chosen[0])):
        column = [one[number] for one in chosen]
        other = _gathered([(one.contents, one.element) for one in column])
        scale = reference_scale(by, (stack, other), layouts, column, own)
        for row in np.flatnonzero(~(np.isfinite(scale) & (scale >= 0))).tolist():
            unscaled.setdefault(row, why_unscaled(by, column[row], own))
        references.append(ReferenceStack(stack=other, scale=scale))
    for row, why in unscaled.items():
        yield LeftOut(layouts[row], Outcome.NOT_RUN, why)
    whole = Rows(
        layouts=layouts,
        stack=replace(stack, references=tuple(references)),
        versions=[tuple(one.version for one in each) for each in chosen],
        names=[", ".join(one.name for one in each) for each in chosen],
    )
    yield from _runs_without(whole, unscaled)


def _runs_without(rows: Rows, left_out: Iterable[int]) -> Iterator[Rows]:
    """All rows but some, in as few parts as those leave."""
    start = 0
    for stop in sorted({*left_out, len(rows.layouts)}):
        if start < stop:
            yield rows if stop - start == len(rows.layouts) else rows.part(start, stop)
        start = stop + 1


def _with_bands(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    found: list[tuple[ElementLayout, ChosenBand]] = []
    luminosity = window.inputs.exposure.luminosity
    for layout in layouts:
        chosen = _choose(test, layout, window)
        if not isinstance(chosen, ChosenBand):
            why = chosen.why if isinstance(chosen, NoReference) else "the catalogue gave no band"
            yield LeftOut(layout, Outcome.NOT_RUN, why)
        elif not has_axes(layout, chosen.axes, profile=chosen.profile):
            name, profile = chosen.name, chosen.profile
            why = mismatch_of_axes(layout, chosen.axes, name, profile=profile)
            yield LeftOut(layout, Outcome.INVALID, why)
        elif chosen.per == "luminosity" and luminosity is None and not chosen.profile:
            why = f"band {chosen.name} is per luminosity, and that of the LS is not known"
            yield LeftOut(layout, Outcome.NOT_RUN, why)
        else:
            found.append((layout, chosen))
    if found:
        kept, bands = [layout for layout, _ in found], [band for _, band in found]
        stack = _own(kept, window)
        yield Rows(
            layouts=kept,
            stack=replace(stack, bands=(band_stack(stack, bands, window.inputs.exposure),)),
            versions=[(band.version,) for band in bands],
            names=[band.name for band in bands],
        )


# ----------------------------------------------------------- partners, LSs before


def _with_partners(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    contents, found = window.contents, list[tuple[ElementLayout, ElementLayout]]()
    for layout in layouts:
        path = test.algorithm.partner(test.declared.parameters, layout.element.path)
        if path not in contents.layout:
            yield LeftOut(layout, Outcome.INVALID, f"its partner {path} is not booked")
        elif not fits(layout, partner := contents.layout[path]):
            yield LeftOut(layout, Outcome.INVALID, mismatch(layout, partner, path))
        elif partner.index in contents.invalid:
            why = f"its partner {path} could not be filled: {contents.invalid[partner.index]}"
            yield LeftOut(layout, Outcome.INVALID, why)
        else:
            found.append((layout, partner))
    if found:
        kept = [layout for layout, _ in found]
        other = _gathered([(contents, partner) for _, partner in found])
        reference = ReferenceStack(stack=other, scale=np.ones(len(kept)))
        yield Rows(layouts=kept, stack=replace(_own(kept, window), references=(reference,)))


def _with_past(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    """Each row with those LSs in which its element could be filled."""
    past = window.inputs.past(test.lookback, _accepted(test))
    usable = [
        (tuple(layout.index not in one.contents.invalid for one in past), layout)
        for layout in layouts
    ]
    for rows in _grouped((which, (which, layout)) for which, layout in usable):
        kept = [layout for _, layout in rows]
        before = [one for one, is_good in zip(past, rows[0][0], strict=True) if is_good]
        if before:
            stack = replace(_own(kept, window), past=_past_stacks(before, kept))
            yield Rows(layouts=kept, stack=stack)
        else:
            for layout in kept:
                yield LeftOut(layout, Outcome.INSUFFICIENT, "no LS before it can be looked at")


def _accepted(test: CompiledTest) -> Callable[[Conditions | None], bool]:
    gate = test.gate
    return lambda conditions: gate is None or gate(conditions) is True


def _past_stacks(past: Sequence[Past], layouts: Sequence[ElementLayout]) -> tuple[PastStack, ...]:
    return tuple(
        PastStack(
            lumisection=one.lumisection,
            stack=replace(stack_elements(one.contents, layouts), lumisection=one.lumisection),
        )
        for one in past
    )


def _gathered(places: Sequence[tuple[Contents, ElementLayout]]) -> Stack:
    """Elements of one shape out of several contents and bookings, in the order given."""
    groups = _grouped(
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
