"""Small workspaces with known contents, and tests of them written as the tests file is."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import ArrayLike

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Axis, Booking, Element, Histogram, Integer, Profile
from dqmstream.messages.quality import QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.judgement import judge

Judge = Callable[..., dict[str, QualityReport]]


def channels(path: str, *bins: int) -> Histogram:
    axes = tuple(Integer(lower=0, upper=number, label="module") for number in bins)
    return Histogram(path=path, axes=axes, fill=("hit.module",) * len(bins))


def _filled(layout: Layout, values: Mapping[str, ArrayLike]) -> Contents:
    """Contents with these values per path: all planes of an element, flow included."""
    contents = Contents.empty(layout)
    for path, cells in values.items():
        place = layout[path]
        contents.cells[place.offset : place.nan] = np.asarray(cells).reshape(-1)
    return contents


@pytest.fixture(name="channels")
def channels_factory() -> Callable[..., Histogram]:
    """Counts per module in 1 or 2 dimensions."""
    return channels


@pytest.fixture
def histogram() -> Callable[..., Histogram]:
    """A one-dimensional histogram over an axis."""

    def make(axis: Axis, path: str = "me", **more: object) -> Histogram:
        return Histogram(path=path, axes=(axis,), fill=("x",), **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def profile() -> Callable[..., Profile]:
    """A one-dimensional profile over an axis, values within +-100."""

    def make(axis: Axis, path: str = "me") -> Profile:
        return Profile(path=path, axes=(axis,), fill=("x",), value="y", value_range=(-100, 100))

    return make


@pytest.fixture
def filled() -> Callable[..., Contents]:
    """Contents of elements, given the cells of each (flow included)."""

    def make(elements: tuple[Element, ...], values: Mapping[str, ArrayLike]) -> Contents:
        booking = Booking(workspace="tracker", elements=elements)
        return _filled(Layout(booking), values)

    return make


@pytest.fixture
def judged() -> Judge:
    """Reports by path of one test, written in TOML without its name, on contents."""

    def make(
        contents: Contents, toml: str, *, scope: str = "lumisection"
    ) -> dict[str, QualityReport]:
        tests = read_tests(f'[[quality_test]]\nname = "t"\n{toml}', "tests.toml")
        compiled = compile_tests(tests, [contents.layout]).workspaces[contents.layout.hash]
        reports = judge(
            contents,
            compiled,
            scope=scope,  # type: ignore[arg-type]
            set_hash="set",
            run=1,
            lumisection=2,
            complete=True,
            versions=(7,),
        )
        return {report.path: report for report in reports.reports}

    return make


@pytest.fixture
def with_flow() -> Callable[[ArrayLike], np.ndarray]:
    """Cells of counts with empty flow bins around them."""

    def make(counts: ArrayLike) -> np.ndarray:
        return np.pad(np.asarray(counts, np.int64), 1)

    return make
