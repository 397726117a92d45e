"""Named sequences: what others' alarm systems got wrong, or are known by."""

import pytest

from dqmstream.alarms.rules import AlarmRules, Inhibition, Suppression, default_rules, read_rules
from dqmstream.errors import ConfigurationError
from dqmstream.messages.alarms import AlarmCondition
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunStart
from dqmstream.quality.alarm_policy import AlarmPolicy
from tests.unit.alarms.told import ALARM, NOON, SECOND, Told, command, report, reports

AT_ONCE = AlarmPolicy(bad=1, of=1, good=1, on="WARNING")
LATCHED = AlarmPolicy(bad=1, of=1, good=1, on="WARNING", latch=True)


def lives(told: Told, steps: str) -> list[str]:
    """Displayed state and level after each of MAJ, MIN, OK, ACK."""
    seen = []
    for step in steps.split("-"):
        if step == "ACK":
            told.tell(command("acknowledge"), "dqm.commands/0")
        else:
            told.judge({"MAJ": "B", "MIN": "W", "OK": "G"}[step])
        state = told.board.states[ALARM]
        seen.append(f"{state.state} {state.level}")
    return seen


# ------------------------------------------------------------ latched or not


def test_latched_maj_min_maj_ack_min_ok() -> None:
    """The worst stays until it is acknowledged and gone; what was acknowledged does not call."""
    assert lives(Told(spectrum=LATCHED), "MAJ-MIN-MAJ-ACK-MIN-OK") == [
        "raised BAD",
        "raised BAD",
        "raised BAD",
        "acknowledged BAD",
        "acknowledged BAD",
        "normal OK",
    ]


def test_unlatched_maj_min_maj_ack_min_maj_ok() -> None:
    """The level follows; to be worse than what was acknowledged is news."""
    assert lives(Told(spectrum=AT_ONCE), "MAJ-MIN-MAJ-ACK-MIN-MAJ-OK") == [
        "raised BAD",
        "raised WARNING",
        "raised BAD",
        "acknowledged BAD",
        "acknowledged WARNING",
        "raised BAD",
        "normal OK",
    ]


@pytest.mark.parametrize(
    ("latch", "steps", "last"),
    [
        (True, "MAJ-OK", "returned BAD"),
        (True, "MAJ-OK-ACK", "normal OK"),
        (True, "MAJ-ACK-OK", "normal OK"),
        (True, "MIN-MAJ-OK-MIN", "raised BAD"),
        (True, "MAJ-OK-MIN-ACK-OK", "normal OK"),
        (True, "MIN-ACK-MAJ", "raised BAD"),
        (True, "MIN-ACK-MAJ-ACK-MIN-MAJ", "acknowledged BAD"),
        (False, "MAJ-OK", "normal OK"),
        (False, "MAJ-ACK-OK-MAJ", "raised BAD"),
        (False, "MIN-ACK-MAJ", "raised BAD"),
        (False, "MAJ-ACK-MIN", "acknowledged WARNING"),
    ],
)
def test_sequences_end_as_they_should(latch: bool, steps: str, last: str) -> None:
    assert lives(Told(spectrum=LATCHED if latch else AT_ONCE), steps)[-1] == last


def test_a_new_alarm_may_be_acknowledged_again_after_the_last_one_is_gone() -> None:
    told = Told(spectrum=LATCHED)
    lives(told, "MAJ-ACK-OK-MAJ")
    assert told.state() == "raised"
    assert [one.number for one in told.steps] == [1, 2, 3, 4]


# -------------------------------------------------------------- some of many


def test_two_of_three_raise_it_and_three_good_ones_end_it() -> None:
    told = Told(spectrum=AlarmPolicy(bad=2, of=3, good=3))
    assert told.judge("BGGG") == ["pending", "settled"]
    assert told.judge("BGB") == ["pending", "raised"]
    assert told.judge("GGBG") == ["returning", "again", "returning"]
    assert told.judge("GG") == ["normal"]


