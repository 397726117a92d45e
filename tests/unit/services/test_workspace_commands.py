"""`dqmstream workspaces` reads and tries files, and says what it cannot take."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli import app

MINE = """
workspace = "mine"
description = "For the test."
memory = "4 kB"
[[elements]]
kind = "histogram"
path = "Mine/x"
axes = [{ type = "regular", bins = 100, lower = 0, upper = 1 }]
fill = "x"
select = "x < 0.5"
[[elements]]
kind = "scalar"
path = "Mine/n"
value = "1"
combine = "sum"
"""


def dqmstream(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["workspaces", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return str(path)


@pytest.fixture
def events(tmp_path: Path) -> str:
    path = tmp_path / "events.parquet"
    number = np.arange(1000)
    columns = {"run": np.full(1000, 7), "luminosityBlock": 1 + number // 250, "event": number}
    pq.write_table(pa.table(columns | {"x": number / 1000}), path)
    return str(path)


def test_a_file_that_fits_is_said_to_with_its_size(file: str) -> None:
    done = dqmstream("check", file)
    assert done.exit_code == 0, done.output
    assert "workspace 'mine', 2 elements, one LS takes 1.4 kB" in done.output
    told = json.loads(dqmstream("check", file, "--json").output)
    assert (told["workspace"], told["elements"]) == ("mine", 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bins = 100", "bins = 1000", "its budget by its declaration is 4000 bytes"),
        ("x < 0.5", "x <", "Mine/x"),
        ('kind = "scalar"', 'kind = "tensor"', "Mine/n"),
        ("description", "describe", "describe"),
    ],
)
def test_what_is_wrong_is_named(file: str, old: str, new: str, said: str) -> None:
    Path(file).write_text(MINE.replace(old, new))
    done = dqmstream("check", file)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_over_a_budget_of_the_settings_it_does_not_fit(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DQMSTREAM_ELEMENT_MEMORY", "Mine/**=800")
    done = dqmstream("check", file)
    assert done.exit_code == 2
    assert "its budget by the settings is 800 bytes" in " ".join(done.output.split())


def test_a_dry_run_on_files_shows_what_its_plots_would_be(file: str, events: str) -> None:
    done = dqmstream("dry-run", file, events)
    assert done.exit_code == 0, done.output
    assert "on 1000 events of run 7, 4 LSs" in done.output
    row = next(line for line in done.output.splitlines() if line.strip().startswith("Mine/x"))
    assert row.split()[1] == "500"
    # Half of the range is filled evenly, half of it is cut away.
    assert row.count("█") == 11
    assert "microseconds an event" in done.output
    assert done.output.strip().endswith("it fits")
    told = json.loads(dqmstream("dry-run", file, events, "--json").output)
    assert (told["events"], told["problem"]) == (1000, "")
    assert told["elements"][1]["value"] == 1000


def test_a_dry_run_reads_no_more_events_than_it_may(file: str, events: str) -> None:
    told = json.loads(dqmstream("dry-run", file, events, "--most-events", "300", "--json").output)
    assert 300 <= told["events"] < 1000


def test_what_could_not_be_activated_ends_with_status_one_and_the_reason(
    file: str, events: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DQMSTREAM_POSTED_COST", "0.000001")
    done = dqmstream("dry-run", file, events)
    assert done.exit_code == 1
    assert "its budget is 1e-06 (posted_cost)" in " ".join(done.output.split())
    monkeypatch.delenv("DQMSTREAM_POSTED_COST")
    Path(file).write_text(MINE.replace('fill = "x"', 'fill = "nowhere"'))
    done = dqmstream("dry-run", file, events)
    assert done.exit_code == 1
    assert "1 of 2 elements cannot be filled: Mine/x" in " ".join(done.output.split())


def test_a_gateway_that_is_not_there_is_said_so(file: str) -> None:
    done = dqmstream("activate", file, "--why", "try", "--url", "http://127.0.0.1:9")
    assert done.exit_code != 0
    assert "127.0.0.1:9" in done.output
