"""`dqmstream references` against a real gateway: what an expert types, and what is answered."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boost_histogram as bh
import pytest
from boost_histogram import serialization
from click.testing import Result
from typer.testing import CliRunner

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.transport.memory import MemoryLog
from services.cli import app
from services.gateway.access_tokens import Role
from services.reference_commands import _good_for, runs_of
from tests.filled import make_topics
from tests.ingesting import SECRETS, gateway

Call = Callable[..., Any]


def uhi_file(folder: Path) -> Path:
    """Two histograms by path; one has a storage that nobody knows."""
    histogram: Any = bh.Histogram(bh.axis.Regular(4, 0, 1), storage=bh.storage.Int64())
    histogram.fill([0.1, 0.3, 0.3])
    uhi = serialization.to_uhi(histogram)
    broken = uhi | {"storage": {"type": "rubbish"}}
    file = folder / "one.json"
    text = json.dumps({"A/one": uhi, "A/two": broken}, default=lambda value: value.tolist())
    file.write_text(text)
    return file


def call(url: str, *arguments: str, role: Role | None = Role.EXPERT) -> Result:
    given = {"DQMSTREAM_URL": url, "DQMSTREAM_TOKEN": SECRETS[role] if role else ""}
    return CliRunner().invoke(app, ["references", *arguments], env=given)


async def test_the_life_of_a_reference_by_commands(tmp_path: Path) -> None:
    """Uploaded as a proposal, accepted, shown, retired; every step told, every refusal said."""
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    file = str(uhi_file(tmp_path))
    said = ("--name", "golden", "--workspace", "a", "--owner", "experts", "--reason", "certified")
    async with gateway(log) as url:

        async def told(*arguments: str, status: int = 0, role: Role | None = Role.EXPERT) -> str:
            result = await asyncio.to_thread(call, url, *arguments, role=role)
            assert result.exit_code == status, result.output
            return result.output

        refused = await told("upload", file, *said, status=2, role=Role.SHIFTER)
        assert "of role shifter, this takes expert" in refused
        refused = await told("upload", file, *said, status=2, role=None)
        assert "this takes a token of role expert" in refused
        good_for = ("--energy", "6800", "--run-type", "pp*", "--first-run", "5")
        uploaded = await told("upload", file, *said, *good_for, "--proposed")
        assert "a: golden #1 is proposed: version" in uploaded
        assert "1 histograms taken" in uploaded
        assert "rubbish" in uploaded, "what was left out is told"
        listed = json.loads(await told("list", "--json"))
        (row,) = listed["references"]
        assert (row["status"], row["file"], row["elements"]) == ("proposed", "one.json", 1)
        version = row["id"]
        assert (row["valid"]["energies"], row["valid"]["run_types"]) == ([6800.0], ["pp*"])
        assert _good_for(row["valid"]) == "pp*, 6800 GeV, runs 5-"
        assert "golden #1 is used" in await told("accept", version, "--why", "plots are fine")
        assert "#1 *" in await told("list", "--standing")
        assert "3 entries" in await told("show", version, "--path", "A/one")
        assert "certified" in await told("show", version)
        assert "golden #1 is retired" in await told("retire", version, "--why", "old menu")
        again = await told("retire", version, "--why", "old menu", status=2)
        assert "is retired already: by expert, 'old menu'" in again
        steps = (await told("history", "golden")).splitlines()
        assert [line.split(" by ")[0].rsplit(" ", 2)[1:] for line in steps] == [
            ["upload:", "proposed"],
            ["accept:", "accepted"],
            ["retire:", "retired"],
        ]
        assert steps[1].endswith("by expert: plots are fine")
        refused = await told("make", "--run", "1", *said[:2], *said[4:], status=2)
        assert "no store" in refused
        assert "no store" in await told("propose", "1", status=2)
        assert "is not stored" not in await told("show", "0" * 16, status=2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["make", "--name", "a", "--owner", "me", "--reason", "so"], "either --run"),
        (["propose", "1", "--name", "a"], "takes an --owner"),
        (["upload", "none.json", "--name", "a", "--workspace", "w", "--owner", "me"], "--reason"),
        (
            ["make", "--name", "a", "--owner", "b", "--reason", "c", "--run", "1", "--label", "x"],
            "name=value",
        ),
    ],
)
def test_what_is_asked_wrongly_is_said_without_a_gateway(arguments: list[str], why: str) -> None:
    result = call("http://127.0.0.1:9", *arguments)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())


def test_lumisections_are_given_as_ranges_or_as_a_list_of_certified_ones(tmp_path: Path) -> None:
    assert runs_of(7, ["1-5", "9"], None) == {"7": [[1, 5], [9, 9]]}
    assert runs_of(7, [], None) == {"7": []}
    golden = tmp_path / "golden.json"
    golden.write_text('{"398500": [[10, 180]]}')
    assert runs_of(None, [], golden) == {"398500": [[10, 180]]}
    golden.write_text("[1]")
    wrong = ((7, ["a-b"], None), (7, ["4-1"], None), (None, [], golden), (7, [], golden))
    for run, ranges, file in wrong:
        with pytest.raises(ConfigurationError):
            runs_of(run, ranges, file)
