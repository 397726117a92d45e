"""What elements are compared with, put into their stack: whatever their test needs."""

from collections.abc import Iterator, Sequence

from dqmstream.histograms.layout import ElementLayout
from dqmstream.quality.algorithm import Needs
from dqmstream.quality.catalogued import with_bands, with_references
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.neighbours import with_partners, with_past
from dqmstream.quality.rows import LeftOut, Rows, Window, own_stack

__all__ = ["stacked"]


def stacked(
    test: CompiledTest, layouts: Sequence[ElementLayout], window: Window
) -> Iterator[Rows | LeftOut]:
    """A group of elements in one stack, or in several if they differ in what they have."""
    match test.algorithm.needs:
        case Needs.REFERENCE:
            yield from with_references(test, layouts, window)
        case Needs.BAND:
            yield from with_bands(test, layouts, window)
        case Needs.PARTNER:
            yield from with_partners(test, layouts, window)
        case Needs.PAST:
            yield from with_past(test, layouts, window)
        case _:
            yield Rows(layouts=layouts, stack=own_stack(layouts, window))
