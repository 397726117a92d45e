"""Filling declared elements from columns, once or in pieces."""

from collections.abc import Callable, Iterable

import pytest

from dqmstream.booking import Workspace
from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Element

Filled = Callable[..., Contents]


@pytest.fixture(scope="session")
def filled() -> Filled:
    """Contents of elements after the chunks given, numbered from 0, of one source."""

    def fill(elements: Iterable[Element], *chunks: Columns) -> Contents:
        layout = Layout(Workspace("Test", "for a test", elements))
        filler, contents = WorkspaceFiller(layout), Contents.empty(layout)
        for number, columns in enumerate(chunks):
            filler.fill(contents, columns, source="s", number=number)
        return contents

    return fill
