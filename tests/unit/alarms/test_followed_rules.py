"""Rules that change while alarms stand: what is covered stays as it was, the rest ends by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.alarms.rules import AlarmRules, Inhibition, ProcessLimits, Suppression
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.quality.alarm_policy import AlarmPolicy
from tests.unit.alarms.told import ALARM, QUIET, Told, command, report, reports

AT_ONCE = AlarmPolicy(bad=1, of=1, good=1)
LATCHED = AlarmPolicy(bad=1, of=1, good=1, latch=True, off_delay=60)
SAID = "version 2 by ada: quieter"
SOURCE = {"run": 1, "source": "a", "incarnation": "1", "rereadable": True, "partitions": 1}
STARVING = "stream:events"


def follow(told: Told, rules: AlarmRules | None = None, **policies: AlarmPolicy) -> list:
    told.board.follow(rules or told.rules, policies, told.now, SAID)
    return told.keep()


def running(rules: AlarmRules = QUIET, **policies: AlarmPolicy) -> Told:
    """A board while a run goes on."""
    told = Told(rules, **policies)
    told.tell(RunStart(**SOURCE, first_lumisection=1, run_type="pp"))
    return told


def test_what_is_acknowledged_stays_so_whatever_else_changes() -> None:
    told = Told(spectrum=AT_ONCE)
    told.judge("B")
    told.tell(command("acknowledge"), topic="dqm.commands/0")
    others = AlarmRules(escalate_after=1, flood_begins=1, flood_ends=1)
    made = follow(told, others, spectrum=LATCHED)
    assert [one.event for one in made if one.alarm == ALARM] == []
    assert told.state() == "acknowledged"


def test_what_no_test_judges_any_more_is_normal_with_the_reason() -> None:
    """Also if it was acknowledged, latches, or had a delay: nobody would ever end it."""
    told = Told(spectrum=LATCHED)
    told.judge("B")
    (made,) = follow(told)
    assert (made.event, made.after, told.state()) == ("normal", "normal", "normal")
    assert made.why == "quality test 'spectrum' is no longer declared"
    told = Told(spectrum=LATCHED)
    told.judge("B")
    told.tell(command("acknowledge"), topic="dqm.commands/0")
    (made,) = follow(told, spectrum=AlarmPolicy(latch=True, enabled=False))
    assert (made.after, made.why) == ("normal", "quality test 'spectrum' has no alarm any more")


def test_a_test_that_failed_and_is_gone_fails_no_more() -> None:
    told = Told(spectrum=AT_ONCE)
    told.tell(reports(1, report("ERROR")))
    (raised,) = told.steps
    assert raised.alarm.startswith("error:")
    (made,) = follow(told)
    assert (made.alarm, made.after) == (raised.alarm, "normal")


@pytest.mark.parametrize(("limit", "after"), [(0, "normal"), (600, "normal"), (5, "raised")])
def test_a_limit_that_is_raised_or_taken_away_ends_what_it_raised(limit: int, after: str) -> None:
    told = running(AlarmRules(process=ProcessLimits(starving=10)))
    told.wait(1)
    told.wait(20)
    assert told.state(STARVING) == "raised"
    made = follow(told, AlarmRules(process=ProcessLimits(starving=limit)))
    assert told.state(STARVING) == after
    assert [one.why for one in made] == [f"it is none by the rules in force, {SAID}"] * (
        after == "normal"
    )


def test_what_is_over_by_itself_when_rules_change_is_not_said_to_end_by_them() -> None:
    told = running(AlarmRules(process=ProcessLimits(starving=10)))
    told.wait(1)
    told.wait(20)
    told.tell(RunEnd(**SOURCE, last_lumisection=9))
    made = follow(told, AlarmRules(process=ProcessLimits(starving=0)))
    assert [one.why for one in made] == ["it is over"]


def test_suppression_hides_what_stands_and_shows_it_again_when_it_is_taken_back() -> None:
    hides = AlarmRules(suppress=(Suppression(target="**", run_type="pp", why="tests"),))
    told = running(spectrum=AT_ONCE)
    told.judge("B")
    made = follow(told, hides, spectrum=AT_ONCE)
    assert [(one.event, one.why) for one in made] == [("suppressed", "tests")]
    made = follow(told, QUIET, spectrum=AT_ONCE)
    assert [(one.event, one.after) for one in made] == [("unsuppressed", "raised")]


def test_inhibition_masks_what_stands() -> None:
    told = Told(spectrum=AT_ONCE, other=AT_ONCE)
    told.judge("B")
    told.tell(reports(2, report("BAD", "Muon/eta", "other"), report("BAD")))
    masks = AlarmRules(inhibit=(Inhibition(source=ALARM, target="quality:Muon/eta:*"),))
    made = follow(told, masks, spectrum=AT_ONCE, other=AT_ONCE)
    assert [(one.alarm, one.event) for one in made] == [("quality:Muon/eta:other", "masked")]
    assert told.state() == "raised"


@given(st.lists(st.sampled_from("GWBI"), max_size=12), st.data())
def test_rules_that_change_to_what_they_were_change_nothing(letters: list, data: st.DataObject):
    """A version that says the same, or comes and goes, leaves no step behind."""
    told, other = (Told(spectrum=AlarmPolicy(latch=True)) for _ in range(2))
    for letter in letters:
        assert told.judge(letter) == other.judge(letter)
        assert [one.event for one in told.wait(5)] == [one.event for one in other.wait(5)]
        if data.draw(st.booleans()):
            follow(told, spectrum=AlarmPolicy(latch=True))
    assert [(s.event, s.why) for s in told.steps] == [(s.event, s.why) for s in other.steps]
    assert told.state() == other.state()
