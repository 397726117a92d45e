"""What elements are compared with: references of several versions, bands, partners, LSs before."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Draw, Element, Histogram, Integer, Profile, Regular
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.messages.wire import CODEC
from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters, WholeStackError
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.inputs import (
    ChosenBand,
    ChosenReference,
    Exposure,
    Inputs,
    NoReference,
    Past,
    Wanted,
)
from dqmstream.quality.judgement import judge
from dqmstream.quality.stack import Stack, per_element

AXIS = Integer(lower=0, upper=3, label="bin")
ELEMENTS: tuple[Element, ...] = (
    Histogram(path="a", axes=(AXIS,), fill=("x",)),
    Histogram(path="b", axes=(AXIS,), fill=("x",)),
    Histogram(path="c", axes=(AXIS,), fill=("x",)),
    Histogram(path="emulated/a", axes=(AXIS,), fill=("x",)),
    Histogram(path="eff", axes=(AXIS,), fill=("x",), draw=Draw(efficiency=True)),
    Profile(path="mean", axes=(AXIS,), fill=("x",), value="y", value_range=(0, 8)),
)
LAYOUT = Layout(Booking(workspace="w", elements=ELEMENTS))


class Saved(Parameters, frozen=True, kw_only=True):
    """What the algorithm below is given; `p` is the p-value it returns."""

    p: Annotated[float, msgspec.Meta(ge=0)] = 0.5
    lookback: int = 2


def spying(seen: list[Stack]) -> Callable[[Stack, Saved], Findings]:
    """An algorithm that remembers its stacks; measures references, scaled."""

    def measure(stack: Stack, parameters: Saved) -> Findings:
        seen.append(stack)
        count = len(stack)
        measured = np.zeros(count)
        for one in stack.references:
            measured = measured + per_element(one.stack.content).sum(axis=1) * one.scale
        for band in stack.bands:
            measured = measured + per_element(band.centre).sum(axis=1) * band.scale
        for past in stack.past:
            measured = measured + per_element(past.stack.entries).sum(axis=1)
        p_value = np.full(count, parameters.p)
        return Findings(
            quantity="distance to the reference",
            qtresult=p_value,
            measured=measured,
            entries=per_element(stack.entries).sum(axis=1),
            p_value=p_value,
        )

    return measure


class Bench:
    """Judges with one algorithm of some needs."""

    def __init__(self, needs: Needs, **more: Any) -> None:
        self.stacks: list[Stack] = []
        measure = more.pop("measure", spying(self.stacks))
        algorithm = Algorithm(
            name="Mine",
            parameters=Saved,
            measure=measure,
            refusal=lambda _: "",
            warning=1e-2,
            error=1e-4,
            min_entries=1,
            needs=needs,
            lookback=lambda parameters: parameters.lookback,
            partner=lambda _, path: f"emulated/{path}",
            **more,
        )
        self._algorithms = {"Mine": algorithm}

    def __call__(
        self, contents: Contents, toml: str = "", path: str = "?", **more: Any
    ) -> dict[str, QualityReport]:
        text = f'[[quality_test]]\nname = "t"\nalgorithm = "Mine"\npath = "{path}"\n{toml}'
        tests = read_tests(text, "f", self._algorithms)
        compiled = compile_tests(tests, [contents.layout], self._algorithms)
        conditions = more.pop("conditions", None)
        self.reports = judge(
            contents,
            compiled.workspaces[contents.layout.hash],
            scope="lumisection",
            set_hash="s",
            run=1,
            lumisection=9,
            complete=True,
            versions=(1,),
            conditions=conditions,
            inputs=Inputs(**more),
        )
        return {one.path: one for one in self.reports.reports}


def filled(layout: Layout = LAYOUT, **counts: Sequence[int]) -> Contents:
    contents = Contents.empty(layout)
    for path, bins in counts.items():
        place = layout[path.replace("__", "/")]
        contents.cells[place.offset + 1 : place.offset + 1 + len(bins)] = bins
    return contents


def reference(contents: Contents, path: str, version: str = "v1", **more: Any) -> ChosenReference:
    return ChosenReference(
        version=version,
        name=f"ref {version}",
        contents=contents,
        element=contents.layout[path],
        **more,
    )


DATA = filled(a=[10, 20, 30], b=[1, 2, 3], c=[5, 5, 5], emulated__a=[7, 0, 0], eff=[1, 1, 2])


def test_each_row_is_compared_with_its_own_version() -> None:
    """Two bookings and two versions: rows stay with their elements."""
    other = Layout(
        Booking(workspace="old", elements=(ELEMENTS[2], ELEMENTS[0], *ELEMENTS[1:2], ELEMENTS[5]))
    )
    first, second = filled(a=[1, 1, 1], b=[2, 2, 2]), filled(other, c=[4, 4, 4], a=[9, 9, 9])

    def references(wanted: Wanted):
        assert (wanted.run, wanted.lumisection, wanted.workspace) == (1, 9, "w")
        which, version = (second, "v2") if wanted.path == "c" else (first, "v1")
        return (reference(which, wanted.path, version),)

    bench = Bench(Needs.REFERENCE)
    reports = bench(DATA, 'normalise = "none"', references=references)
    assert [reports[path].measured for path in "abc"] == [3, 6, 12]
    assert [reports[path].references for path in "abc"] == [("v1",), ("v1",), ("v2",)]
    assert reports["c"].message.startswith("distance to ref v2 is 12 ")
    assert len(bench.stacks) == 1, "one stack for all three"


def test_several_references_are_those_the_test_can_use_the_one_of_choice_first() -> None:
    def references(wanted: Wanted):
        assert wanted.most == 2
        count = 1 if wanted.path == "b" else 3
        return tuple(
            reference(filled(**{wanted.path: [n, n, n]}), wanted.path, f"v{n}")
            for n in range(1, count + 1)
        )

    bench = Bench(Needs.REFERENCE, references=2)
    reports = bench(DATA, 'normalise = "none"', references=references)
    assert [reports[path].references for path in "abc"] == [("v1", "v2"), ("v1",), ("v1", "v2")]
    assert [reports[path].measured for path in "abc"] == [9, 3, 9]


def test_without_a_valid_reference_it_is_not_run_and_says_why() -> None:
    def references(wanted: Wanted):
        if wanted.path == "b":
            return NoReference("2018D has expired")
        return (reference(filled(**{wanted.path: [1, 1, 1]}), wanted.path),)

    reports = Bench(Needs.REFERENCE)(DATA, references=references)
    assert reports["b"].outcome is Outcome.NOT_RUN
    assert reports["b"].message == "not judged: 2018D has expired"
    assert reports["a"].outcome is Outcome.GOOD
    none = Bench(Needs.REFERENCE)(DATA)
    assert {one.outcome for one in none.values()} == {Outcome.NOT_RUN}


def test_other_axes_are_invalid_and_both_are_named() -> None:
    wide = Layout(
        Booking(
            workspace="w",
            elements=(
                Histogram(path="a", axes=(Regular(bins=3, lower=0, upper=1),), fill=("x",)),
                Histogram(path="b", axes=(Integer(lower=0, upper=3, label="other"),), fill=("z",)),
            ),
        )
    )

    def references(wanted: Wanted):
        if wanted.path == "c":
            return (reference(filled(), "mean"),)
        return (reference(filled(wide, a=[1, 1, 1], b=[1, 1, 1]), wanted.path),)

    reports = Bench(Needs.REFERENCE)(DATA, references=references)
    assert [reports[path].outcome for path in "abc"] == [
        Outcome.INVALID,
        Outcome.GOOD,
        Outcome.INVALID,
    ]
    assert "over integer bins (lower 0, upper 3)" in reports["a"].message
    assert "over regular bins (bins 3, lower 0" in reports["a"].message
    assert "that is a profile" in reports["c"].message


LSS = Exposure(lumisections=10, luminosity=2.0)


@pytest.mark.parametrize(
    ("normalise", "own", "expected"),
    [
        ("entries", Exposure(), 60),
        ("lumisections", Exposure(lumisections=5), 3 * 5 / 10),
        ("luminosity", Exposure(luminosity=0.5), 3 * 0.5 / 2.0),
        ("none", Exposure(), 3),
    ],
)
def test_references_are_scaled_as_declared(normalise: str, own: Exposure, expected: float) -> None:
    def references(wanted: Wanted):
        return (reference(filled(a=[1, 1, 1]), "a", exposure=LSS),)

    toml = f'normalise = "{normalise}"'
    (report,) = Bench(Needs.REFERENCE)(
        DATA, toml, path="a", references=references, exposure=own
    ).values()
    assert report.measured == pytest.approx(expected)


@pytest.mark.parametrize("path", ["eff", "mean"])
def test_efficiencies_and_means_are_never_scaled(path: str) -> None:
    def references(wanted: Wanted):
        return (reference(filled(eff=[1, 1, 2]), path, exposure=LSS),)

    data = filled(eff=[2, 2, 4])
    data.cells[LAYOUT["mean"].offset + 1] = 5
    bench = Bench(Needs.REFERENCE)
    bench(data, 'normalise = "entries"', path=path, references=references)
    assert bench.stacks[0].references[0].scale.tolist() == [1.0]


@pytest.mark.parametrize(
    ("normalise", "counts", "own", "why"),
    [
        ("entries", [0, 0, 0], Exposure(), "reference ref v1 has no entries to scale by"),
        ("luminosity", [1, 1, 1], Exposure(), "the luminosity to scale the reference to is not"),
        ("luminosity", [1, 1, 1], Exposure(luminosity=1.0), "has no known luminosity"),
    ],
)
def test_what_cannot_be_scaled_is_not_run_and_the_others_are_judged(
    normalise: str, counts: list[int], own: Exposure, why: str
) -> None:
    known = Exposure(lumisections=1, luminosity=1.0)

    def references(wanted: Wanted):
        if wanted.path == "b":
            return (reference(filled(b=counts), "b"),)
        good = filled(**{wanted.path: [1, 1, 1]})
        return (reference(good, wanted.path, exposure=known),)

    reports = Bench(Needs.REFERENCE)(
        DATA, f'normalise = "{normalise}"', references=references, exposure=own
    )
    assert reports["b"].outcome is Outcome.NOT_RUN
    assert why in reports["b"].message
    if own.luminosity is not None or normalise == "entries":
        assert reports["a"].outcome is reports["c"].outcome is Outcome.GOOD
        assert reports["c"].measured == (15 if normalise == "entries" else 3)


def band(**more: Any) -> ChosenBand:
    fields = {
        "version": "b1",
        "name": "band #1",
        "axes": (AXIS,),
        "centre": np.array([0.0, 1, 2, 3, 0]),
        "lower": np.zeros(5),
        "upper": np.ones(5),
        "statistical": np.zeros(5),
        "members": 40,
    }
    return ChosenBand(**fields | more)


@pytest.mark.parametrize(
    ("per", "expected"), [("entries", 60 * 6), ("lumisections", 24), ("luminosity", 3), ("none", 6)]
)
def test_a_band_is_in_its_own_units(per: str, expected: float) -> None:
    own = Exposure(lumisections=4, luminosity=0.5)
    bench = Bench(Needs.BAND)
    reports = bench(DATA, path="a", references=lambda _: band(per=per), exposure=own)
    assert reports["a"].measured == expected
    assert reports["a"].references == ("b1",)
    assert bench.stacks[0].bands[0].members.tolist() == [40]
    assert np.isnan(bench.stacks[0].bands[0].usual).all()


MADE_OF = Exposure(lumisections=40, luminosity=10.0)
ALL_OF_IT = {"entries": 800.0, "lumisections": 40.0, "luminosity": 10.0, "none": 40.0}
"""What all members of a band had together."""
OWN = {"entries": 60.0, "lumisections": 4.0, "luminosity": 0.5, "none": 1.0}


@pytest.mark.parametrize("by", OWN)
@pytest.mark.parametrize("per", OWN)
def test_a_band_is_compared_in_the_unit_that_is_asked_for(per: str, by: str) -> None:
    own = Exposure(lumisections=4, luminosity=0.5)
    fields = {"statistical": np.full(5, 2.0), "usual": (1.0, 0.5, 0.25)}
    made = band(per=per, exposure=MADE_OF, entries=800.0, **fields)
    bench = Bench(Needs.BAND)
    reports = bench(DATA, f'normalise = "{by}"', path="a", references=lambda _: made, exposure=own)
    # Of the 6 that it expects for one unit: as many units as fall on what the element was made of.
    ratio = ALL_OF_IT[per] / ALL_OF_IT[by]
    assert reports["a"].measured == pytest.approx(6 * OWN[by] * ratio, rel=1e-14)
    (stack,) = bench.stacks
    given = stack.bands[0]
    assert given.scale.tolist() == [OWN[by]]
    np.testing.assert_allclose(given.upper - given.lower, np.full((1, 5), ratio))
    np.testing.assert_allclose(given.statistical, np.full((1, 5), 2 * ratio**2))
    # What its LSs did is known in the unit that it was made in.
    assert given.usual.tolist() == [[1.0, 0.5, 0.25]] or (per != by and np.isnan(given.usual).all())


@pytest.mark.parametrize("by", OWN)
@pytest.mark.parametrize("path", ["eff", "mean"])
def test_a_band_of_efficiencies_or_means_is_never_scaled(path: str, by: str) -> None:
    made = band(per="none", profile=path == "mean", exposure=MADE_OF, entries=800.0)
    contents = DATA.copy()
    contents.cells[LAYOUT["mean"].offset + 1] = 4
    reports = Bench(Needs.BAND)(
        contents,
        f'normalise = "{by}"',
        path=path,
        references=lambda _: made,
        exposure=Exposure(lumisections=4),
    )
    assert reports[path].measured == 6


@pytest.mark.parametrize(
    ("toml", "fields", "own", "said"),
    [
        ("luminosity", {}, None, "is per luminosity, and that of the LS is not known"),
        ("luminosity", {"exposure": Exposure(lumisections=9)}, 0.5, "to be compared per lumi"),
        ("lumisections", {}, None, "is per entry, to be compared per LS: it is not known how"),
    ],
)
def test_a_band_that_cannot_be_brought_to_a_unit_is_not_used(
    toml: str, fields: dict[str, Any], own: float | None, said: str
) -> None:
    reports = Bench(Needs.BAND)(
        DATA,
        f'normalise = "{toml}"',
        path="a",
        references=lambda _: band(**fields),
        exposure=Exposure(luminosity=own),
    )
    assert reports["a"].outcome is Outcome.NOT_RUN
    assert said in reports["a"].message
    assert reports["a"].references == ("b1",)


def test_a_band_of_other_axes_or_of_unknown_luminosity_is_not_used() -> None:
    def references(wanted: Wanted):
        assert wanted.kind == "band"
        if wanted.path == "a":
            return band(axes=(Integer(lower=0, upper=4),))
        return band(per="luminosity") if wanted.path == "b" else band(profile=True)

    reports = Bench(Needs.BAND)(DATA, references=references)
    assert [reports[path].outcome for path in "abc"] == [
        Outcome.INVALID,
        Outcome.NOT_RUN,
        Outcome.INVALID,
    ]


def test_a_partner_is_of_the_same_lumisection() -> None:
    reports = Bench(Needs.PARTNER)(DATA)
    assert reports["a"].measured == 7
    assert reports["b"].outcome is Outcome.INVALID
    assert "its partner emulated/b is not booked" in reports["b"].message
    broken = DATA.copy()
    broken.mark_invalid(LAYOUT["emulated/a"].index, "no column")
    assert "emulated/a could not be filled" in Bench(Needs.PARTNER)(broken)["a"].message


def test_the_past_is_given_oldest_first_without_what_could_not_be_filled() -> None:
    past = [Past(lumisection=n, contents=filled(a=[n, 0, 0], b=[n, 0, 0])) for n in (6, 8)]
    past[0].contents.mark_invalid(LAYOUT["b"].index, "no column")
    asked = []

    def before(count: int, accepted: Any) -> list[Past]:
        asked.append((count, accepted(None)))
        return past

    bench = Bench(Needs.PAST)
    reports = bench(DATA, path="[ab]", past=before)
    assert asked == [(2, True)]
    assert [reports[path].measured for path in "ab"] == [14, 8]
    by_rows = {len(stack.past): [one.lumisection for one in stack.past] for stack in bench.stacks}
    assert by_rows == {2: [6, 8], 1: [8]}
    assert {stack.lumisection for stack in bench.stacks} == {9}


def test_without_any_past_it_is_insufficient() -> None:
    reports = Bench(Needs.PAST)(DATA)
    assert {one.outcome for one in reports.values()} == {Outcome.INSUFFICIENT}


def test_only_lumisections_that_the_gate_lets_in_are_looked_at() -> None:
    now = Conditions(run=1, lumisection=9, beam_mode="STABLE BEAMS")
    accepted: list[bool] = []

    def before(_: int, accept: Any) -> list[Past]:
        rows = [
            msgspec.structs.replace(now, beam_mode=mode) for mode in ("STABLE BEAMS", "RAMP", "")
        ]
        accepted.extend(map(accept, rows))
        return []

    Bench(Needs.PAST)(DATA, 'beam_mode = "STABLE BEAMS"', past=before, conditions=now, path="a")
    assert accepted == [True, False, False]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"beam_mode": "STABLE BEAMS", "prescale_index": 2}, [True, False, False, False]),
        ({"beam_mode": "STABLE BEAMS", "prescale_index": 3}, [False, True, False, False]),
        ({"beam_mode": "STABLE BEAMS"}, [False, False, True, False]),
        ({}, [False, False, False, True]),
    ],
)
def test_only_lumisections_with_the_same_conditions_are_looked_at(
    own: dict[str, Any], expected: list[bool]
) -> None:
    """What is not known is the same as what is not known, and nothing else is."""
    now = Conditions(run=1, lumisection=9, **own)
    stable = Conditions(run=1, lumisection=1, beam_mode="STABLE BEAMS")
    rows = [
        msgspec.structs.replace(stable, prescale_index=2, pileup=3.0),
        msgspec.structs.replace(stable, prescale_index=3),
        stable,
        None,
    ]
    accepted: list[bool] = []

    def before(_: int, accept: Any) -> list[Past]:
        accepted.extend(map(accept, rows))
        return []

    toml = 'same = ["beam_mode", "prescale_index"]'
    reports = Bench(Needs.PAST)(DATA, toml, past=before, conditions=now, path="a")
    assert accepted == expected
    assert reports["a"].outcome is Outcome.INSUFFICIENT
    assert "no LS of the run before it like it in beam_mode, prescale_index" in reports["a"].message


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [(0.5, [True, False, False]), (None, [False, True, False])],
)
def test_known_luminosities_are_compared_with_known_ones(
    recorded: float | None, expected: list[bool]
) -> None:
    now = Conditions(run=1, lumisection=9, recorded=recorded)
    accepted: list[bool] = []

    def before(_: int, accept: Any) -> list[Past]:
        rows = [msgspec.structs.replace(now, recorded=each) for each in (0.25, None, 0.0)]
        accepted.extend(map(accept, rows))
        return [Past(lumisection=8, contents=DATA, luminosity=0.25 if recorded else None)]

    bench = Bench(Needs.PAST, counts=lambda _: True)
    bench(DATA, 'normalise = "luminosity"', past=before, conditions=now, path="a")
    assert accepted == expected
    (stack,) = bench.stacks
    assert stack.luminosity == recorded
    assert [one.stack.luminosity for one in stack.past] == [0.25 if recorded else None]


def test_a_lumisection_without_luminosity_has_no_rate() -> None:
    now = Conditions(run=1, lumisection=9, recorded=0.0)
    bench = Bench(Needs.PAST, counts=lambda _: True)
    report = bench(DATA, 'normalise = "luminosity"', conditions=now, path="a")["a"]
    assert report.outcome is Outcome.INSUFFICIENT
    assert "no luminosity was recorded in the LS" in report.message
    assert bench.stacks == []


# ------------------------------------------------------------------ failures, corrections


def test_a_catalogue_that_fails_costs_the_tests_that_asked_it() -> None:
    def references(wanted: Wanted):
        msg = "the catalogue is broken"
        raise OSError(msg)

    reports = Bench(Needs.REFERENCE)(DATA, references=references)
    assert {one.outcome for one in reports.values()} == {Outcome.ERROR}
    assert "the catalogue is broken" in reports["a"].message
    assert "in references" in reports["a"].trace


def test_a_stack_that_fails_whole_is_not_tried_row_by_row() -> None:
    calls = []

    def hangs(stack: Stack, _: Saved) -> Findings:
        calls.append(len(stack))
        msg = "took longer than 5 s"
        raise WholeStackError(msg)

    reports = Bench(Needs.NOTHING, measure=hangs)(DATA)
    assert calls == [3]
    assert {one.outcome for one in reports.values()} == {Outcome.ERROR}
    assert "took longer than 5 s" in reports["b"].message


@pytest.mark.parametrize("p", [1.5, -0.05])
def test_a_p_value_that_is_none_is_an_error(p: float) -> None:
    def bad(stack: Stack, _: Saved) -> Findings:
        good = np.ones(len(stack))
        entries = per_element(stack.entries).sum(axis=1)
        return Findings(
            quantity="q", qtresult=good, measured=good, entries=entries, p_value=good * p
        )

    reports = Bench(Needs.NOTHING, measure=bad)(DATA)
    assert {one.outcome for one in reports.values()} == {Outcome.ERROR}
    assert "p-value" in reports["a"].message


def by_row(stack: Stack, _: Saved) -> Findings:
    """The first bin is -log10 of the p-value, 99 for one that cannot be said."""
    exponent = stack.entries[:, 1].astype(float)
    p_value = np.where(exponent == 99, np.nan, 10.0**-exponent)
    result = np.nan_to_num(p_value, nan=0.5)
    entries = per_element(stack.entries).sum(axis=1)
    return Findings(
        quantity="q",
        qtresult=np.where(exponent == 99, np.nan, p_value) if (exponent < 99).all() else result,
        measured=exponent,
        entries=entries,
        p_value=p_value,
    )


def test_thresholds_are_of_the_adjusted_p_value_and_the_message_says_so() -> None:
    """p = 1e-3 would be WARNING alone; among three tests it is adjusted to 3e-3, still below."""
    reports = Bench(Needs.NOTHING, measure=by_row)(filled(a=[5, 1], b=[2, 1], c=[1, 1]))
    assert [reports[path].adjusted for path in "abc"] == pytest.approx([3e-5, 1.5e-2, 0.1])
    assert [reports[path].outcome for path in "abc"] == [
        Outcome.BAD,
        Outcome.GOOD,
        Outcome.GOOD,
    ]
    assert [reports[path].p_value for path in "abc"] == pytest.approx([1e-5, 1e-2, 1e-1])
    assert "(p-value 0.01, adjusted for 3 tests 0.015)" in reports["b"].message
    assert reports["b"].limit == "adjusted p-value at least 0.01 (BAD below 0.0001)"
    assert reports["a"].statistic == 5


def test_a_test_may_stand_outside_of_the_correction() -> None:
    reports = Bench(Needs.NOTHING, measure=by_row)(
        filled(a=[5, 1], b=[3, 1], c=[1, 1]), "false_discovery = false"
    )
    assert {one.adjusted for one in reports.values()} == {None}
    assert [reports[path].outcome for path in "abc"] == [
        Outcome.BAD,
        Outcome.WARNING,
        Outcome.GOOD,
    ]


def test_what_is_not_judged_is_not_counted_among_the_tests() -> None:
    reports = Bench(Needs.NOTHING, measure=by_row)(
        filled(a=[5, 90], b=[3, 1], c=[1, 1]), "min_entries = 50"
    )
    assert reports["a"].adjusted == pytest.approx(1e-5)
    assert reports["b"].outcome is Outcome.INSUFFICIENT
    assert reports["b"].p_value is None


def test_reports_of_thousands_of_elements_travel_compressed() -> None:
    layout = Layout(
        Booking(
            workspace="w",
            elements=tuple(
                Histogram(path=f"folder/element_{n}", axes=(AXIS,), fill=("x",))
                for n in range(3000)
            ),
        )
    )
    contents = Contents.empty(layout)
    contents.cells[:] = 40
    bench = Bench(Needs.NOTHING)
    bench(contents, path="**")
    wired = CODEC.encode(bench.reports)
    assert ("encoding", b"zstd") in wired.headers
    assert len(wired.value) * 5 < len(CODEC.body(bench.reports))
    assert CODEC.decode(wired.headers, wired.value) == bench.reports