def test_lumisections_that_were_not_judged_count_as_neither() -> None:
    told = Told(spectrum=AlarmPolicy(bad=2, of=2, good=2))
    assert told.judge("BIIIB") == ["pending", "raised"]
    assert told.judge("GIIG") == ["returning", "normal"]


def test_warnings_count_if_the_policy_says_so() -> None:
    assert Told(spectrum=AlarmPolicy(bad=1, of=1)).judge("WWW") == []
    assert Told(spectrum=AlarmPolicy(bad=1, of=1, on="WARNING")).judge("W") == ["raised"]


def test_the_same_report_again_changes_nothing_and_a_revision_counts_in_place() -> None:
    told = Told(spectrum=AlarmPolicy(bad=2, of=3, good=3))
    told.judge("GB")
    assert told.tell(reports(2, outcome="BAD")) == []
    told.judge("G")
    assert [one.event for one in told.tell(reports(2, outcome="GOOD"))] == ["settled"]


def test_verdicts_on_runs_that_are_past_raise_nothing_and_a_replayed_run_does() -> None:
    told = Told(spectrum=AT_ONCE)
    told.tell(reports(9, outcome="GOOD", run=7))
    told.tell(reports(1, outcome="GOOD", run=8))
    assert told.tell(reports(10, outcome="BAD", run=7)) == []
    assert [one.event for one in told.tell(reports(1, outcome="BAD", run=3))] == ["raised"]


def test_reports_of_a_set_that_is_not_shown_raise_nothing() -> None:
    told = Told(spectrum=AT_ONCE)
    told.tell(Activation(set="new", workspaces=("Muon",), from_run=5, who="x", when=1))
    assert told.tell(reports(1, outcome="BAD", run=5)) == []
    made = told.tell(reports(1, outcome="BAD", run=5, set_hash="new"))
    assert [one.event for one in made] == ["raised"]


def test_a_test_that_fails_is_an_alarm_of_its_own_for_experts() -> None:
    told = Told(spectrum=AT_ONCE)
    made = told.tell(reports(1, report("ERROR"), report("GOOD", "Muon/eta")))
    assert [(one.alarm, one.audience) for one in made] == [("error:Muon:spectrum", "expert")]
    assert told.tell(reports(2, report("NOT_RUN"))) == [], "says nothing"
    made = told.tell(reports(3, report("BAD")))
    assert [(one.alarm, one.event) for one in made] == [
        ("error:Muon:spectrum", "normal"),
        (ALARM, "raised"),
    ]


# -------------------------------------------------------------------- delays


def test_a_burst_shorter_than_the_delay_raises_nothing() -> None:
    told = Told(spectrum=AlarmPolicy(bad=1, of=1, good=1, on_delay=30))
    assert told.judge("B") == ["pending"]
    told.wait(29)
    assert told.judge("G") == ["settled"]
    assert told.wait(60) == []


def test_a_delay_that_is_over_raises_it_even_if_nobody_looked_at_the_clock() -> None:
    told = Told(spectrum=AlarmPolicy(bad=1, of=1, good=1, on_delay=30, latch=True))
    told.judge("B")
    told.now += 31 * SECOND
    assert told.judge("G") == ["raised", "returned"]


def test_off_delay_holds_it_and_a_relapse_starts_it_anew() -> None:
    told = Told(spectrum=AlarmPolicy(bad=1, of=1, good=1, off_delay=30))
    assert told.judge("BG") == ["raised", "returning"]
    told.wait(20)
    assert told.judge("BG") == ["again", "returning"]
    assert told.wait(20) == []
    assert [one.event for one in told.wait(11)] == ["normal"]


@pytest.mark.parametrize("latch", [True, False])
def test_an_alarm_taken_out_of_service_during_its_delay_calls_nobody(latch: bool) -> None:
    told = Told(spectrum=AlarmPolicy(bad=1, of=1, good=1, on_delay=30, latch=latch))
    told.judge("B")
    told.tell(command("out_of_service", why="cable pulled"), "dqm.commands/0")
    made = told.wait(60)
    assert [(one.event, one.after) for one in made] == [("raised", "out_of_service")]
    assert [one.after for one in told.tell(command("in_service"), "dqm.commands/0")] == ["raised"]


