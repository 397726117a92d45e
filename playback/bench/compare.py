"""`dqmstream bench compare`: what judging costs, against scipy called histogram by histogram.

First one LS of 10 000 elements with three tests each, judged as the comparator does, and its
reports encoded as they are published; then each algorithm alone, per element in a stack of a
thousand, and beside it the same test by scipy called one by one, where scipy has one. Answers are
compared before times are told. Then the worst that may come: all elements bad, each with more bins
to list than a report has room for.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Histogram, Profile, Regular
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.messages.wire import CODEC
from dqmstream.quality.algorithm import Algorithm, Findings, Needs
from dqmstream.quality.bands import make_band
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.inputs import Chosen, ChosenReference, Inputs, Wanted
from dqmstream.quality.judgement import judge
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import BandStack, PastStack, ReferenceStack, Stack
from dqmstream.quality.worst_bins import MAX_BAD_CHANNELS
from playback.bench.program import BenchError
from playback.bench.row import Row

__all__ = ["measure"]

Floats = NDArray[np.float64]

_BINS: Final = 50
_STACKED: Final = 1000
_ONE_BY_ONE: Final = 200
_TESTS: Final = """
[[quality_test]]
name = "mean"
algorithm = "MeanWithinExpected"
path = "Bench/*"
parameters = { mean = 0.5, sigma = 0.02 }

[[quality_test]]
name = "chi2"
algorithm = "Chi2"
path = "Bench/*"

