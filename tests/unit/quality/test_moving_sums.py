"""Sums that follow a run cost the same for each LS, and are those that adding anew gives."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer, Profile
from dqmstream.messages.operations import Conditions
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.exposed import Exposed
from dqmstream.quality.held import ClosedLumisection
from dqmstream.quality.inputs import Exposure
from dqmstream.quality.numbers import LumisectionNumbers
from dqmstream.quality.run_total import CountedLumisection, RunTotal
from dqmstream.quality.windows import Begin, WindowSum, begin_of
from tests.unit.quality.test_windows import LAYOUT as SMALL
from tests.unit.quality.test_windows import piece

AXIS = Integer(lower=0, upper=3, label="b")
LAYOUT = Layout(
    Booking(
        workspace="w",
        elements=(
            Histogram(path="counts", axes=(AXIS,), fill=("x",)),
            Histogram(path="weights", axes=(AXIS,), fill=("x",), weight="w", weight_range=(0, 9)),
            Profile(path="mean", axes=(AXIS,), fill=("x",), value="v", value_range=(-5, 5)),
        ),
    )
)
SCOPES = ("run", "last:3", "last:7", "change:fill", "change:fill,dcs")

numbers = st.integers(1, 25)
luminosities = st.none() | st.floats(0, 1e3) | st.sampled_from([0.1, 1e-9, 1e9, 5e-324])
rows = st.none() | st.builds(
    lambda fill, on, recorded: Conditions(
        run=1,
        lumisection=1,
        fill=fill,
        dcs={} if on is None else {"bpix": on},
        recorded=recorded,
    ),
    st.none() | st.integers(1, 2),
    st.none() | st.booleans(),
    luminosities,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("close"), numbers, st.integers(0, 1 << 30)),
        st.tuples(st.just("told"), numbers, rows),
        st.tuples(st.just("judge"), st.sampled_from(SCOPES), st.none()),
    ),
    max_size=60,
)


def closed(seed: int) -> ClosedLumisection:
    random = np.random.default_rng(seed)
    contents = Contents.empty(LAYOUT)
    contents.cells[:] = random.integers(0, 1 << 20, LAYOUT.cells)
    if seed % 3 == 0:
        contents.mark_invalid(seed % 2, f"chunk {seed}")
    return ClosedLumisection(contents, seed % 5 != 0, (seed,), "")


def anew(held: dict[int, ClosedLumisection], wanted: Sequence[int]) -> RunTotal:
    """The direct sum."""
    total = RunTotal(LAYOUT)
    for number in wanted:
        total.add(number, held[number].contents, counted(held[number]))
    return total


def counted(one: ClosedLumisection) -> CountedLumisection:
    return CountedLumisection(
        complete=one.complete, versions=one.versions, invalid=one.contents.invalid
    )


@given(steps)
def test_a_window_that_moves_is_the_sum_of_its_lumisections(
    done: list[tuple[str, Any, Any]],
) -> None:
    held: dict[int, ClosedLumisection] = {}
    told: dict[int, Conditions | None] = {}
    run, exposed, in_run = RunTotal(LAYOUT), Exposed(told.get), LumisectionNumbers()
    windows = {scope: WindowSum(LAYOUT, told.get) for scope in SCOPES}
    begins = {scope: Begin(scope, told.get) for scope in SCOPES}
    for what, place, value in done:
        if what == "close":
            if place in held:
                before = held[place].contents
                run.remove(place, before)
                exposed.remove(place)
                for window in windows.values():
                    window.take_out(place, before)
            else:
                in_run.add(place)
            held[place] = closed(value)
            run.add(place, held[place].contents, counted(held[place]))
            exposed.add(place)
            for scope in SCOPES:
                windows[scope].count(place)
                begins[scope].renew(place)
        elif what == "told":
            told[place] = value
            exposed.renew(place)
            for scope in SCOPES:
                windows[scope].exposed.renew(place)
                begins[scope].renew(place)
        elif held:
            first = begins[place].of(in_run)
            assert first == begin_of(place, sorted(held), told.get)
            windows[place].move(first, in_run, held.__getitem__)
            wanted = [number for number in sorted(held) if number >= first]
            check(windows[place].total, windows[place].exposed, held, wanted, told)
    if held:
        check(run, exposed, held, sorted(held), told)


def check(
    total: RunTotal,
    exposed: Exposed,
    held: dict[int, ClosedLumisection],
    wanted: list[int],
    told: dict[int, Conditions | None],
) -> None:
    direct = anew(held, wanted)
    assert total.contents.equals(direct.contents)
    assert list(total.numbers) == wanted
    assert (total.all_complete, total.versions) == (direct.all_complete, direct.versions)
    assert total.complete == direct.complete
    assert exposed.exposure == Exposure.of(wanted, told.get)


@given(st.lists(numbers, unique=True), st.data())
def test_numbers_are_those_that_came_and_have_not_gone(came: list[int], data: Any) -> None:
    some = LumisectionNumbers(came)
    gone = data.draw(st.lists(st.sampled_from(came), unique=True)) if came else []
    for number in gone:
        some.remove(number)
    left = sorted(set(came) - set(gone))
    assert (list(some), list(reversed(some)), len(some)) == (left, left[::-1], len(left))
    first, last = data.draw(numbers), data.draw(numbers)
    lacking = {n for a, b in some.missing(first, last) for n in range(a, b + 1)}
    assert lacking == set(range(first, last + 1)) - set(left)
    assert some.count_from(first) == sum(number >= first for number in left)
    assert list(some.between(first, last)) == [n for n in left if first <= n < last]
    assert some.gapless == (not left or len(left) == left[-1] - left[0] + 1)


def test_luminosity_is_rounded_once_whatever_came_and_went() -> None:
    values = {1: 0.1, 2: 0.2, 3: 0.3, 4: 1e17}
    told = {n: Conditions(run=1, lumisection=n, recorded=v) for n, v in values.items()}
    exposed = Exposed(told.get)
    for number in values:
        exposed.add(number)
    exposed.remove(4)
    assert exposed.exposure == Exposure(lumisections=3, luminosity=math.fsum([0.1, 0.2, 0.3]))
    assert exposed.exposure.luminosity == 0.6, "one by one it would be 0.6000000000000001"
    told[2] = msgspec.structs.replace(told[2], recorded=float("inf"))
    exposed.renew(2)
    assert exposed.exposure.luminosity is None


@pytest.mark.parametrize(
    "scope", ['"run"', '"last"\nlumisections = 5', '"change"\nsince = ["fill"]']
)
def test_an_lumisection_more_costs_the_same_however_many_there_are(scope: str) -> None:
    text = f'[[quality_test]]\nname = "t"\nalgorithm = "DeadChannel"\npath = "me"\nscope = {scope}'
    asked = 0

    def conditions(_run: int, lumisection: int) -> Conditions:
        nonlocal asked
        asked += 1
        return Conditions(run=1, lumisection=lumisection, fill=7, recorded=0.5)

    tests = compile_tests(read_tests(text, "f"), [SMALL]).workspaces.get
    one = Comparison(tests, ComparisonSettings(), conditions=conditions)
    costs = []
    for number in range(1, 201):
        asked = 0
        (*_, window) = one.apply(piece(number), number)
        costs.append(asked)
        assert window.lumisection == number
    assert costs[20:] == [costs[20]] * 180
    assert costs[20] < 10
