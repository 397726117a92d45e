"""The benchmarks of judging and of verdicts: their arithmetic, and that nothing leaks."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, profile, regular
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.quality import Outcome
from dqmstream.quality.declaration import read_tests
from playback.bench import compare
from playback.bench.faults.figures import Alarms
from playback.bench.faults.running import drawn, expected_of
from playback.bench.labelled.figures import figures
from playback.bench.labelled.lumisections import Labelled, read_labelled
from playback.bench.labelled.scorers import COMBINED, SCORERS, combined, scored
from playback.bench.labelled.scoring import area, by_run, folds, found, halves, resampled

SHAPE = np.exp(-0.5 * ((np.arange(22) - 11) / 3.0) ** 2)


def labelled(runs: int = 30, of_each: int = 12, seed: int = 1) -> Labelled:
    """LSs of a peak, wider in the bad ones; two of the LSs are empty."""
    random = np.random.default_rng(seed)
    number = runs * of_each
    good = random.random(number) > 0.1
    wide = np.exp(-0.5 * ((np.arange(22) - 11) / 4.5) ** 2)
    shapes = np.where(good[:, None], SHAPE, wide)
    counts = random.poisson(800 * shapes / shapes.sum(axis=1, keepdims=True)).astype(float)
    counts[[3, 17]] = 0
    good[[3, 17]] = False
    return Labelled(
        run=np.repeat(np.arange(runs), of_each),
        lumisection=np.tile(np.arange(of_each), runs),
        counts=counts,
        good=good,
        on=good | (random.random(number) > 0.5),
    )


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: len({bad for _, bad in rows}) == 2
    )
)
def test_the_area_is_the_chance_that_a_bad_one_is_scored_above_a_good_one(rows) -> None:
    score, bad = np.array([one for one, _ in rows], float), np.array([one for _, one in rows])
    pairs = [(one > other) + (one == other) / 2 for one in score[bad] for other in score[~bad]]
    assert area(score, bad) == pytest.approx(np.mean(pairs))


def test_found_is_the_share_above_what_one_in_a_hundred_good_ones_exceeds() -> None:
    good, bad = np.arange(1000.0), np.array([500.0, 989.0, 991.0, np.inf])
    labels = np.concatenate([np.zeros(1000, bool), np.ones(4, bool)])
    assert found(np.concatenate([good, bad]), labels) == 0.5


def test_runs_are_never_divided() -> None:
    run = np.random.default_rng(1).integers(0, 40, 500)
    parts = list(folds(run, 5, 1))
    assert (np.sum(parts, axis=0) == 1).all()
    for part in (*parts, halves(run, 2)):
        assert not set(run[part]) & set(run[~part])
    for drawn_again in resampled(run, 5, 1):
        runs, counts = np.unique(run[drawn_again], return_counts=True)
        whole = {one: (run == one).sum() for one in runs}
        assert all(count % whole[one] == 0 for one, count in zip(runs, counts, strict=True))


def test_the_context_of_an_lumisection_is_the_others_of_its_run() -> None:
    score = np.array([1.0, 2.0, 9.0, 7.0])
    assert by_run(score, np.array([1, 1, 1, 2])).tolist() == [5.5, 5.0, 1.5, 7.0]


@pytest.mark.parametrize("name", list(SCORERS))
def test_wide_peaks_are_scored_as_worse_by_each(name: str) -> None:
    data = labelled()
    half = halves(data.run, 1)
    asked = ~half & (data.entries > 0)
    scores = SCORERS[name](data.part(half), data.part(asked))
    assert area(scores, ~data.good[asked]) > 0.95


def test_labels_of_what_is_judged_change_no_score() -> None:
    data = labelled()
    half = halves(data.run, 1)
    learned, judged = data.part(half), data.part(~half & (data.entries > 0))
    unknown = replace(judged, good=~judged.good, on=~judged.on)
    for one in (judged, unknown):
        scores = combined([scored(SCORERS[name], learned, one) for name in COMBINED], one.run)
        assert scores == pytest.approx(
            combined([scored(SCORERS[name], learned, judged) for name in COMBINED], judged.run)
        )


def test_all_figures_are_told_and_better_ones_are_held() -> None:
    rows = {row.name: row for row in figures(labelled(), divisions=(1,), bootstraps=3)}
    assert rows["all LSs: bad"].value == rows["with entries: bad"].value + 2
    areas = [
        row.value for name, row in rows.items() if name.endswith("ROC AUC") and "adds" not in name
    ]
    assert areas
    assert all(0.9 < one <= 1 for one in areas)
    alarms = [row.value for name, row in rows.items() if name.endswith("runs: false alarms")]
    assert all(one < 6 for one in alarms)
    goals = [row for row in rows.values() if row.goal is not None]
    assert len(goals) == 8


def test_a_file_of_labels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv.gz"
    lines = ["fromrun,fromlumi,histo,Json,DCSbit", f'1,2,"{json.dumps([0, 5, 0])}",True,False']
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    data = read_labelled(path)
    assert (data.run[0], data.lumisection[0], data.entries[0]) == (1, 2, 5)
    assert (data.good[0], data.on[0]) == (True, False)
    path.write_bytes(gzip.compress(b"fromrun,histo\n1,2\n"))
    with pytest.raises(ValueError, match="expected columns"):
        read_labelled(path)


def test_an_alarm_is_raised_by_two_of_three_and_returns_after_three_good_ones() -> None:
    tests = read_tests(
        '[[quality_test]]\nname = "t"\nalgorithm = "DeadChannel"\npath = "*"\n', "tests"
    )
    alarms, key = Alarms(tests), ("me", "t")
    said = "BGB GGG BB".replace(" ", "")
    words = {"B": Outcome.BAD, "G": Outcome.GOOD}
    raised = [bool(alarms.take({key: words[one]})) for one in said]
    assert raised == [False, False, True, False, False, False, False, True]


def test_lumisections_are_drawn_with_the_means_of_those_given() -> None:
    axis = regular(5, 0, 1)
    layout = Layout(
        Workspace(
            "w",
            "",
            [
                histogram("h", axis, fill="x"),
                profile("p", axis, fill="x", value="y", value_range=(-10, 10)),
            ],
        )
    )
    usual = Contents.empty(layout)
    place = layout["h"]
    usual.cells[place.offset : place.nan] = 50
    place = layout["p"]
    planes = usual.cells[place.offset : place.nan].reshape(3, -1)
    planes[0] = 100
    planes[1] = 300 << place.bits
    planes[2] = 1300 << place.square_bits
    random = np.random.default_rng(1)
    several = [drawn(expected_of([(usual,)]), random)[0] for _ in range(500)]
    place = layout["h"]
    counts = np.array([one.cells[place.offset : place.nan] for one in several])
    assert counts.mean() == pytest.approx(50, rel=0.02)
    assert counts.var() == pytest.approx(50, rel=0.1)
    place = layout["p"]
    means = [
        np.ldexp(planes[1] / planes[0], -place.bits)
        for one in several
        for planes in [one.cells[place.offset : place.nan].reshape(3, -1)]
    ]
    assert np.mean(means) == pytest.approx(3, rel=0.01)
    assert np.std(means) == pytest.approx(0.2, rel=0.1)


def test_each_algorithm_is_measured_and_agrees_with_scipy(monkeypatch) -> None:
    monkeypatch.setattr(compare, "_STACKED", 30)
    monkeypatch.setattr(compare, "_ONE_BY_ONE", 5)
    rows = list(compare._algorithms())
    assert sum("by scipy" in row.name for row in rows) == 4
    names = {row.name.partition(",")[0] for row in rows if "per element" in row.name}
    assert names == set(compare.ALGORITHMS)


def test_an_lumisection_of_three_tests_is_judged() -> None:
    rows = list(compare._lumisection(20, quick=True))
    assert all(row.value > 0 for row in rows)
