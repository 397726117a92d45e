"""`dqmstream qtests fit`."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dqmstream.quality.algorithms.combined import CombinedDistance
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.labelled import read_labelled
from services.cli import app

RUNS, OF_EACH = 30, 10
SHAPE = np.exp(-0.5 * ((np.arange(22) - 11) / 3.0) ** 2)
HEADER = "fromrun,fromlumi,histo,Json,DCSbit"


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each sixth run is bad: its peak is wider."""
    random = np.random.default_rng(1)
    lines = [HEADER]
    for run in range(RUNS):
        bad = run % 6 == 5
        shape = SHAPE ** (0.5 if bad else 1.0)
        for lumisection in range(OF_EACH):
            counts = random.poisson(800 * shape / shape.sum()).tolist()
            lines.append(f'{run},{lumisection},"{json.dumps(counts)}",{not bad},True')
    path = tmp_path_factory.mktemp("labels") / "labels.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def run(*words: str | Path):
    return CliRunner().invoke(app, ["qtests", "fit", *map(str, words)])


def test_what_was_learned_is_a_file_of_tests_that_finds_bad_ones(
    labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tests.toml"
    result = run(labels, "--path", "Pixel/**/peak", "--name", 'my "peak"', "--out", out)
    assert result.exit_code == 0, result.output
    (test,) = read_tests(out.read_text(), "tests.toml")
    assert (test.name, test.path, test.normalise) == ('my "peak"', "Pixel/**/peak", "lumisections")
    assert isinstance(test.parameters, CombinedDistance)
    assert "nearest" in test.parameters.parts
    first, second = result.stdout.splitlines()
    assert first.startswith("learned on 250 good and 50 bad LSs of 30 runs: nearest ")
    assert second.startswith("in runs not seen: ROC area 1.000;")
    again = run(labels, "--path", "x", "--out", out)
    assert again.exit_code == 2
    assert "--replace writes over it" in again.stderr


def test_what_is_said_can_be_read_by_programs(labels: Path) -> None:
    answer = json.loads(run(labels, "--path", "x", "--part", "chi2", "--earlier", "--json").stdout)
    assert list(answer["weights"]) == ["chi2"]
    assert answer["found"] > 0.95
    read_tests(answer["toml"], "toml")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('1,2,"[0, 5, 0]",maybe,True', "row 2: 'maybe' is neither True nor False"),
        ('1,2,"[0, -5, 0]",True,True', "row 2: counts have to be 0 or more"),
        ('1,2,"[0, x]",True,True', "row 2: JSON is malformed"),
        ('1,2,"[0, 1, 2]",True,True\n1,3,"[0, 1, 2, 3]",True,True', r"bins, expected one number"),
        ("one,2,[],True,True", "row 2: invalid literal"),
        ("1,2", "row 2"),
        ("", "no rows"),
    ],
)
def test_a_file_that_says_no_labels_is_refused_with_its_row(
    row: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"{HEADER}\n{row}")
    with pytest.raises(ValueError, match=said):
        read_labelled(path)
    result = run(path, "--path", "x")
    assert result.exit_code == 2
    assert "labels.csv" in result.stderr


def test_too_little_to_learn_from_and_unknown_distances_are_said(
    labels: Path, tmp_path: Path
) -> None:
    result = run(labels, "--path", "x", "--part", "farthest")
    assert result.exit_code == 2
    assert "no distance 'farthest': expected of nearest, amount" in result.stderr
    path = tmp_path / "one.csv"
    path.write_text(f'{HEADER}\n1,2,"[0, 500, 0]",True,True')
    result = run(path, "--path", "x")
    assert result.exit_code == 2
    assert "good LSs in 1 runs, expected at least 2" in result.stderr
