"""What the tests file says of scopes, conditions, triggers, references and alarms."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.operations import Conditions
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.condition_names import told
from dqmstream.quality.declaration import QualityTest, read_tests
from dqmstream.quality.gate import all_open, listed_gate, parts_gate

DEAD = '[[quality_test]]\nname = "t"\nalgorithm = "DeadChannel"\npath = "*"\n'
CHI2 = DEAD.replace("DeadChannel", "Chi2")


def one(more: str, head: str = DEAD) -> QualityTest:
    (test,) = read_tests(head + more, "f")
    return test


@pytest.mark.parametrize(
    ("more", "scopes"),
    [
        ("", ("lumisection",)),
        ('scope = "both"', ("lumisection", "run")),
        ('scope = "last"\nlumisections = 5', ("last:5",)),
        ('scope = "change"', ("change:beam_mode,prescale_index,dcs",)),
        ('scope = "change"\nsince = ["dcs.bpix", "fill", "fill"]', ("change:dcs.bpix,fill",)),
    ],
)
def test_scopes_are_named_as_reports_name_them(more: str, scopes: tuple[str, ...]) -> None:
    assert one(more).scopes == scopes


def test_all_the_rest_is_read() -> None:
    test = one(
        """
run_type = "pp*"
beam_mode = ["STABLE BEAMS", "regex:SQUEEZE|ADJUST"]
parts = ["bpix", "fpix"]
every = 5
on = "any"
reference = "2018D"
normalise = "luminosity"
false_discovery = false

