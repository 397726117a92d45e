"""What a policy removes: never the young, the pinned, the running; always the older first."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.store.retention import (
    Keep,
    Removal,
    Retention,
    StandingRun,
    plan,
    read_retention,
)

DAY = 86_400 * 1_000_000_000
NOW = 20_000 * DAY

RUNS = st.lists(
    st.builds(
        StandingRun,
        run=st.integers(1, 12),
        updated=st.just(0) | st.integers(0, 40).map(lambda days: NOW - days * DAY),
        over=st.booleans() | st.just(True),
        summed=st.booleans(),
    ),
    unique_by=lambda one: one.run,
    max_size=8,
)
KEEPS = st.builds(
    Keep,
    days=st.none() | st.floats(0, 30),
    runs=st.none() | st.integers(0, 6),
)
POLICIES = st.builds(
    Retention,
    lumisections=KEEPS,
    sums=KEEPS,
    pinned=st.frozensets(st.integers(1, 12), max_size=3),
)


def applied(runs: list[StandingRun], removals: tuple[Removal, ...]) -> list[StandingRun]:
    """The runs after the removals."""
    kept = {one.run: one.kept for one in removals}
    return [
        one._replace(summed=one.summed or kept.get(one.run) == "sum")
        for one in runs
        if kept.get(one.run) != "nothing"
    ]


@given(runs=RUNS, policy=POLICIES)
def test_what_must_stay_stays(runs: list[StandingRun], policy: Retention) -> None:
    known = {one.run: one for one in runs}
    newest_first = sorted(known, reverse=True)
    for removal in plan(runs, policy, NOW):
        one, place = known[removal.run], newest_first.index(removal.run)
        age = (NOW - one.updated) / DAY
        keep = policy.sums if removal.kept == "nothing" else policy.lumisections
        assert one.over
        assert one.updated > 0
        assert one.run not in policy.pinned
        assert not (one.summed and removal.kept == "sum")
        assert keep.days is not None or keep.runs is not None
        assert keep.days is None or age >= keep.days
        assert keep.runs is None or place >= keep.runs
        assert removal.why


@given(runs=RUNS, policy=POLICIES)
def test_a_plan_names_a_run_once_oldest_first_and_leaves_what_is_older_no_better_off(
    runs: list[StandingRun], policy: Retention
) -> None:
    removals = plan(runs, policy, NOW)
    numbers = [one.run for one in removals]
    assert numbers == sorted(set(numbers))
    rank = {one.run: 2 if one.kept == "nothing" else 1 for one in removals}
    free = [one for one in runs if one.over and one.updated and one.run not in policy.pinned]
    for one in free:
        for other in free:
            if other.run < one.run and other.updated <= one.updated:
                needed = rank.get(one.run, 0)
                assert rank.get(other.run, 0) >= needed or (needed == 1 and other.summed)


@given(runs=RUNS, policy=POLICIES)
def test_what_was_removed_needs_no_removing_again_if_days_alone_count(
    runs: list[StandingRun], policy: Retention
) -> None:
    policy = replace(
        policy,
        lumisections=replace(policy.lumisections, runs=None),
        sums=replace(policy.sums, runs=None),
    )
    assert plan(applied(runs, plan(runs, policy, NOW)), policy, NOW) == ()


@given(runs=RUNS, policy=POLICIES)
def test_a_plan_comes_to_rest_and_never_takes_the_newest_ones(
    runs: list[StandingRun], policy: Retention
) -> None:
    left = runs
    for _ in range(len(runs) + 2):
        left = applied(left, plan(left, policy, NOW))
    assert plan(left, policy, NOW) == ()
    if policy.sums.runs is not None:
        newest = sorted((one.run for one in runs), reverse=True)[: policy.sums.runs]
        assert set(newest) <= {one.run for one in left}


@given(runs=RUNS, policy=POLICIES)
def test_pinning_more_removes_less(runs: list[StandingRun], policy: Retention) -> None:
    more = replace(policy, pinned=policy.pinned | {3, 4})
    assert set(plan(runs, more, NOW)) == {
        one for one in plan(runs, policy, NOW) if one.run not in {3, 4}
    }


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "retention.toml"
    file.write_text(
        "[lumisections]\ndays = 30\nruns = 20\n[sums]\ndays = 365.5\n[pinned]\nruns = [346373]\n"
    )
    assert read_retention(file) == Retention(
        lumisections=Keep(days=30, runs=20),
        sums=Keep(days=365.5),
        pinned=frozenset({346373}),
    )
    file.write_text("")
    assert plan([StandingRun(1, 1, True, False)], read_retention(file), NOW) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[lumisection]\ndays = 1", "unknown field `lumisection`"),
        ("[sums]\nday = 1", "unknown field `day`"),
        ("[sums]\ndays = -1", r"`float` >= 0.*sums.days"),
        ("[sums]\ndays = nan", r"`float` >= 0.*sums.days"),
        ("[lumisections]\nruns = 1.5", r"Expected `int.*lumisections.runs"),
        ("[pinned]\nruns = 5", r"Expected `array`.*pinned.runs"),
        ("sums = 3", r"Expected `object`.*sums"),
        ("[", "retention.toml"),
    ],
)
def test_a_policy_that_says_something_else_is_refused(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "retention.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=what) as raised:
        read_retention(file)
    assert "retention.toml" in str(raised.value)


def test_a_policy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml.*No such file"):
        read_retention(tmp_path / "absent.toml")
