"""What other rules would make of alarms is what they do make of them once they are in force."""

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.alarms.dry_run import Replay, moved
from dqmstream.alarms.rules import AlarmRules, Inhibition, ProcessLimits, Suppression
from dqmstream.messages.events import RunStart
from dqmstream.quality.alarm_policy import AlarmPolicy
from tests.unit.alarms.told import ALARM, NOON, QUIET, SECOND, Told, report, reports

AT_ONCE = AlarmPolicy(bad=1, of=1, good=1)
ETA = "quality:Muon/eta:spectrum"
START = RunStart(
    run=1,
    source="a",
    incarnation="1",
    rereadable=True,
    partitions=1,
    first_lumisection=1,
    run_type="pp",
)
RULES = st.sampled_from(
    [
        QUIET,
        AlarmRules(escalate_after=5),
        AlarmRules(process=ProcessLimits(starving=0)),
        AlarmRules(suppress=(Suppression(target="**", run_type="pp", why="tests"),)),
        AlarmRules(inhibit=(Inhibition(source=ALARM, target=ETA),)),
        AlarmRules(flood_begins=1, flood_ends=1),
    ]
)


@given(RULES, RULES, st.lists(st.sampled_from(["pt", "eta", "phi"]), max_size=4, unique=True))
def test_what_is_said_to_move_moves_so_when_the_rules_are_put_in_force(
    before: AlarmRules, after: AlarmRules, bad: list[str]
) -> None:
    told = Told(before, spectrum=AT_ONCE)
    told.tell(START)
    told.wait(100)
    told.tell(reports(1, *(report("BAD", f"Muon/{name}") for name in bad)))
    told.wait(10)
    checkpoint = told.board.checkpoint(
        group="alarms", log="x", step=1, positions={}, told=0, now=told.now
    )
    states = list(told.board.states.values())
    said = moved(before, after, told.policies, states, checkpoint)
    stood = {name: one.state for name, one in told.board.states.items()}
    told.board.follow(after, told.policies, told.now, "version 2")
    for name, one in told.board.states.items():
        changes = [each for each in said if each.alarm == name]
        if changes:
            assert (changes[0].before, changes[0].after) == (stood.get(name, "normal"), one.state)
        else:
            assert stood.get(name, "normal") == one.state
    assert {one.alarm for one in said} <= set(told.board.states)


def replay(before: AlarmRules, after: AlarmRules) -> Replay:
    """Two bad LSs of two elements ten seconds apart, in a run that began an hour before."""
    found = Replay(before, after, {"spectrum": AT_ONCE}, begins=NOON)
    found.take(START, NOON - 3600 * SECOND)
    both = (report("BAD"), report("BAD", "Muon/eta"))
    found.take(reports(1, *both), NOON + 10 * SECOND)
    found.take(reports(2, *both), NOON + 20 * SECOND)
    found.pass_time(NOON + 60 * SECOND)
    return found


def test_steps_that_would_be_others_are_named_by_alarm_and_event() -> None:
    none = replay(QUIET, QUIET)
    assert none.differences() == {}
    assert none.calls() == (2, 2)
    inhibits = AlarmRules(escalate_after=0, inhibit=(Inhibition(source=ALARM, target=ETA),))
    masked = replay(QUIET, inhibits)
    assert masked.calls() == (2, 1)
    assert masked.differences() == {
        ETA: ({"raised": 1}, {"masked": 1, "raised while masked": 1}),
    }
    slow = replay(AlarmRules(escalate_after=30), AlarmRules(escalate_after=300))
    assert slow.calls() == (4, 2)
    assert {alarm: lost for alarm, (lost, _) in slow.differences().items()} == {
        ALARM: {"escalated": 1},
        ETA: {"escalated": 1},
    }


def test_a_run_that_began_long_ago_starves_only_from_when_it_is_looked_at() -> None:
    limits = AlarmRules(escalate_after=0, process=ProcessLimits(starving=30))
    found = replay(limits, AlarmRules(escalate_after=0, process=ProcessLimits(starving=0)))
    (starving,) = (one for one in found.steps[0] if one.alarm == "stream:events")
    assert starving.when - NOON > 30 * SECOND
    assert found.differences() == {"stream:events": ({"raised": 1}, {})}
