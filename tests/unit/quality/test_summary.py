"""Outcomes together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.messages.quality import Outcome
from dqmstream.quality.summary import CMS_CODES, JUDGED, Summary, worst_of

outcomes = st.sampled_from(Outcome)
several = st.lists(outcomes, max_size=8)


@given(a=outcomes, b=outcomes, c=outcomes)
def test_worst_of_is_associative_commutative_and_idempotent(
    a: Outcome, b: Outcome, c: Outcome
) -> None:
    assert worst_of([worst_of([a, b]), c]) == worst_of([a, worst_of([b, c])])
    assert worst_of([a, b]) == worst_of([b, a])
    assert worst_of([a, a]) == a


@given(first=several, second=several)
def test_summaries_add_up_in_any_order(first: list[Outcome], second: list[Outcome]) -> None:
    together = Summary.of(first + second)
    for added in (
        Summary.of(first) + Summary.of(second),
        Summary.of(second) + Summary.of(first),
    ):
        assert added.counts == together.counts
        assert added.worst == together.worst == worst_of(first + second)
        assert added.not_judged == together.not_judged


@given(found=several, unable=st.sampled_from(sorted(set(Outcome) - JUDGED)))
def test_a_test_that_could_not_run_never_makes_a_summary_better(
    found: list[Outcome], unable: Outcome
) -> None:
    before, after = Summary.of(found), Summary.of([*found, unable])
    if before.judged:
        assert after.worst == before.worst
    assert not (after.green and not before.green)
    assert after.good_fraction == before.good_fraction
    assert after.not_judged == before.not_judged + (unable is not Outcome.DISABLED)


@pytest.mark.parametrize("unable", sorted(set(Outcome) - JUDGED))
def test_what_says_nothing_of_the_data_is_never_green(unable: Outcome) -> None:
    assert not Summary.of([unable]).green
    assert Summary.of([unable]).good_fraction is None
    assert worst_of([unable]) is unable


def test_nothing_at_all_has_not_run() -> None:
    assert Summary().worst is Outcome.NOT_RUN
    assert not Summary().green


def test_a_good_beside_an_invalid_is_not_green_though_good_is_the_worst_judged() -> None:
    summary = Summary.of([Outcome.GOOD, Outcome.INVALID])
    assert summary.worst is Outcome.GOOD
    assert summary.not_judged == 1
    assert not summary.green


def test_a_test_switched_off_does_not_keep_the_others_from_being_green() -> None:
    assert Summary.of([Outcome.GOOD, Outcome.DISABLED]).green


def test_outcomes_have_the_codes_of_cmssw() -> None:
    assert set(CMS_CODES) == set(Outcome)
    assert CMS_CODES[Outcome.GOOD] == 100
    assert CMS_CODES[Outcome.WARNING] == 200
    assert CMS_CODES[Outcome.BAD] == 300
    assert CMS_CODES[Outcome.INSUFFICIENT] == 70
