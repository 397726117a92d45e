"""A run becomes a reference by commands, and the next run is judged by it: as a user does it."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.store.store import Store
from playback.bench.program import command, environment, finished, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TESTS = """
[[quality_test]]
name = "as in the reference"
algorithm = "Chi2"
path = "Pixel/Layer1/occupancy"

[[quality_test]]
name = "within the band"
algorithm = "RobustBand"
path = "Pixel/Layer1/occupancy"

[[quality_test]]
name = "without one"
algorithm = "Chi2"
path = "Pixel/Layer2/occupancy"
"""
SCENARIO = """
seed = 2
lumisections = 2
rate = 100

[fill]
energies = [[1, 450.0], [2, 6800.0]]

[[fault]]
kind = "dead"
collection = "pixel"
address = "layer1/module37"
first = 2
"""
ELEMENT = "Pixel/Layer1/occupancy"
GOOD_LSS = 12
LSS = 2
SAID = ("--owner", "pixel experts", "--reason", "looked at it", "--path", ELEMENT)


def play(settings: dict[str, str], *arguments: str) -> None:
    finished(["demo", *arguments, "--speed", "0", "--exit", "--json"], settings, timeout=150)


def asked(settings: dict[str, str], *arguments: str) -> Any:
    result = subprocess.run(
        command(["references", *arguments, "--json"]),
        env=environment(settings),
        capture_output=True,
        timeout=150,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return msgspec.json.decode(result.stdout)


def reports_of(data: Path, run: int) -> dict[str, dict[int, QualityReport]]:
    """By quality test and LS."""
    found: dict[str, dict[int, QualityReport]] = {}
    with Store(f"sqlite:///{data / 'store.sqlite'}") as store:
        for message in store.reports(run, limit=1_000).items:
            for report in message.reports:
                found.setdefault(report.qtname, {})[message.lumisection] = report
    return found


def test_a_fault_is_found_against_the_run_before_and_the_report_names_the_version(
    tmp_path: Path,
) -> None:
    """Of two references the one for the energy of the beams in each LS."""
    tests = tmp_path / "tests.toml"
    tests.write_text(TESTS)
    data = tmp_path / "data"
    settings = {
        "data": str(data),
        "port": "0",
        "quality_tests": str(tests),
        "workspaces": "pixel",
    }
    length = ["--run", "1", "--seed", "1", "--lumisections", str(GOOD_LSS), "--rate", "100"]
    play(settings, *length, "--no-faults")
    before = reports_of(data, 1)["as in the reference"][3]
    assert before.outcome is Outcome.NOT_RUN
    assert "there is none in the catalogue" in before.message
    token = subprocess.run(
        command(["token", "new", "--role", "expert", "--name", "ann"]),
        env=environment(settings),
        capture_output=True,
        check=True,
        timeout=150,
    ).stdout.decode()
    secret = next(word for word in token.split() if word.startswith("dqm_"))
    with running(["run"], settings) as program:
        who = {"url": program.address, "token": secret}
        at_energy = {}
        for name, energy in (("injection", "450"), ("golden", "6799")):
            said = ["--name", name, "--run", "1", "--energy", energy, *SAID]
            (at_energy[name],) = asked(who, "make", *said)["references"]
        histogram = at_energy["golden"]
        band_of = ["--name", "band", "--run", "1", "--band", "entries"]
        (band,) = asked(who, "make", *band_of, *SAID)["references"]
        assert (histogram["who"], band["exposed"]["lumisections"]) == ("ann", GOOD_LSS)
        steps = asked(who, "history", "golden")["history"]
        assert [(step["who"], step["why"]) for step in steps] == [("ann", "looked at it")]
    scenario = tmp_path / "ramp.toml"
    scenario.write_text(SCENARIO)
    play(settings, "--scenario", str(scenario), "--run", "2")
    found = reports_of(data, 2)
    used = {
        "as in the reference": {1: at_energy["injection"], 2: histogram},
        "within the band": dict.fromkeys((1, 2), band),
    }
    for name, versions in used.items():
        outcomes = {number: one.outcome for number, one in found[name].items()}
        told = [one.message for one in found[name].values()]
        assert outcomes == {1: Outcome.GOOD, 2: Outcome.BAD}, told
        for number, report in found[name].items():
            assert report.references == (versions[number]["id"],)
        assert found[name][LSS].bad_channels, "the dead module is named"
    other = found["without one"][LSS]
    assert other.outcome is Outcome.NOT_RUN
    assert "golden #1 is of other elements" in other.message
    assert "injection #1 is good for beams of 450 GeV, which is 6800 GeV" in other.message
