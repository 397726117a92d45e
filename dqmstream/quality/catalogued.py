"""Elements and what the catalogue has for them: references or bands, put into their stack.

Rows of one group may have references of different versions. An element for which there is none, or
whose reference has other axes, is left out with the reason.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.quality import Outcome
from dqmstream.quality.algorithm import Needs
from dqmstream.quality.axes import fits, has_axes, mismatch, mismatch_of_axes
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.inputs import Chosen, ChosenBand, ChosenReference, NoReference, Wanted
from dqmstream.quality.normalising import (
    band_stack,
    reference_scale,
    why_no_band,
    why_unscaled,
)
from dqmstream.quality.rows import LeftOut, Rows, Window, gathered, grouped, own_stack
from dqmstream.quality.stack import ReferenceStack

__all__ = ["with_bands", "with_references"]


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


def with_references(
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
            why = mismatch(layout, other.element, other.name)
            yield LeftOut(layout, Outcome.INVALID, why, _versions(chosen))
        else:
            found.append((layout, chosen[: test.algorithm.references]))
    for rows in grouped((len(chosen), (layout, chosen)) for layout, chosen in found):
        yield from _scaled(test, [one for one, _ in rows], [chosen for _, chosen in rows], window)


def _scaled(
    test: CompiledTest,
    layouts: Sequence[ElementLayout],
    chosen: Sequence[tuple[ChosenReference, ...]],
    window: Window,
) -> Iterator[Rows | LeftOut]:
    """Rows with as many references each, scaled; those left out whose scale is not known."""
    stack = own_stack(layouts, window)
    references, unscaled = [], dict[int, str]()
    by, own = test.declared.normalise or "entries", window.inputs.exposure
    for number in range(len(chosen[0])):
        column = [one[number] for one in chosen]
        other = gathered([(one.contents, one.element) for one in column])
        scale = reference_scale(by, (stack, other), layouts, column, own)
        for row in np.flatnonzero(~(np.isfinite(scale) & (scale >= 0))).tolist():
            unscaled.setdefault(row, why_unscaled(by, column[row], own))
        references.append(ReferenceStack(stack=other, scale=scale))
    for row, why in unscaled.items():
        yield LeftOut(layouts[row], Outcome.NOT_RUN, why, _versions(chosen[row]))
    whole = Rows(
        layouts=layouts,
        stack=replace(stack, references=tuple(references)),
        versions=[_versions(each) for each in chosen],
        names=[", ".join(one.name for one in each) for each in chosen],
    )
    yield from _runs_without(whole, unscaled)


def _versions(chosen: Iterable[ChosenReference]) -> tuple[str, ...]:
    return tuple(one.version for one in chosen)


def _runs_without(rows: Rows, left_out: Iterable[int]) -> Iterator[Rows]:
    """All rows but some, in as few parts as those leave."""
    start = 0
    for stop in sorted({*left_out, len(rows.layouts)}):
        if start < stop:
            yield rows if stop - start == len(rows.layouts) else rows.part(start, stop)
        start = stop + 1


def with_bands(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    """Each row with its band; those left out that have none that fits, or whose scale is not
    known."""
    found: list[tuple[ElementLayout, ChosenBand]] = []
    for layout in layouts:
        chosen = _choose(test, layout, window)
        if not isinstance(chosen, ChosenBand):
            why = chosen.why if isinstance(chosen, NoReference) else "the catalogue gave no band"
            yield LeftOut(layout, Outcome.NOT_RUN, why)
        elif not has_axes(layout, chosen.axes, profile=chosen.profile):
            name, profile = chosen.name, chosen.profile
            why = mismatch_of_axes(layout, chosen.axes, name, profile=profile)
            yield LeftOut(layout, Outcome.INVALID, why, (chosen.version,))
        elif why := why_no_band(test.declared.normalise, chosen, layout, window.inputs.exposure):
            yield LeftOut(layout, Outcome.NOT_RUN, why, (chosen.version,))
        else:
            found.append((layout, chosen))
    if found:
        kept, bands = [layout for layout, _ in found], [band for _, band in found]
        stack, by = own_stack(kept, window), test.declared.normalise
        band = band_stack(by, stack, kept, bands, window.inputs.exposure)
        yield Rows(
            layouts=kept,
            stack=replace(stack, bands=(band,)),
            versions=[(band.version,) for band in bands],
            names=[band.name for band in bands],
        )
