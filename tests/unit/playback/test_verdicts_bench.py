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
from dqmstream.quality.fitted_test import area
from dqmstream.quality.labelled import Labelled, beside_near_runs, read_labelled
from playback.bench import compare
from playback.bench.faults.figures import Alarms
from playback.bench.faults.running import drawn, expected_of
from playback.bench.labelled.division import COMBINED, EARLIER, divided, scored
from playback.bench.labelled.figures import _better, figures
from playback.bench.labelled.measured import Measures
from playback.bench.labelled.scorers import CHI2, PCA
from playback.bench.labelled.scoring import folds, found, halves, resampled

SHAPE = np.exp(-0.5 * ((np.arange(22) - 11) / 3.0) ** 2)


def labelled(runs: int = 30, of_each: int = 12, seed: int = 1) -> Labelled:
    """LSs of a peak, wider in the bad ones, which have some more entries; two are empty."""
    random = np.random.default_rng(seed)
    number = runs * of_each
    good = random.random(number) > 0.1
    wide = np.exp(-0.5 * ((np.arange(22) - 11) / 4.5) ** 2)
    shapes = np.where(good[:, None], SHAPE, wide)
    entries = np.where(good, 800, 850)[:, None]
    counts = random.poisson(entries * shapes / shapes.sum(axis=1, keepdims=True)).astype(float)
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


def test_references_are_good_lumisections_of_the_nearest_other_runs() -> None:
    data = labelled()
    stack = beside_near_runs(data, data.part(data.run == 10))
    nearest = [9, 11, 8, 12, 7]
    for run, reference in zip(nearest, stack.references, strict=True):
        kept = (data.run == run) & data.good
        assert (reference.stack.entries == data.counts[kept].sum(axis=0)).all()
        assert reference.scale == pytest.approx(1 / kept.sum())
    before = beside_near_runs(data, data.part(data.run == 10), earlier=True)
    for run, reference in zip([9, 8, 7, 6, 5], before.references, strict=True):
        kept = (data.run == run) & data.good
        assert (reference.stack.entries == data.counts[kept].sum(axis=0)).all()


def test_wide_peaks_are_scored_as_worse_by_each() -> None:
    data = labelled()
    half = halves(data.run, 1)
    asked = data.part(~half & (data.entries > 0))
    scores = scored(data.part(half), asked)
    blind = {"amount, near runs", "combined without nearest"}
    assert {COMBINED, EARLIER} < set(scores)
    for name in set(scores) - blind:
        assert area(scores[name], ~asked.good) > 0.95, name


def test_labels_of_what_is_judged_change_no_score() -> None:
    data = labelled()
    half = halves(data.run, 1)
    learned, judged = data.part(half), data.part(~half & (data.entries > 0))
    known = scored(learned, judged)
    unknown = scored(learned, replace(judged, good=~judged.good, on=~judged.on))
    for name, scores in known.items():
        assert (scores == unknown[name]).all(), name


def test_every_lumisection_with_entries_is_scored_once_and_others_are_the_worst() -> None:
    data = labelled()
    scores = divided(data, 1)[COMBINED]
    assert (np.isinf(scores) == (data.entries == 0)).all()


def test_all_figures_are_told_and_better_ones_are_held() -> None:
    rows = {
        row.name: row
        for row in figures(labelled(runs=15, of_each=10), divisions=(1, 2), bootstraps=3)
    }
    assert rows["all LSs: bad"].value == rows["with entries: bad"].value + 2
    areas = {
        name: row.value
        for name, row in rows.items()
        if ": ROC AUC (" in name and not any(word in name for word in ("adds", " - ", "not built"))
    }
    assert len(areas) == 39
    # The numbers of entries alone hardly tell the wide peaks.
    assert all(0.9 < one <= 1 or "amount, near runs" in name for name, one in areas.items())
    alarms = [row.value for name, row in rows.items() if name.endswith("runs: false alarms")]
    assert len(alarms) == 3
    assert all(one < 6 for one in alarms)
    adds = {name: row.value for name, row in rows.items() if "adds: ROC" in name}
    assert len(adds) == 14
    assert next(value for name, value in adds.items() if "entries, nearest" in name) > 0.1
    others = [value for name, value in rows.items() if "(not built): ROC AUC (" in name]
    assert len(others) == 15
    assert "DCS on: runs with bad LSs" in rows


def test_better_is_clear_beyond_two_errors_of_the_difference_in_the_same_runs() -> None:
    data = labelled(runs=40, of_each=15)
    random = np.random.default_rng(5)
    noise = random.normal(size=len(data))
    scores = {
        COMBINED: 3.0 * ~data.good + noise,
        CHI2: 1.0 * ~data.good + noise,
        PCA: 3.0 * ~data.good + random.normal(size=len(data)),
    }
    row = Measures(data, [scores], np.ones(len(data), bool), 50)
    found = {row.name: row for row in _better("with entries", row)}
    assert found["with entries, combined - chi2 to one reference: ROC AUC, in errors"].held
    (unclear,) = (
        row for name, row in found.items() if PCA in name and "ROC AUC, in errors" in name
    )
    assert "missed" in unclear.name
    assert unclear.held is False
    goals = [name.partition(" (")[0] for name, one in found.items() if one.goal is not None]
    assert goals == [f"with entries, combined - {base}: ROC AUC, in errors" for base in (CHI2, PCA)]
    assert [one for one in _better("DCS on", row) if one.goal is not None] == []
    # Of the same runs: the difference is known better than either.
    alone = row.of(COMBINED, "ROC AUC"), row.of(CHI2, "ROC AUC")
    apart = alone[0].less(alone[1])
    assert apart.error < np.hypot(alone[0].error, alone[1].error)


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
