"""`dqmstream store`: what it says and does, beside a recorder that writes the store."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dqmstream.histograms.layout import Layout
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter
from services.cli import app

RNG = np.random.default_rng(17)
LAYOUT = Layout(EVERY_KIND)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose store has runs 1 to 3 of 4 LSs, long ago."""
    folder = tmp_path / "data"
    folder.mkdir()
    writer = StoreWriter(f"sqlite:///{folder / 'store.sqlite'}", log="log")
    writer.write([EVERY_KIND], {})
    for run in (1, 2, 3):
        for n in range(1, 5):
            writer.write([closed_set(random_contents(LAYOUT, RNG), run=run, lumisection=n)], {})
    writer.close()
    return folder


def run(*arguments: str, status: int = 0) -> str:
    """What a command prints, and that it ends with this status."""
    result = CliRunner().invoke(app, ["store", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def document(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_info_tells_the_room_of_each_run_and_workspace(data: Path) -> None:
    told = document("info", "--data", str(data))
    assert [one["run"] for one in told["runs"]] == [3, 2, 1]
    assert told["log"] == "log"
    for one in told["runs"]:
        (workspace,) = one["workspaces"]
        assert (workspace["workspace"], workspace["lumisections"]) == ("every", 4)
        assert one["bytes"] > workspace["bytes"] > 0
    assert told["bytes"] == sum(one["bytes"] for one in told["runs"])
    assert "3 runs, " in run("info", "--data", str(data))


def test_a_dry_run_says_what_pruning_would_do_and_pruning_does_it(data: Path) -> None:
    limits = ["--lumisection-runs", "1", "--keep", "1", "--data", str(data)]
    said = document("prune", "--dry-run", *limits)
    assert said["dry_run"] is True
    assert [(one["run"], one["kept"]) for one in said["runs"]] == [(2, "sum")]
    assert (said["lumisections"], said["bytes"] > 0) == (4, True)
    assert document("info", "--data", str(data))["removed"] == []
    assert "run 2 was summed: 4 LSs, " in run("prune", *limits)
    told = document("info", "--data", str(data))
    assert [(one["run"], one["summed"]) for one in told["runs"]] == [
        (3, False),
        (2, True),
        (1, False),
    ]
    assert [one["run"] for one in told["removed"]] == [2]
    assert "run 2: sum kept since" in run("info", "--data", str(data))
    assert document("prune", *limits)["runs"] == []


def test_a_policy_file_is_taken_from_the_command_or_the_settings(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "retention.toml"
    policy.write_text("[sums]\nruns = 1\n[pinned]\nruns = [2]\n")
    dry = ["prune", "--dry-run", "--data", str(data)]
    assert [one["run"] for one in document(*dry, "--policy", str(policy))["runs"]] == [1]
    assert "no policy" in run(*dry, status=2)
    monkeypatch.setenv("DQMSTREAM_STORE_RETENTION", str(policy))
    assert [one["kept"] for one in document(*dry)["runs"]] == ["nothing"]
    both = run(*dry, "--policy", str(policy), "--sum-days", "3", status=2)
    assert "which?" in both


def test_a_run_goes_through_a_file_into_another_store(data: Path, tmp_path: Path) -> None:
    file, other = str(tmp_path / "run2"), str(tmp_path / "other")
    made = document("backup", "2", file, "--data", str(data))
    assert (made["run"], made["bytes"]) == (2, Path(file).stat().st_size)
    assert document("restore", file, "--data", other)["changed"] is True
    assert "was there already" in run("restore", file, "--data", other)
    assert "is there already" in run("backup", "2", file, "--data", str(data), status=1)
    with (
        Store(f"sqlite:///{data / 'store.sqlite'}") as one,
        Store(f"sqlite:///{other}/store.sqlite") as two,
    ):
        contents = two.contents("set", 2, "every").contents
        assert contents.equals(one.contents("set", 2, "every").contents)


def test_a_run_is_archived(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    made = document("archive", "1", str(folder), "--data", str(data))
    assert made["rows"]["contents"] == 4 * len(EVERY_KIND.elements)
    assert (folder / "README.md").read_text().startswith("# Run 1\n")


@pytest.mark.parametrize(
    "arguments",
    [["info"], ["prune", "--sum-days", "1"], ["backup", "1", "f"], ["archive", "1", "f"]],
)
def test_asking_for_a_store_that_is_not_there_makes_none(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no store sqlite" in run(*arguments, "--data", "absent", status=1)
    assert list(tmp_path.iterdir()) == []


def test_pruning_often_without_a_policy_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DQMSTREAM_STORE_PRUNE_HOURS", "1")
    assert "what may be removed?" in run("info", status=2)


def test_all_of_it_works_while_a_recorder_writes(data: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{data / 'store.sqlite'}"
    begun, over = threading.Event(), threading.Event()
    written: list[int] = []

    def record() -> None:
        writer = StoreWriter(url, log="log")
        for n in range(1, 2000):
            if over.is_set():
                break
            recorded = writer.write(
                [closed_set(random_contents(LAYOUT, RNG), run=4, lumisection=n)], {}
            )
            writer.compact(recorded.series)  # type: ignore[union-attr]
            written.append(n)
            begun.set()
        writer.close()

    recorder = threading.Thread(target=record)
    recorder.start()
    try:
        assert begun.wait(120)
        run("backup", "1", str(tmp_path / "one"), "--data", str(data))
        run("backup", "4", str(tmp_path / "four"), "--data", str(data))
        run("archive", "4", str(tmp_path / "archive"), "--data", str(data))
        run("prune", "--sum-runs", "2", "--data", str(data))
        run("restore", str(tmp_path / "one"), "--data", str(data))
        assert [one["run"] for one in document("info", "--data", str(data))["runs"]] == [4, 3, 1]
    finally:
        over.set()
        recorder.join()
    with Store(url) as store:
        assert store.contents("set", 4, "every").lumisections == tuple(written)


def test_a_store_goes_back_to_an_older_schema_and_forward_again(data: Path) -> None:
    """What that cannot hold is told, and only lost when somebody says so."""
    at = ("--data", str(data))
    assert "has schema 0005" in (said := run("migrate", *at))
    assert "releases from schema 0003 on can read it, from 0004 on record too" in said
    assert "has schema 0002, had 0005" in run("migrate", "--to", "0002", *at)
    assert "schema 0002: '0003x' is not before it (0001)" in run(
        "migrate", "--to", "0003x", *at, status=1
    )
    told = document("migrate", "--to", "0005", *at)
    assert (told["before"], told["after"], told["lost"]) == ("0002", "0005", [])
    run("prune", "--lumisection-runs", "1", *at)
    refused = run("migrate", "--to", "0001", *at, status=1)
    assert "schema 0001 cannot hold the contents of runs 1, 2, of which only the sum" in refused
    assert "lost: the contents of runs 1, 2" in run("migrate", "--to", "0001", "--lose", *at)
    # Nobody brings it up by the way: an older release may be at work.
    refused = run("info", *at, status=1)
    assert "has schema 0001, this release needs 0005, which older releases cannot use" in refused
    assert "bring it up by `dqmstream store migrate`" in " ".join(refused.split())
    told = document("migrate", *at)
    assert (told["before"], told["fits"]) == ("0001", {"read": "0003", "record": "0004"})
    assert len(document("info", *at)["runs"]) == 3
