"""Scenario files: read, checked, and played by several sources."""

from pathlib import Path

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic import Fill, parse_fault, read_scenario, shipped_scenarios
from dqmstream.sources.synthetic.source import Part
from services.runs import chosen_scenario, synthetic_run

NUMBERS = {"run": 1.0, "lumisections": 100.0, "rate": 400.0, "seed": 1.0}

WHOLE = """
description = "What a shifter
   should see."
run = 7
seed = 8
lumisections = 9
rate = 100
lumisection_seconds = 2
chunk_events = 50
subsystems = ["bril", "hlt"]
sources = ["a", "b"]

[fill]
number = 9000
initial_pileup = 40
prescales = [[1, 0], [5, 2]]

[[fault]]
kind = "late"
source = "b"
delay = 3
first = 2

[[fault]]
kind = "prescale"
column = 3
""".replace('"What a shifter\n   should see."', '"""What a shifter\n   should see."""')


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_scenario_reads_as_it_is_written(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, WHOLE))
    config = scenario.config
    assert (scenario.name, scenario.description) == ("mine", "What a shifter should see.")
    assert (config.run, config.seed, config.lumisections) == (7, 8, 9)
    assert (config.rate, config.lumisection_seconds, config.chunk_events) == (100, 2, 50)
    assert config.subsystems == ("bril", "hlt")
    assert config.fill == Fill(number=9000, initial_pileup=40, prescales=((1, 0), (5, 2)))
    assert scenario.sources == ("a", "b")
    assert scenario.source_faults == (parse_fault("late:b+3@2-"),)
    assert config.faults == (parse_fault("prescale:3"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rat = 3", "key 'rat' is unknown, expected some of description, run"),
        ("rate = 'x'", "Expected `float`, got `str`"),
        ("rate = -1", "rate is -1"),
        ("lumisections = 1.5", "Expected `int`, got `float`"),
        ("subsystems = ['pixle']", "pixle: expected some of pixel"),
        ("sources = []", "expected at least one"),
        ("sources = ['a', 'a']", "each name once"),
        ("sources = ['a b']", "source 'a b': expected letters"),
        ("[fill]\nx = 1", "fill: key 'x' is unknown"),
        ("[fill]\ninitial_pileup = 501", "initial_pileup is 501"),
        ("fault = 3", "key 'fault': Expected `array`"),
        ("[[fault]]\nkind = 'x'", "fault number 1: kind is 'x', expected one of dead"),
        ("[[fault]]\nkind = 'rate'", "fault number 1: Object missing required field `share`"),
        ("[[fault]]\nkind = 'rate'\nshare = 2", "fault number 1: share 2.0"),
        ("[[fault]]\nkind = 'rate'\nshare = 0.5\nlow = 1", "key 'low' is unknown"),
        ("[[fault]]\nkind = 'missing'\nsource = 'q'", "the sources are synthetic"),
        ("[[fault]]\nkind = 'missing'\nsource = 'synthetic'", "expected one that comes"),
        (
            "subsystems = ['ecal']\n[[fault]]\nkind = 'gain'\ncollection = 'hcal'\npercent = 1",
            "subsystems ecal do not read it out",
        ),
        ("x = ", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_scenario(written(tmp_path, text))
    assert said in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"expected a file .*, or one of dead_module"):
        read_scenario("dead_modul")
    with pytest.raises(ConfigurationError, match=r"nowhere.toml: No such file"):
        read_scenario("nowhere.toml")


@pytest.mark.parametrize("scenario", shipped_scenarios(), ids=lambda one: one.name)
def test_sources_of_a_shipped_scenario_have_each_chunk_once(scenario: object) -> None:
    assert read_scenario(scenario.name) == scenario  # type: ignore[attr-defined]
    healthy = scenario.with_faults(())  # type: ignore[attr-defined]
    sources = healthy.event_sources()
    assert [one.name for one in sources] == list(healthy.sources)
    assert len({one.incarnation for one in sources}) == len(sources)
    chunks = [[chunk.at for chunk in next(one.lumisections(0)).chunks()] for one in sources]
    assert sum(map(len, chunks)) == healthy.config.chunks_in(1)
    assert len({at for one in chunks for at in one}) == healthy.config.chunks_in(1)


def test_what_is_given_of_a_run_outweighs_its_scenario() -> None:
    scenario = chosen_scenario("dead_module", NUMBERS | {"rate": 50.0}, None, {"rate"})
    assert (scenario.config.rate, scenario.config.run) == (50, 402)
    assert len(scenario.faults) == 4


def test_faults_are_added_to_a_scenario_or_taken_from_it() -> None:
    more = chosen_scenario("dead_module", NUMBERS, ["rate*0.5"])
    assert [str(fault) for fault in more.faults][-1] == "rate*0.5@1-"
    assert len(more.faults) == 5
    assert chosen_scenario("dead_module", NUMBERS, []).faults == ()


def test_without_a_scenario_two_faults_are_shown() -> None:
    shown = chosen_scenario(None, NUMBERS, None)
    assert [fault.kind for fault in shown.faults] == ["dead", "hot"]
    assert shown.config.run == 1
    assert chosen_scenario(None, NUMBERS, ["late:synthetic+2"]).needs_pace


def test_what_comes_late_needs_a_pace() -> None:
    scenario = read_scenario("late_source")
    with pytest.raises(ConfigurationError, match="expected a --speed above 0"):
        synthetic_run(scenario, speed=None)
    runs = synthetic_run(scenario, speed=10)
    assert runs.expected == ()
    assert set(runs.troubles) == {"bu2"}


def test_who_never_comes_is_expected() -> None:
    runs = synthetic_run(read_scenario("missing_source"), speed=None)
    assert [source.name for source in runs.sources[0]] == ["bu1", "bu2"]
    assert runs.expected == ("bu3",)


@pytest.mark.parametrize(("number", "of"), [(-1, 2), (2, 2), (0, 0)])
def test_a_part_is_one_of_those_there_are(number: int, of: int) -> None:
    with pytest.raises(ConfigurationError, match="expected a number from 0"):
        Part(number, of)
