"""Kernels of payloads are made ready for those who decode, and cost others nothing."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dqmstream.conditions.table import ConditionsTable
from dqmstream.sources.cms.madeup.plan import Plan
from dqmstream.sources.cms.madeup.stream import STREAMS, MadeUpRun
from dqmstream.sources.cms.source import StreamerSource, streamer_sources
from dqmstream.sources.conditioned import conditioned
from services.processes import decoding
from services.processes.decoding import prepare_decoding
from services.settings import Settings


@pytest.fixture
def source(tmp_path: Path) -> StreamerSource:
    """A made-up beam spot stream of one event."""
    name, branches, written = STREAMS["beamspot"]
    MadeUpRun(Plan(events=1), branches, written=written).write(tmp_path, 1, name)
    (found,), _ = streamer_sources([tmp_path])
    return found


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """Folders that kernels were kept in: compiling them into a new one takes long."""
    folders: list[Path | None] = []

    def warm(folder: Path | None) -> str:
        folders.append(folder)
        return "nowhere to write"

    monkeypatch.setattr(decoding, "_warm", warm)
    return folders


def test_kernels_are_kept_where_the_settings_say_and_a_problem_is_told(
    source: StreamerSource, warmed: list[Path | None]
) -> None:
    sources = [source.reading({"time"}), source.reading({"time", "tracks.pt"})]
    with capture_logs() as logs:
        asyncio.run(prepare_decoding(Settings.model_validate({"numba_cache": "kept"}), sources))
    assert warmed == [Path("kept")]
    assert [(one["event"], one["problem"]) for one in logs] == [
        ("kernels are compiled anew", "nowhere to write")
    ]


def test_who_reads_no_product_compiles_nothing(
    source: StreamerSource, warmed: list[Path | None]
) -> None:
    asyncio.run(prepare_decoding(Settings.model_validate({}), [source.reading({"time"})]))
    assert warmed == []


def test_sources_with_conditions_decode_as_without(
    source: StreamerSource, warmed: list[Path | None]
) -> None:
    told = ConditionsTable(())
    asyncio.run(
        prepare_decoding(Settings.model_validate({}), [conditioned(source.reading({"time"}), told)])
    )
    assert warmed == []
    asyncio.run(
        prepare_decoding(
            Settings.model_validate({}), [conditioned(source.reading({"tracks.pt"}), told)]
        )
    )
    assert warmed == [None]
