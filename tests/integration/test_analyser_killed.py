"""A system that is killed while it analyses, and started again, has published the same."""

import asyncio
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import command, environment, finished
from services.log import open_log
from services.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LUMISECTIONS = 12
PLAY = ["demo", "--lumisections", str(LUMISECTIONS), "--rate", "30", "--no-faults"]


def settings(folder: Path) -> Mapping[str, str]:
    names = "tests.analysed_pixels:workspace,pixel"
    return {"data": str(folder), "port": "0", "workspaces": names}


async def digests(folder: Path) -> dict[int, set[str]]:
    """What was published of each LS, by whichever life: one word if all agree."""
    found: dict[int, set[str]] = {}
    async with open_log(Settings(data=folder), SystemClock()) as log:
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            if piece.workspace == "charges" and not piece.partition:
                assert piece.closed
                assert not piece.invalid
                found.setdefault(piece.lumisection, set()).add(str(piece.scalars[0].value))
    return found


def killed_after(folder: Path, lumisection: int) -> None:
    """Start it, and kill it (9) once it has told of an LS, or of one behind it.

    It does not end with the run: it may have sent all of that before it tells of any LS.
    """
    process = subprocess.Popen(
        [*command(PLAY), "--speed", "25"],
        env=environment(settings(folder)),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            told = re.match(r"run 1 LS +(\d+) ", line)
            if told and int(told[1]) >= lumisection:
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_a_system_killed_twice_has_analysed_what_an_undisturbed_one_has(tmp_path: Path) -> None:
    disturbed, quiet = tmp_path / "disturbed", tmp_path / "quiet"
    killed_after(disturbed, 3)
    killed_after(disturbed, 7)
    for folder in (disturbed, quiet):
        finished([*PLAY, "--exit", "--speed", "0", "--json"], settings(folder), timeout=240)
    found = asyncio.run(digests(disturbed))
    assert found == asyncio.run(digests(quiet))
    assert sorted(found) == list(range(1, LUMISECTIONS + 1))
    assert {len(words) for words in found.values()} == {1}
