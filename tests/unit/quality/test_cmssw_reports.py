"""All of CMSSW's quality tests as the comparator runs them: on every kind of element and axis."""

import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Axis,
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Variable,
)
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.inputs import ChosenReference, Inputs, Wanted
from dqmstream.quality.judgement import judge

LIMITS = {
    "CheckVariance": "minimum = 3.0",
    "Comp2Ref2DChi2": "",
    "Comp2RefChi2": "",
    "Comp2RefEqualH": "",
    "Comp2RefKolmogorov": "",
    "CompareLastFilledBin": "av_val = 5.0, max_val = 8.0",
    "CompareToMedian": "max_abs = 90.0",
    "ContentSigma": "tolerance_noisy = 1, tolerance_dead = 1",
    "ContentsWithinExpected": "min_mean = 4.0, tolerance_mean = 0.5",
    "ContentsXRange": "xmin = 2.0",
    "ContentsYRange": "ymin = 4.0",
    "DeadChannel": "threshold = 3, share = 0.9",
    "MeanWithinExpected": "xmin = 0.4, xmax = 0.5",
    "NoisyChannel": "tolerance = 0.3, neighbours = 1",
}
REFERENCES = [name for name in LIMITS if name.startswith("Comp2Ref")]


def booked() -> Layout:
    axes: dict[str, Axis] = {
        "codes": Category(codes=(1, 5, 7), label="code"),
        "edges": Variable(edges=(0.0, 1.0, 4.0, 9.0), label="time"),
        "even": Regular(bins=4, lower=0, upper=8, label="charge"),
        "whole": Integer(lower=0, upper=5, label="module"),
    }
    elements: list[Element] = [Scalar(path="number", value="x", combine="sum")]
    for name, first in axes.items():
        for second in ((), (axes["codes"],), (axes["whole"],)):
            along, fill = (first, *second), ("x",) * (1 + len(second))
            path = "_".join([name, *(f"{len(along)}d" + one.label for one in second)])
            elements += [
                Histogram(path=f"counts/{path}", axes=along, fill=fill),
                Histogram(
                    path=f"weights/{path}", axes=along, fill=fill, weight="w", weight_range=(0, 4)
                ),
                Profile(
                    path=f"means/{path}", axes=along, fill=fill, value="y", value_range=(-4, 4)
                ),
            ]
    cube = (axes["whole"], axes["even"], axes["codes"])
    elements.append(Histogram(path="counts/cube", axes=cube, fill=("x",) * 3))
    return Layout(Booking(workspace="w", elements=tuple(elements)))


LAYOUT = booked()


def filled(seed: int, layout: Layout = LAYOUT) -> Contents:
    """Some 40 entries in each cell, flow included, weights and values about 1.5."""
    random = np.random.default_rng(seed)
    contents = Contents.empty(layout)
    for place in layout:
        if isinstance(place.element, Scalar):
            continue
        cells = contents.cells[place.offset : place.nan].reshape(place.planes, -1)
        cells[0] = random.poisson(40, cells.shape[1])
        if place.planes == 3:
            values = random.normal(1.5, 0.1, cells.shape[1])
            cells[1] = np.ldexp(cells[0] * values, place.bits)
            cells[2] = np.ldexp(cells[0] * (values**2 + 0.01), place.square_bits)
    return contents


def judged(
    contents: Contents, name: str, *, compatible: bool, reference: Contents
) -> dict[str, QualityReport]:
    limits = "" if name == "CheckVariance" and compatible else LIMITS[name]
    inside = ", ".join(filter(None, [limits, f"cmssw_compatible = {str(compatible).lower()}"]))
    text = f'[[quality_test]]\nname = "t"\nalgorithm = "{name}"\npath = "**"\n'
    text += 'normalise = "none"\n' if name in REFERENCES else ""
    text += f"parameters = {{ {inside} }}\n"
    compiled = compile_tests(read_tests(text, "f"), [contents.layout])

    def references(wanted: Wanted) -> tuple[ChosenReference, ...]:
        place = reference.layout[wanted.path]
        return (ChosenReference(version="v", name="run 1", contents=reference, element=place),)

    reports = judge(
        contents,
        compiled.workspaces[contents.layout.hash],
        scope="lumisection",
        set_hash="s",
        run=1,
        lumisection=2,
        complete=True,
        versions=(1,),
        inputs=Inputs(references=references),
    )
    return {one.path: one for one in reports.reports}


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("name", LIMITS)
def test_every_element_is_judged_or_refused_with_a_reason(name: str, compatible: bool) -> None:
    """None of them is an ERROR, and bins that are listed have names."""
    found = judged(filled(1), name, compatible=compatible, reference=filled(2))
    assert set(found) == {place.element.path for place in LAYOUT}
    assert found["number"].outcome is Outcome.INVALID
    judgements = {Outcome.GOOD, Outcome.WARNING, Outcome.BAD}
    for path, report in found.items():
        allowed = judgements | {Outcome.INVALID, Outcome.INSUFFICIENT}
        assert report.outcome in allowed, (path, report.message)
        for bad in report.bad_channels:
            assert bad.label
            assert np.isfinite(bad.content)
    assert any(one.outcome in judgements for one in found.values())


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("name", REFERENCES)
def test_an_element_is_like_itself(name: str, compatible: bool) -> None:
    contents = filled(3)
    found = judged(contents, name, compatible=compatible, reference=contents)
    outcomes = {one.outcome for path, one in found.items() if path.startswith("counts/")}
    assert outcomes <= {Outcome.GOOD, Outcome.INVALID}
    assert Outcome.GOOD in outcomes


def test_an_entry_more_in_the_underflow_is_named() -> None:
    contents, reference = filled(3), filled(3)
    reference.cells[LAYOUT["counts/whole"].offset] -= 1
    report = judged(contents, "Comp2RefEqualH", compatible=False, reference=reference)[
        "counts/whole"
    ]
    assert report.outcome is Outcome.BAD
    assert [one.label for one in report.bad_channels] == ["module underflow"]
    assert report.bad_channels[0].bins == (-1,)
    assert report.references == ("v",)


def test_empty_elements_are_never_good() -> None:
    empty, reference = Contents.empty(LAYOUT), filled(3)
    for name in LIMITS:
        for compatible in (False, True):
            found = judged(empty, name, compatible=compatible, reference=reference)
            assert {one.outcome for one in found.values()} <= {
                Outcome.INSUFFICIENT,
                Outcome.INVALID,
            }
