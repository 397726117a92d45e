"""What labelled LSs can decide, and the forms that take the run's own LSs: their arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.quality.labelled import Labelled
from playback.bench.labelled.context import averaged, in_run
from playback.bench.labelled.division import COMBINED
from playback.bench.labelled.measured import AREA, CLEAR, FOUND, Measures
from playback.bench.labelled.reach import independent, least_found, reach, runs_of_half
from playback.bench.labelled.scorers import CHI2, PCA


def lumisections(runs: int, of_each: int, bad_runs: int, seed: int = 1) -> Labelled:
    """Flat LSs; the first runs are bad."""
    random = np.random.default_rng(seed)
    run = np.repeat(np.arange(runs), of_each)
    return Labelled(
        run=run,
        lumisection=np.tile(np.arange(1, of_each + 1) * 10, runs),
        counts=random.poisson(40.0, (len(run), 22)).astype(float),
        good=run >= bad_runs,
        on=np.ones(len(run), bool),
    )


def measures(data: Labelled, base_finds: int, bootstraps: int = 60) -> Measures:
    """Of a base that finds the bad LSs of some runs, and no others."""
    noise = np.random.default_rng(2).random(len(data))
    finds = 10.0 * ((data.run < base_finds) & ~data.good)
    scores = {CHI2: noise + finds, PCA: noise, COMBINED: noise + 5.0 * ~data.good}
    return Measures(data, [scores, scores], np.ones(len(data), bool), bootstraps)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_lumisections_of_a_run_are_worth_one_and_many_equal_runs_as_many_as_they_are(sizes) -> None:
    run = np.repeat(np.arange(len(sizes)), sizes)
    assert 1 <= independent(run) <= len(sizes) + 1e-9
    assert independent(np.repeat(np.arange(len(sizes)), 3)) == pytest.approx(len(sizes))


@given(st.lists(st.integers(0, 6), max_size=40))
def test_half_of_some_lumisections_are_in_so_many_runs_and_not_in_fewer(of_runs) -> None:
    run = np.array(of_runs, np.int64)
    number = runs_of_half(run)
    largest = np.sort(np.bincount(run, minlength=7))[::-1] if len(run) else np.zeros(7)
    assert largest[:number].sum() >= len(run) / 2
    assert number == 0 or largest[: number - 1].sum() < len(run) / 2


def test_the_more_bad_runs_there_are_the_less_has_to_be_found_to_be_clear() -> None:
    few, many = (
        least_found(measures(lumisections(20 + bad, 5, bad), bad // 4), CHI2) for bad in (12, 60)
    )
    assert 0.25 < many < few < 1


def test_nothing_is_clear_of_two_bad_runs() -> None:
    """Among the runs drawn the second one is now all that is bad, now nothing."""
    data = lumisections(30, 5, 2)
    assert np.isnan(least_found(measures(data, 1), CHI2))


def test_the_labels_themselves_have_the_largest_area_and_find_all() -> None:
    measured = measures(lumisections(40, 5, 8), 2)
    for what in (AREA, FOUND):
        assert measured.of_labels(what).value == 1
        assert measured.of_labels(what).value >= measured.of(CHI2, what).value


def test_what_labels_can_decide_is_told_and_agrees_with_itself() -> None:
    measured = measures(lumisections(60, 5, 12), 3)
    rows = {row.name: row.value for row in reach("x", measured)}
    assert rows["x: runs with bad LSs"] == 12
    assert rows["x: independent ones that they are worth"] == pytest.approx(12)
    assert rows["x: bad LSs of runs without a good one"] == 60
    (at_ten,) = (value for name, value in rows.items() if "x, combined: found at 10 %" in name)
    assert at_ten == 1
    assert rows["x, combined: runs that half of the false alarms at 1 % are in"] <= 2
    # The combination finds all here, as the labels do: so few runs are enough.
    errors = rows[f"x, the labels themselves - {CHI2}: {FOUND}, in errors"]
    assert errors > CLEAR
    needed = rows[f"x, combined - {CHI2}: {FOUND}, runs with bad LSs to make it clear"]
    assert needed == 12
    assert rows[f"x: least {FOUND} that would be clearly more than {CHI2}"] < 1


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(1, 7), st.randoms(use_true_random=False))
def test_an_lumisection_is_compared_with_the_others_of_its_run_alone(runs, of_each, order) -> None:
    """The distance to the run's others, and to its earlier ones, one by one and in any order."""
    data = lumisections(runs, of_each, 0)
    mixed = list(range(len(data)))
    order.shuffle(mixed)
    data = replace(
        data, run=data.run[mixed], lumisection=data.lumisection[mixed], counts=data.counts[mixed]
    )
    for earlier in (False, True):
        far = in_run(data, earlier=earlier)
        for at in range(len(data)):
            others = (data.run == data.run[at]) & (np.arange(len(data)) != at)
            if earlier:
                others &= data.lumisection < data.lumisection[at]
            assert np.isnan(far[at]) == (not others.any())
            if others.any():
                own, other = data.counts[at, 1:-1], data.counts[others, 1:-1].sum(axis=0)
                n, m = own.sum(), other.sum()
                apart = ((np.sqrt(own / n) - np.sqrt(other / m)) ** 2).sum()
                assert far[at] == pytest.approx(np.log(4 * n * m / (n + m) * apart + 0.1))


def test_a_block_of_bad_lumisections_stands_out_of_its_neighbourhood() -> None:
    data = lumisections(1, 30, 0)
    alone = np.zeros(30)
    alone[5] = 4.0
    block = np.zeros(30)
    block[10:20] = 4.0
    assert averaged(alone, data, earlier=False)[5] == 2.0
    assert averaged(block, data, earlier=False)[15] == 4.0
    assert averaged(block, data, earlier=True)[10] == 2.0, "before it all was well"
    assert averaged(block, data, earlier=False)[10] == pytest.approx(3.0)


def test_scores_are_never_averaged_over_runs_nor_over_far_lumisections() -> None:
    data = lumisections(4, 1, 0)
    score = np.arange(4.0)
    assert (averaged(score, data, earlier=False) == score).all()
    far = replace(data, run=np.zeros(4, np.int64), lumisection=np.arange(4) * 31)
    assert (averaged(score, far, earlier=False) == score).all()