# --------------------------------------------------------- what hides alarms


def test_a_shelf_hides_until_its_time_and_not_a_moment_less() -> None:
    told = Told(spectrum=AT_ONCE)
    told.judge("B")
    until = str(told.now + 60 * SECOND)
    told.tell(command("shelve", until=until), "dqm.commands/0")
    assert told.wait(59.9) == []
    assert told.state() == "shelved"
    made = told.wait(0.2)
    assert [(one.event, one.after, one.who) for one in made] == [("unshelved", "raised", "alarms")]


def test_a_one_shot_shelf_ends_with_the_alarm_and_it_is_evaluated_meanwhile() -> None:
    told = Told(spectrum=LATCHED)
    told.judge("B")
    until = str(told.now + 3600 * SECOND)
    told.tell(command("shelve", until=until, one_shot="true"), "dqm.commands/0")
    assert told.judge("BG") == ["returned", "unshelved"]
    assert told.state() == "returned"
    told.tell(command("shelve", until=until), "dqm.commands/0")
    assert told.judge("BG") == ["raised", "returned"]
    assert told.state() == "shelved"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (command("shelve", until="soon"), "expected nanoseconds"),
        (command("shelve", until="1"), "still to come"),
        (command("shelve", until=str(NOON * 2), why=" "), "a reason"),
        (command("unshelve"), "not shelved"),
        (command("in_service"), "in service"),
        (command("explode"), "nothing that can be done"),
        (command("acknowledge", "quality:Muon/pt:other"), "no such alarm"),
        (command("acknowledge", "regex:.*"), "no such alarm"),
    ],
)
def test_a_command_that_cannot_be_followed_is_refused_with_the_reason(
    said: object, reason: str
) -> None:
    told = Told(spectrum=AT_ONCE)
    told.judge("B")
    assert told.tell(said, "dqm.commands/0") == []  # type: ignore[arg-type]
    assert reason in told.board.refusals[0].why


def test_a_pattern_acknowledges_all_it_names() -> None:
    told = Told(spectrum=AT_ONCE)
    told.tell(reports(1, report("BAD"), report("BAD", "Muon/eta")))
    made = told.tell(command("acknowledge", "quality:Muon/**"), "dqm.commands/0")
    assert [one.after for one in made] == ["acknowledged", "acknowledged"]


def test_precedence_from_out_of_service_down_to_raised() -> None:
    rules = AlarmRules(
        suppress=(Suppression(target="quality:**", run_type="cosmics*", why="no beam"),),
        inhibit=(Inhibition(source="condition:power", target="quality:**"),),
    )
    told = Told(rules, spectrum=AT_ONCE)
    told.judge("B")
    until = str(told.now + 3600 * SECOND)
    seen = [told.state()]
    for said in (
        command("shelve", until=until),
        AlarmCondition(subject="power", active=True, why="", process="p", service="s", when=0),
        start("cosmics_run"),
        command("out_of_service"),
        command("in_service"),
        start("pp_run", run=3),
        AlarmCondition(subject="power", active=False, why="", process="p", service="s", when=0),
        command("unshelve"),
    ):
        told.tell(said)
        told.wait(0)
        seen.append(told.state())
    down = ["raised", "shelved", "masked", "suppressed", "out_of_service"]
    assert seen == down + down[-2::-1]


def start(run_type: str, run: int = 2) -> RunStart:
    """A run of some type."""
    return RunStart(
        run=run,
        source="file",
        incarnation="1",
        rereadable=True,
        partitions=1,
        first_lumisection=1,
        run_type=run_type,
    )


