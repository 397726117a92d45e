"""Analyses in the whole system: real events become conditions, which open and shut gates."""

import asyncio
from pathlib import Path

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CONDITIONS, HISTOGRAMS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import finished
from services.log import open_log
from services.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.realdata, pytest.mark.timeout(600)]

FILE = "run392642_ls0174_streamDQMOnlineScouting_pid1152594.jsn"
TESTS = """
[[quality_test]]
name = "pixel on"
algorithm = "MeanWithinExpected"
path = "StreamConditions/parts"
parameters = { xmin = 0.0, xmax = 27.0 }
require = "dcs.bpix and pileup > 5"

[[quality_test]]
name = "gem on"
algorithm = "MeanWithinExpected"
path = "StreamConditions/parts"
parameters = { xmin = 0.0, xmax = 27.0 }
require = "dcs.gemp"
"""


async def messages(folder: Path, topic: str) -> list[Message]:
    async with open_log(Settings(data=folder), SystemClock()) as log:
        records = [record async for record in read_to_end(log, topic)]
    return [CODEC.decode(record.headers, record.value) for record in records]


def test_conditions_of_real_events_open_and_shut_quality_tests(
    real_data: Path, tmp_path: Path
) -> None:
    """The figures are those of an independent reading of the file; GEM was off, the pixels on."""
    (tmp_path / "tests.toml").write_text(TESTS)
    settings = {
        "data": str(tmp_path / "data"),
        "port": "0",
        "workspaces": "stream_conditions",
        "quality_tests": str(tmp_path / "tests.toml"),
    }
    file = real_data / "cms-streamer" / FILE
    found = finished(["replay", str(file), "--exit", "--json"], settings, timeout=240)
    assert found["runs"][0]["selected"] == 35
    folder = tmp_path / "data"
    known = [m for m in asyncio.run(messages(folder, CONDITIONS)) if isinstance(m, Conditions)]
    assert [(one.run, one.lumisection, one.fill) for one in known] == [(392642, 174, 10671)]
    assert known[0].luminosity == pytest.approx(2.1639e34, rel=1e-4)
    assert known[0].pileup == pytest.approx(62.883, abs=1e-3)
    assert {part for part, on in known[0].dcs.items() if not on} == {"gemp", "gemm"}
    assert not {"castor", "zdc"} & known[0].dcs.keys()
    sets = [m for m in asyncio.run(messages(folder, HISTOGRAMS)) if isinstance(m, HistogramSet)]
    assert {one.partition for one in sets} == set(range(sets[0].partitions))
    assert all(one.closed and one.account.closed_by == "markers" for one in sets)
    reports = asyncio.run(messages(folder, QUALITY))
    outcomes = {
        report.qtname: report.outcome
        for message in reports
        if isinstance(message, QualityReports) and message.scope == "lumisection"
        for report in message.reports
    }
    assert outcomes["gem on"] is Outcome.DISABLED
    assert outcomes["pixel on"] not in {Outcome.DISABLED, Outcome.NOT_RUN}
