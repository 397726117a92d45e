"""Elements and what the run itself has to compare them with: partners, and LSs before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.quality.axes import fits, mismatch
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.condition_names import value_of
from dqmstream.quality.inputs import Past
from dqmstream.quality.rows import LeftOut, Rows, Window, gathered, grouped, own_stack
from dqmstream.quality.stack import PastStack, ReferenceStack, stack_elements

__all__ = ["with_partners", "with_past"]


def with_partners(
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
        other = gathered([(contents, partner) for _, partner in found])
        reference = ReferenceStack(stack=other, scale=np.ones(len(kept)))
        yield Rows(layouts=kept, stack=replace(own_stack(kept, window), references=(reference,)))


def with_past(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    """Each row with those LSs in which its element could be filled."""
    recorded = _recorded(test, window.conditions)
    if recorded == 0.0:
        for layout in layouts:
            yield LeftOut(layout, Outcome.INSUFFICIENT, "no luminosity was recorded in the LS")
        return
    past = window.inputs.past(test.lookback, _accepted(test, window.conditions))
    usable = [
        (tuple(layout.index not in one.contents.invalid for one in past), layout)
        for layout in layouts
    ]
    for rows in grouped((which, (which, layout)) for which, layout in usable):
        kept = [layout for _, layout in rows]
        before = [one for one, is_good in zip(past, rows[0][0], strict=True) if is_good]
        if before:
            stacks = _past_stacks(before, kept, by_luminosity=recorded is not None)
            own = replace(own_stack(kept, window), luminosity=recorded, past=stacks)
            yield Rows(layouts=kept, stack=own)
        else:
            for layout in kept:
                yield LeftOut(layout, Outcome.INSUFFICIENT, _nothing_before(test))


def _accepted(test: CompiledTest, own: Conditions | None) -> Callable[[Conditions | None], bool]:
    """Which LSs before an LS can be compared with it: those that its test judges too, with the
    same conditions as it has. Known luminosities are compared with known ones, and where that of
    the LS is not known, with unknown ones: what comes late is never taken for a change."""
    gate, known = test.gate, _recorded(test, own) is not None
    values = [_value(name, own) for name in test.declared.same]

    def accepted(row: Conditions | None) -> bool:
        if gate is not None and gate(row) is not True:
            return False
        recorded = _recorded(test, row)
        if recorded == 0.0 or (recorded is not None) is not known:
            return False
        return all(
            _value(name, row) == value
            for name, value in zip(test.declared.same, values, strict=True)
        )

    return accepted


def _value(name: str, row: Conditions | None) -> Any:
    return None if row is None else value_of(name, row)


def _recorded(test: CompiledTest, row: Conditions | None) -> float | None:
    """Luminosity of an LS [/pb], if it is known and the test goes by it."""
    return row.recorded if row is not None and test.declared.normalise == "luminosity" else None


def _nothing_before(test: CompiledTest) -> str:
    same = ", ".join(
        [*test.declared.same, *(["luminosity"] if test.declared.normalise == "luminosity" else [])]
    )
    like = f" like it in {same}" if same else ""
    return f"no LS of the run before it{like} to compare with"


def _past_stacks(
    past: Sequence[Past], layouts: Sequence[ElementLayout], *, by_luminosity: bool
) -> tuple[PastStack, ...]:
    return tuple(
        PastStack(
            lumisection=one.lumisection,
            stack=replace(
                stack_elements(one.contents, layouts),
                lumisection=one.lumisection,
                luminosity=one.luminosity if by_luminosity else None,
            ),
        )
        for one in past
    )
