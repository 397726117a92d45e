"""Real events of CMS: recorded, replayed and recorded again they are the same."""

import asyncio
from pathlib import Path

import pytest

from dqmstream.clock import SettableClock
from dqmstream.producing import produce
from dqmstream.sources.cms.source import streamer_sources
from playback.recordings import record
from playback.recordings.from_log import record_log
from playback.replaying import ChangedRun, Changes
from tests.event_files import chunks_of
from tests.recorded import small_log

pytestmark = pytest.mark.realdata

EVENTS = {27: 518, 28: 484}
"""Counted by an independent reader of the format."""


async def test_run_346373_is_the_same_after_record_replay_record(
    real_data: Path, tmp_path: Path
) -> None:
    files = sorted((real_data / "cms-streamer").glob("run346373*.jsn"))
    (source,), _ = await asyncio.to_thread(streamer_sources, files)
    first = await asyncio.to_thread(record, [source], tmp_path / "first")
    (played,) = first.sources
    assert {one.lumisection: one.selected for one in played.entry.lumisections} == EVENTS
    assert played.incarnation == source.incarnation
    assert "HLT_ZeroBias_v6" in played.labels["hlt.path"]
    assert await asyncio.to_thread(chunks_of, played) == await asyncio.to_thread(chunks_of, source)
    clock = SettableClock()
    log = await small_log(clock)
    await produce(log, ChangedRun(played, Changes()), clock=clock)
    again = await record_log(log, tmp_path / "again", seconds=23.31)
    assert again.contents == first.contents
    assert again.sources[0].labels == played.labels
    assert await asyncio.to_thread(lambda: list(again.problems())) == []