[[quality_test]]
name = "kolmogorov"
algorithm = "KolmogorovSmirnov"
path = "Bench/*"
"""
_EMPTY_BINS: Final = """
[[quality_test]]
name = "no empty bins"
algorithm = "ContentsYRange"
path = "Bench/*"
error = 0.9
parameters = { ymin = 1.0, use_empty_bins = true }
"""
_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "ContentsXRange": {"xmin": 0.1, "xmax": 0.9},
    "ContentsYRange": {"ymin": 1.0, "ymax": 1e6},
    "MeanWithinExpected": {"mean": 0.5, "sigma": 0.02},
    "ContentSigma": {"x_blocks": 10, "neighbours_x": 2},
    "CheckVariance": {"maximum": 100.0},
    "EfficiencyWithinExpected": {"minimum": 0.5},
    "ContentsWithinExpected": {"min_mean": 1.0, "max_mean": 1e6},
    "Chi2": {"min_expected": 0.0},
    "DataEmulator": {"replace": ("h", "g")},
}


def measure(*, quick: bool = False) -> list[Row]:
    """All rows; a quick measurement judges 1000 elements instead of 10 000."""
    elements = 1000 if quick else 10_000
    return [*_lumisection(elements, quick=quick), *_all_bad(elements, quick=quick), *_algorithms()]


# ----------------------------------------------------------------------- one LS


def _lumisection(elements: int, *, quick: bool) -> Iterator[Row]:
    layout, random = _layout(elements), np.random.default_rng(1)
    contents, past = (_contents(layout, random, elements, entries) for entries in (2000, 20_000))
    chosen = {
        one.element.path: (
            ChosenReference(version="v1", name="reference #1", contents=past, element=one),
        )
        for one in layout
    }

    def references(wanted: Wanted) -> Chosen:
        return chosen[wanted.path]

    compiled = compile_tests(read_tests(_TESTS, "bench"), [layout]).workspaces[layout.hash]

    def judged() -> Any:
        return judge(
            contents,
            compiled,
            scope="lumisection",
            set_hash="bench",
            run=1,
            lumisection=1,
            complete=True,
            versions=(1,),
            inputs=Inputs(references=references),
        )

    reports = judged()
    if len(reports.reports) != 3 * elements or any(
        one.outcome in {Outcome.ERROR, Outcome.NOT_RUN, Outcome.INVALID} for one in reports.reports
    ):
        odd = next((one for one in reports.reports if one.outcome is not Outcome.GOOD), None)
        msg = f"{len(reports.reports)} reports, expected {3 * elements} verdicts: {odd}"
        raise BenchError(msg)
    judging, encoding = _seconds(judged), _seconds(lambda: CODEC.encode(reports))
    goal = None if quick else 2.0
    words = f"{elements} elements x 3 tests"
    yield _time(f"{words}: judged and encoded", judging + encoding, "s", goal)
    yield _time(f"{words}: judged", judging, "s")
    yield _time(f"{words}: encoded for publishing", encoding, "s")
    size = len(CODEC.encode(reports).value or b"")
    yield Row(name=f"{words}: published", value=size / 1e6, unit="MB", higher_is_better=False)
    yield _time(f"{words}: per report", 1e6 * judging / len(reports.reports), "us")


def _all_bad(elements: int, *, quick: bool) -> Iterator[Row]:
    """Half of the bins of each element are empty, and more than a report lists."""
    layout, random = _layout(elements), np.random.default_rng(3)
    contents = _contents(layout, random, elements, 2000)
    for place in layout:
        contents.cells[place.offset + 1 : place.offset + 1 + _BINS // 2] = 0
    compiled = compile_tests(read_tests(_EMPTY_BINS, "bench"), [layout]).workspaces[layout.hash]

    def judged() -> QualityReports:
        return judge(
            contents,
            compiled,
            scope="lumisection",
            set_hash="bench",
            run=1,
            lumisection=1,
            complete=True,
            versions=(1,),
        )

    reports = judged()
    for one in reports.reports:
        listed = len(one.bad_channels)
        if one.outcome is not Outcome.BAD or listed < MAX_BAD_CHANNELS or one.bad_count <= listed:
            msg = f"{one.path} is {one.outcome} with {listed} of {one.bad_count} bins listed"
            raise BenchError(msg)
    judging, encoding = _seconds(judged), _seconds(lambda: CODEC.encode(reports))
    words = f"{elements} BAD elements with {MAX_BAD_CHANNELS} worst bins each"
    yield _time(f"{words}: judged and encoded", judging + encoding, "s", None if quick else 2.0)
    yield _time(f"{words}: judged", judging, "s")
    yield _time(f"{words}: encoded for publishing", encoding, "s")


def _layout(elements: int) -> Layout:
    axis = regular(_BINS, 0, 1, label="x")
    names = [f"Bench/e{number:05d}" for number in range(elements)]
    return Layout(
        Workspace("bench", "Measured.", [histogram(name, axis, fill="x") for name in names])
    )


def _contents(layout: Layout, random: np.random.Generator, elements: int, entries: int) -> Contents:
    contents = Contents.empty(layout)
    counts = random.multinomial(entries, _shape(), elements)
    for place, row in zip(layout, counts, strict=True):
        contents.cells[place.offset + 1 : place.offset + 1 + _BINS] = row
    return contents


def _shape() -> Floats:
    shape: Floats = stats.norm.pdf(np.arange(_BINS), _BINS / 2, _BINS / 6) + 1e-3
    normal: Floats = shape / shape.sum()
    return normal


# --------------------------------------------------------------- each algorithm


def _algorithms() -> Iterator[Row]:
    random = np.random.default_rng(2)
    for name, algorithm in sorted(ALGORITHMS.items()):
        stack = _stack_for(algorithm, random)
        parameters = algorithm.parameters(**_PARAMETERS.get(name, {}))
        try:
            findings = algorithm.measure(stack, parameters)
        except (ValueError, TypeError, IndexError) as error:
            msg = f"{name} failed on {stack.entries.shape}: {error!r}"
            raise BenchError(msg) from error
        together = 1e6 * _seconds(lambda: algorithm.measure(stack, parameters)) / len(stack)  # noqa: B023
        yield _time(f"{name}, in a stack of {len(stack)}: per element", together, "us")
        if peer := _PEERS.get(name):
            yield from _against_peer(name, peer, stack, findings, together)


Peer = Callable[[Floats, Floats], float]


def _against_peer(
    name: str, peer: Peer, stack: Stack, findings: Findings, together: float
) -> Iterator[Row]:
    data = stack.entries[stack.inner].astype(np.float64)[:_ONE_BY_ONE]
    other = (
        stack.references[0].stack.entries[stack.inner].astype(np.float64)[:_ONE_BY_ONE]
        if stack.references
        else data
    )
    answers = np.array([peer(one, reference) for one, reference in zip(data, other, strict=True)])
    ours = _ANSWER[name](findings)[:_ONE_BY_ONE]
    if not np.allclose(ours, answers, rtol=1e-6, atol=1e-9):
        worst = int(np.abs(ours - answers).argmax())
        msg = f"{name}: {ours[worst]} for element {worst}, scipy says {answers[worst]}"
        raise BenchError(msg)
    alone = 1e6 * _seconds(
        lambda: [peer(one, reference) for one, reference in zip(data, other, strict=True)]
    )
    alone /= len(data)
    yield _time(f"{name}, the same by scipy one by one: per element", alone, "us")
    yield Row(name=f"{name}: scipy one by one / stack", value=alone / together, unit="x")


def _scipy_chi2(data: Floats, reference: Floats) -> float:
    filled = data + reference > 0
    return float(
        stats.chi2_contingency(np.stack([data, reference])[:, filled], correction=False).statistic
    )


def _scipy_mean(data: Floats, _reference: Floats) -> float:
    x = (np.arange(_BINS) + 0.5) / _BINS
    mean = np.average(x, weights=data)
    error = np.sqrt(np.average((x - mean) ** 2, weights=data) / data.sum())
    return float(2 * stats.norm.sf(abs(mean - 0.5), scale=np.hypot(0.02, error)))


def _scipy_distance(data: Floats, reference: Floats) -> float:
    x = (np.arange(_BINS) + 0.5) / _BINS
    return float(stats.wasserstein_distance(x, x, data, reference))


def _scipy_kolmogorov(data: Floats, reference: Floats) -> float:
    x = np.arange(_BINS)
    one, other = (np.repeat(x, counts.astype(int)) for counts in (data, reference))
    return float(stats.ks_2samp(one, other, method="asymp").statistic)


_PEERS: Final[Mapping[str, Peer]] = {
    "Chi2": _scipy_chi2,
    "KolmogorovSmirnov": _scipy_kolmogorov,
    "MeanWithinExpected": _scipy_mean,
    "Wasserstein": _scipy_distance,
}
_ANSWER: Final[Mapping[str, Callable[[Findings], Floats]]] = {
    "Chi2": lambda found: np.asarray(found.statistic),
    "KolmogorovSmirnov": lambda found: found.measured,
    "MeanWithinExpected": lambda found: found.qtresult,
    "Wasserstein": lambda found: found.measured,
}


def _stack_for(algorithm: Algorithm[Any], random: np.random.Generator) -> Stack:
    """A thousand elements of the first kind that the algorithm takes, with what it needs."""
    kind = next(one for one in _kinds() if not algorithm.refusal(one))

    def made(entries: int) -> Stack:
        return _made(kind, random, entries)

    stack = made(2000)
    match algorithm.needs:
        case Needs.REFERENCE | Needs.PARTNER:
            scale = np.full(_STACKED, 0.1)
            chosen = tuple(
                ReferenceStack(stack=made(20_000), scale=scale)
                for _ in range(min(algorithm.references, 8))
            )
            return replace(stack, references=chosen)
        case Needs.BAND:
            return replace(stack, bands=(_band(stack, random),))
        case Needs.PAST:
            past = (PastStack(lumisection=one, stack=made(2000)) for one in range(1, 20))
            return replace(stack, past=tuple(past), lumisection=20)
        case _:
            return stack


def _kinds() -> tuple[Histogram | Profile, ...]:
    """Elements of 50 bins each."""
    flat = Regular(bins=_BINS, lower=0, upper=1)
    across, along = Regular(bins=10, lower=0, upper=1), Regular(bins=5, lower=0, upper=1)
    return (
        Histogram(path="h1", axes=(flat,), fill=("x",)),
        Histogram(path="h2", axes=(across, along), fill=("x", "y")),
        Profile(path="p1", axes=(flat,), fill=("x",), value="v", value_range=(0, 1)),
        Profile(path="p2", axes=(across, along), fill=("x", "y"), value="v", value_range=(0, 1)),
    )


def _made(kind: Histogram | Profile, random: np.random.Generator, entries: int) -> Stack:
    counts = random.multinomial(entries, _shape(), _STACKED)
    extents = [axis.bins for axis in kind.axes if isinstance(axis, Regular)]
    flow = [(0, 0), *((1, 1) for _ in extents)]
    padded = np.pad(counts.reshape(-1, *extents), flow)
    if isinstance(kind, Histogram):
        return Stack(axes=kind.axes, entries=padded)
    passed = random.binomial(padded, 0.9).astype(np.float64)
    return Stack(axes=kind.axes, entries=padded, sums=passed, squares=passed, profile=True)


def _band(stack: Stack, random: np.random.Generator) -> BandStack:
    members = np.pad(random.multinomial(2000, _shape(), 100), ((0, 0), (1, 1))).astype(float)
    band = make_band(members, members.sum(axis=1))
    shape = stack.entries.shape
    return BandStack(
        centre=np.broadcast_to(band.centre, shape).copy(),
        lower=np.broadcast_to(band.lower, shape).copy(),
        upper=np.broadcast_to(band.upper, shape).copy(),
        statistical=np.broadcast_to(band.statistical, shape).copy(),
        scale=stack.entries.sum(axis=1) * 1.0,
        members=np.full(len(stack), 100),
    )


def _seconds(action: Callable[[], object]) -> float:
    """CPU seconds of this process, the least of three: other processes do not count."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return max(min(taken), 1e-9)


def _time(name: str, value: float, unit: str, goal: float | None = None) -> Row:
    return Row(name=name, value=value, unit=unit, goal=goal, higher_is_better=False)
