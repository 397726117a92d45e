"""A side is judged with the references that production judges with: those of its log."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.histograms.contents import Contents
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.messages.references import RunWindow
from dqmstream.references.contents import ReferenceData, pack
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.transport.embedded import EmbeddedLog
from playback.comparing.choice import Choice, Running, choose, read_choice
from playback.comparing.playing import Playing
from playback.comparing.results import ResultFolder, ResultWriter, contents_of
from services.cli import app
from services.comparator.known_references import KnownReferences
from services.references.publishing import contents_records, decision_records
from tests.filled import make_topics
from tests.unit.references.made import DAY, reference

CONFIG = SyntheticConfig(run=7, lumisections=2, rate=3, chunk_events=20, subsystems=("pixel",))
TESTS = """
[[quality_test]]
name = "as before"
algorithm = "Comp2RefKolmogorov"
path = "Pixel/Layer?/charge"
"""


@pytest.fixture(scope="module")
def source() -> SyntheticSource:
    return SyntheticSource(SyntheticDetector(CONFIG))


def _choice(folder: Path, **more: Any) -> Choice:
    tests = folder / "tests.toml"
    tests.write_text(TESTS)
    return Choice(workspaces=("pixel",), quality_tests=str(tests), **more)


def _reports(source: SyntheticSource, running: Running, folder: Path) -> Sequence[QualityReport]:
    Playing([source], running, ResultWriter(folder)).play()
    found = ResultFolder(folder)
    return [
        one
        for number in found.lumisections
        for group in found.lumisection(number).reports
        for one in group.reports
    ]


def _contents(source: SyntheticSource, running: Running, folder: Path) -> Contents:
    """Of the run, as a store would have them."""
    _reports(source, running, folder)
    found = ResultFolder(folder)
    (layout,) = running.layouts
    each = [contents_of(found.lumisection(n), {"pixel": layout}) for n in found.lumisections]
    return Contents.total(layout, [one["pixel"] for one in each])


@pytest.fixture
def data(source: SyntheticSource, tmp_path: Path) -> Path:
    """The folder of a system whose catalogue has a version for pixel that is good, one that has
    expired and would come first, and one of this very run."""
    contents = _contents(source, choose(_choice(tmp_path), ()), tmp_path / "before")
    packed = pack(ReferenceData(contents=contents), 5_000)
    made = {"digest": packed.digest, "size": packed.size, "parts": len(packed.messages)}
    of_itself = RunWindow(run=7, set="s", lumisections=((1, 2),))

    async def publish() -> None:
        async with EmbeddedLog.open(tmp_path / "data" / "log", clock=SystemClock()) as log:
            await make_topics(log, 1)
            await log.send(contents_records(packed.messages))
            for one in (
                reference("golden", 3, **made),
                reference("over", rank=-1, expires=2 * DAY, **made),
                reference("own", rank=-2, kind="run", windows=(of_itself,), **made),
            ):
                await log.send(decision_records(one, "make"))

    asyncio.run(publish())
    return tmp_path / "data"


def _saved(data: Path) -> Path:
    file = data.parent / "production.references"
    args = ["references", "save", str(file), "--data", str(data)]
    called = CliRunner().invoke(app, args)
    assert called.exit_code == 0, called.output
    assert "2 versions of references" in called.output
    return file


def test_reports_are_those_that_a_comparator_makes_with_the_log(
    source: SyntheticSource, data: Path, tmp_path: Path
) -> None:
    running = choose(_choice(tmp_path, catalogue=str(_saved(data))), ())
    judged = _reports(source, running, tmp_path / "judged")

    async def with_the_log() -> Sequence[QualityReport]:
        clock = SystemClock()
        async with (
            EmbeddedLog.open(data / "log", clock=clock) as log,
            KnownReferences(log).reading() as known,
        ):
            now: Any = replace(running, references=lambda w: known(replace(w, moment=clock.wall())))
            return await asyncio.to_thread(_reports, source, now, tmp_path / "expected")

    assert judged == asyncio.run(with_the_log())
    assert {one.outcome for one in judged} == {Outcome.GOOD}
    ((version,),) = {one.references for one in judged}
    assert running.references.notes == (f"references: pixel: golden #3 ({version})",)


def test_a_catalogue_is_in_the_key_of_a_result_with_all_that_is_in_it(
    data: Path, tmp_path: Path
) -> None:
    file = _saved(data)
    configuration = tmp_path / "candidate.toml"
    configuration.write_text('workspaces = ["pixel"]\ncatalogue = "production.references"')
    choice = read_choice(configuration)
    assert choice.catalogue == str(file)
    assert b"catalogue" not in msgspec.json.encode(Choice()), "older releases do not know of it"
    before = choice.hash()
    assert before != msgspec.structs.replace(choice, catalogue="").hash()
    again = file.rename(tmp_path / "elsewhere.references")
    assert msgspec.structs.replace(choice, catalogue=str(again)).hash() == before
    file.write_bytes(again.read_bytes()[:-1])
    assert choice.hash() != before
    with pytest.raises(ConfigurationError, match="not what `dqmstream references save` writes"):
        choose(choice, ())


def test_what_a_comparison_takes_no_catalogue_from_is_said(tmp_path: Path) -> None:
    compare = ["playback", "compare", "recording", "--candidate", "installed", "--references"]
    empty = tmp_path / "empty"
    empty.mkdir()
    other = tmp_path / "other.references"
    other.write_text("x")
    for where, expected in (
        ("nowhere", "no such file or folder"),
        (str(empty), "no log in"),
        (str(other), "not what `dqmstream references save` writes"),
    ):
        called = CliRunner().invoke(app, [*compare, where, "--cache", str(tmp_path / "cache")])
        assert called.exit_code == 2, called.output
        assert expected in " ".join(called.output.split())