def test_a_child_that_comes_after_its_parent_is_never_in_sight() -> None:
    told = Told(
        power=AT_ONCE,
        spectrum=AlarmPolicy(bad=1, of=1, good=1, parent="Muon/power:power"),
    )
    both = (report("BAD"), report("BAD", "Muon/power", "power"))
    made = told.tell(reports(1, *both))
    of_child = [(one.event, one.after) for one in made if one.alarm == ALARM]
    assert of_child == [("masked", "masked"), ("raised", "masked")]
    told.tell(reports(2, report("BAD"), report("GOOD", "Muon/power", "power")))
    assert [(one.event, one.after) for one in told.wait(0)] == [("unmasked", "raised")]


def test_alarms_that_would_mask_each_other_leave_the_first_in_sight() -> None:
    told = Told(
        a=AlarmPolicy(bad=1, of=1, parent="x:b"),
        b=AlarmPolicy(bad=1, of=1, parent="x:c"),
        c=AlarmPolicy(bad=1, of=1, parent="x:a"),
    )
    for lumisection, qtname in enumerate("abc", 1):
        told.now += SECOND
        told.tell(reports(lumisection, report("BAD", "x", qtname)))
    told.wait(1)
    seen = {name: told.state(f"quality:x:{name}") for name in "abc"}
    assert "raised" in seen.values(), seen
    assert sorted(seen.values()).count("masked") == 2, seen


# ------------------------------------------------------- escalation and floods


def test_what_nobody_acknowledges_escalates_once_for_each_level() -> None:
    told = Told(AlarmRules(escalate_after=60), spectrum=AlarmPolicy(bad=1, of=1, severity="low"))
    told.judge("B")
    assert told.wait(59) == []
    assert [(one.event, one.severity) for one in told.wait(1)] == [("escalated", "medium")]
    assert [one.severity for one in told.wait(60)] == ["high"]
    assert told.wait(1000) == []
    told.tell(command("acknowledge"), "dqm.commands/0")
    assert told.board.states[ALARM].severity == "low"


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    told = Told(spectrum=AT_ONCE)
    told.tell(reports(1, *(report("BAD", f"Muon/{n}") for n in range(10))))
    assert told.wait(1) == []
    told.now += 300 * SECOND
    told.tell(reports(2, report("BAD", "Muon/eleventh")))
    assert [(one.alarm, one.event) for one in told.wait(0)] == [("flood:alarms", "raised")]
    made = told.tell(reports(3, report("BAD", "Muon/twelfth")))
    assert made[0].flags == ("flood",)
    assert told.wait(200) == []
    # Ten of the twelve are older than ten minutes now.
    assert [(one.alarm, one.event) for one in told.wait(100)] == [("flood:alarms", "normal")]


def test_every_alarm_says_what_it_means_what_to_do_and_whom_to_call() -> None:
    told = Told(spectrum=AlarmPolicy(bad=1, of=1, meaning="Too soft.", contact="Ada"))
    told.tell(reports(1, report("BAD"), report("ERROR", "Muon/eta", "other")))
    words = {one.alarm: (one.meaning, one.action, one.contact) for one in told.steps}
    assert all(all(texts) for texts in words.values())
    assert words[ALARM][0] == "Too soft."
    assert words[ALARM][2] == "Ada"


def test_alarms_of_tests_that_are_gone_end() -> None:
    told = Told(spectrum=AT_ONCE)
    told.judge("B")
    told.board.register._policies = {}
    told.board.register.retire(told.now)
    assert [one.after for one in told.keep()] == ["normal"]


# --------------------------------------------------------------------- rules


def test_the_shipped_rules_are_the_defaults_and_inhibit_what_follows() -> None:
    rules = default_rules()
    assert rules.flood_begins == 10
    assert rules.flood_ends == 5
    assert rules.inhibit


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("flood_begins = 'ten'", "flood_begins"),
        ("[[inhibit]]\nsource = 'x'", "target"),
        ("flood_begins = 1\nflood_ends = 9", "flood_ends"),
        ("[[inhibit]]\nsource = 'regex:('\ntarget = 'x'", "not a pattern"),
        ("flood", "not TOML"),
        ("unknown = 1", "unknown"),
    ],
)
def test_rules_that_are_none_are_refused_by_file_and_key(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refused:
        read_rules(text, "rules.toml")
    assert "rules.toml" in str(refused.value)