[quality_test.alarm]
severity = "high"
bad = 3
of = 5
good = 2
on = "WARNING"
latch = true
on_delay = 30
parent = "pixel/**"
meaning = "modules are off"
action = "call"
contact = "pixel on-call"
""",
        CHI2,
    )
    assert (test.run_type, test.parts) == (("pp*",), ("bpix", "fpix"))
    assert test.beam_mode == ("STABLE BEAMS", "regex:SQUEEZE|ADJUST")
    assert (test.every, test.on, test.reference, test.normalise) == (
        5,
        "any",
        "2018D",
        "luminosity",
    )
    assert not test.false_discovery
    assert test.alarm == AlarmPolicy(
        severity="high",
        bad=3,
        of=5,
        good=2,
        on="WARNING",
        latch=True,
        on_delay=30.0,
        parent="pixel/**",
        meaning="modules are off",
        action="call",
        contact="pixel on-call",
    )


def test_an_alarm_has_defaults() -> None:
    assert one("").alarm == AlarmPolicy()
    assert one("[quality_test.alarm]\nenabled = false").alarm.enabled is False


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "lumisections = 5",
            "key 'lumisections': only for the scope 'last', which is 'lumisection'",
        ),
        ('scope = "last"', "key 'lumisections' is missing"),
        ('scope = "last"\nlumisections = 1', "key 'lumisections': Expected `int` >= 2"),
        ('since = ["fill"]', "key 'since': only for the scope 'change'"),
        ('scope = "change"\nsince = ["pileup"]', "key 'since': 'pileup': expected one of fill"),
        ('scope = "change"\nsince = []', "key 'since': Expected `array` of length >= 1"),
        ('scope = "run"\non = "any"', "key 'scope': on = 'any': expected 'lumisection', got 'run'"),
        ('on = "opened"', "key 'on'"),
        ("every = 0", "key 'every': Expected `int` >= 1"),
        ('scope = "run"\nbeam_mode = "RAMP"', "key 'beam_mode': conditions are those of an LS"),
        ('scope = "both"\nparts = ["bpix"]', "key 'parts': conditions are those of an LS"),
        ('parts = ["b pix"]', "key 'parts'"),
        ('run_type = "regex:("', "key 'run_type': 'regex:\\(' is not a pattern"),
        ('run_type = [""]', "key 'run_type': expected a pattern"),
        ('normalise = "events"', "key 'normalise': Invalid enum value 'events'"),
        ('normalise = "none"', "key 'normalise': DeadChannel has no such reference"),
        ('reference = "x"', "key 'reference': DeadChannel has no such reference"),
        ('same = ["fill"]', "key 'same': DeadChannel looks at no LSs before"),
        ("alarm = 3", "key 'alarm': Expected `object`"),
        ("alarm = {bad = 3, of = 2}", "alarm: bad = 3 of = 2: expected at most as many"),
        ("alarm = {good = 0}", "key 'alarm.good': Expected `int` >= 1"),
        ("alarm = {lach = true}", "key 'alarm.lach' is unknown, did you mean 'latch'"),
        ('alarm = {severity = "urgent"}', "key 'alarm.severity': Invalid enum value 'urgent'"),
        ("alarm = {on_delay = -1}", "key 'alarm.on_delay'"),
    ],
)
def test_a_mistake_is_named_by_its_key(more: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^f: quality test 't': .*{message}"):
        one(more)


def test_a_test_that_looks_at_lumisections_before_judges_lumisections() -> None:
    text = '[[quality_test]]\nname = "t"\nalgorithm = "EntriesStopped"\npath = "*"\nscope = "run"'
    with pytest.raises(ConfigurationError, match="EntriesStopped on LSs before: expected 'lumi"):
        read_tests(text, "f")


# ---------------------------------------------------------------------------------- gates


def row(**more) -> Conditions:
    return Conditions(run=1, lumisection=1, **more)


@pytest.mark.parametrize(
    ("conditions", "is_open", "shown"),
    [
        (row(), None, "?"),
        (row(dcs={"ecal": True}), False, "'out'"),
        (row(dcs={"bpix": False}), False, "'off'"),
        (row(dcs={"bpix": True}), True, "'on'"),
    ],
)
def test_a_part_that_is_out_or_off_closes_the_gate(conditions, is_open, shown) -> None:
    gate = parts_gate(["bpix"])
    assert gate(conditions) is is_open
    assert told(gate.names, conditions) == f"part.bpix={shown}"


@pytest.mark.parametrize(
    ("conditions", "is_open"),
    [
        (row(), None),
        (row(beam_mode="STABLE BEAMS"), True),
        (row(beam_mode="RAMP"), False),
        (row(beams_stable=True), True),
        (row(beams_stable=False), False),
    ],
)
def test_where_only_stable_beams_are_known_it_is_enough(conditions, is_open) -> None:
    assert listed_gate("beam_mode", ["STABLE BEAMS"])(conditions) is is_open


def test_beams_that_are_not_stable_may_be_of_another_mode_that_is_listed() -> None:
    gate = listed_gate("beam_mode", ["STABLE BEAMS", "ADJUST"])
    assert gate(row(beams_stable=False)) is None


def test_all_gates_must_be_open() -> None:
    gate = all_open([listed_gate("run_type", ["pp*"]), parts_gate(["bpix"])])
    assert gate is not None
    assert gate.names == ("part.bpix", "run_type")
    assert gate(row(run_type="pp_run")) is None
    assert gate(row(run_type="cosmics")) is False
    assert gate(row(run_type="pp_run", dcs={"bpix": True})) is True
    assert all_open([]) is None


def test_what_a_verdict_depends_on_is_known_when_it_is_compiled() -> None:
    axes = (Integer(lower=0, upper=3, label="bin"),)
    booking = Booking(workspace="w", elements=(Histogram(path="a", axes=axes, fill=("x",)),))
    toml = CHI2 + 'run_type = "pp*"\nnormalise = "luminosity"\nscope = "change"\nsince = ["fill"]'
    (workspace,) = compile_tests(read_tests(toml, "f"), [booking]).workspaces.values()
    assert workspace.asks_for("change:fill") == (
        *("beam_mode", "energy", "fill", "prescale_name", "recorded", "run_type"),
    )
    assert workspace.asks_for("lumisection") == ()
    assert workspace.looks_back


RATE = '[[quality_test]]\nname = "t"\nalgorithm = "{}"\npath = "x"\n'


@pytest.mark.parametrize(
    ("algorithm", "more", "message"),
    [
        ("RateChange", 'same = ["pileup"]', "key 'same': 'pileup': expected one of fill"),
        ("RateChange", "same = []", "key 'same': Expected `array` of length >= 1"),
        ("RateChange", 'normalise = "none"', "expected 'lumisections' or 'luminosity', got 'none'"),
        ("LevelShift", 'normalise = "luminosity"', "LevelShift has no such reference"),
        ("RateChange", "parameters = {least = 11}", "expected at most lumisections = 10"),
        ("LevelShift", 'parameters = {against = "mode"}', "parameters.against"),
    ],
)
def test_mistakes_in_trends_are_named(algorithm: str, more: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_tests(RATE.format(algorithm) + more, "f")


def test_trends_of_entries_may_go_by_luminosity_and_ask_for_what_they_look_at() -> None:
    toml = RATE.format("RateChange") + 'normalise = "luminosity"\nsame = ["dcs.bpix", "dcs.bpix"]'
    (test,) = read_tests(toml, "f")
    assert (test.normalise, test.same) == ("luminosity", ("dcs.bpix",))
    axes = (Integer(lower=0, upper=3),)
    booking = Booking(workspace="w", elements=(Histogram(path="x", axes=axes, fill=("x",)),))
    (compiled,) = compile_tests([test], [booking]).workspaces.values()
    assert compiled.asks_for() == ("dcs.bpix", "recorded")
    (of_entries,) = read_tests(
        RATE.format("LevelShift") + 'normalise = "luminosity"\nparameters = {quantity = "entries"}',
        "f",
    )
    assert of_entries.normalise == "luminosity"
