"""One side: what fillers and the comparator make of the same chunks, and what it costs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking.columns import Columns
from dqmstream.errors import ConfigurationError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.sources.source import SourceChunk
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.testing import fill
from dqmstream.workspaces.pixel import workspace as pixel
from playback.comparing.choice import Choice, Running, choose, read_choice
from playback.comparing.costs import Seconds, memory_of
from playback.comparing.environment import environment_of
from playback.comparing.identity import source_hash
from playback.comparing.playing import Playing
from playback.comparing.recorded import decoded, first_lumisections, side_by_side
from playback.comparing.release import Directory, Installed
from playback.comparing.results import LumisectionResult, ResultFolder, ResultWriter, contents_of

CONFIG = SyntheticConfig(
    run=7, lumisections=2, rate=3, chunk_events=20, subsystems=("pixel", "hlt")
)


@pytest.fixture(scope="module")
def source() -> SyntheticSource:
    return SyntheticSource(SyntheticDetector(CONFIG))


@pytest.fixture(scope="module")
def running() -> Running:
    return choose(Choice(workspaces=("pixel",)), ())


def _played(
    source: SyntheticSource, running: Running, folder: Path, **options: int
) -> ResultFolder:
    writer = ResultWriter(folder)
    Playing([source], running, writer, **options).play()
    return ResultFolder(folder)


def test_contents_are_those_of_a_batch_fill(
    source: SyntheticSource, running: Running, tmp_path: Path
) -> None:
    found = _played(source, running, tmp_path)
    assert found.lumisections == [1, 2]
    for lumisection in source.lumisections(0):
        batches = []
        for chunk in lumisection.chunks():
            with pa.ipc.open_stream(chunk.body) as stream:
                batches += list(stream)
        filled = fill(pixel, *batches)
        result = found.lumisection(lumisection.lumisection)
        (contents,) = contents_of(result, {one.workspace: one for one in running.layouts}).values()
        expected = next(iter(filled.values())).contents
        assert np.array_equal(contents.cells, expected.cells)
        assert result.selected == sum(batch.num_rows for batch in batches) == CONFIG.events
        assert {one.scope for one in result.reports} == {"lumisection", "run"}
        assert all(one.complete for one in result.reports)


@pytest.mark.parametrize("events", [1, 7, 1000])
def test_chunks_of_any_size_make_the_same_contents(
    source: SyntheticSource, running: Running, tmp_path: Path, events: int
) -> None:
    whole = _played(source, running, tmp_path / "whole")
    cut = _played(source, running, tmp_path / "cut", chunk_events=events)
    for number in (1, 2):
        first, second = whole.lumisection(number), cut.lumisection(number)
        assert (first.seen, first.selected) == (second.seen, second.selected)
        assert [one.cells for one in first.contents] == [one.cells for one in second.contents]
        assert _outcomes(first) == _outcomes(second)


def _outcomes(result: LumisectionResult) -> list[tuple[str, str, str]]:
    return [
        (one.path, one.qtname, one.outcome) for group in result.reports for one in group.reports
    ]


def test_lumisections_of_several_sources_are_filled_together() -> None:
    first = SyntheticSource(SyntheticDetector(CONFIG))
    longer = SyntheticConfig(run=7, lumisections=3, rate=3, subsystems=("hlt",))
    other = SyntheticSource(SyntheticDetector(longer))
    found = list(side_by_side([first, other]))
    assert [(one.number, len(one.parts)) for one in found] == [(1, 2), (2, 2), (3, 1)]


def test_a_chunk_that_cannot_be_read_is_counted_and_the_others_are_filled(
    source: SyntheticSource,
) -> None:
    (lumisection, _) = side_by_side([source])
    (_, part) = lumisection.parts[0]
    chunks = list(part.chunks())

    class Broken:
        lumisection, seconds = 1, 23.31

        def chunks(self) -> Iterator[SourceChunk]:
            yield msgspec.structs.replace(chunks[0], body=b"nothing")
            yield from chunks[1:]

        def notes(self) -> dict[str, int]:
            return {}

    refused = Counter[str]()
    broken = replace(lumisection, parts=((source, Broken()),))
    found = list(decoded(broken, refused=refused))
    assert len(found) == len(chunks) - 1
    assert sum(refused.values()) == 1


def test_what_a_workspace_keeps_of_each_lumisection_is_measured(
    source: SyntheticSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(pixel)
    few = first_lumisections([source], 2, 0)
    sound = memory_of(layout, few)
    assert abs(sound.kept) < 8_000
    assert sound.working > layout.cells * 8
    leaked = []
    real = WorkspaceFiller.fill

    def leaking(
        self: WorkspaceFiller, contents: Contents, columns: Columns, **chunk: object
    ) -> None:
        leaked.append(np.ones(20_000))
        real(self, contents, columns, **chunk)  # type: ignore[arg-type]

    monkeypatch.setattr(WorkspaceFiller, "fill", leaking)
    chunks = len(few[0])
    kept = memory_of(layout, few).kept
    assert kept == pytest.approx(160_000 * chunks, rel=0.1)


def test_seconds_are_of_the_workspace_that_spent_them() -> None:
    seconds = Seconds()
    for _ in range(3):
        with seconds.fills("busy"):
            sum(range(200_000))
        with seconds.fills("idle"):
            pass
        seconds.end_lumisection(10)
    busy, idle = seconds.per_event("busy")[0], seconds.per_event("idle")[0]
    assert busy > idle >= 0.0
    assert seconds.events == 30


def test_the_same_sources_have_one_hash_and_others_another(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "my", tmp_path / "b" / "my"
    for folder in (first, second):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "x.py").write_text("1")
    (first / "__pycache__" / "x.pyc").write_text("junk")
    assert source_hash([first]) == source_hash([second])
    (second / "y.toml").write_text("")
    assert source_hash([first]) != source_hash([second])


def test_the_installed_release_is_hashed_with_its_plug_ins(tmp_path: Path) -> None:
    environment = environment_of(Installed(), tmp_path)
    assert len(environment.identity.hash) == 16
    assert environment.path == ()


def test_a_checkout_brings_its_own_entry_points(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "src" / "mine").mkdir(parents=True)
    (package / "src" / "mine" / "__init__.py").write_text("")
    (package / "pyproject.toml").write_text(
        '[project]\nname = "my-dqm"\n'
        '[project.entry-points."dqmstream.workspaces"]\nmine = "mine:w"\n'
    )
    environment = environment_of(Directory(package), tmp_path / "cache")
    points, packages = environment.path
    assert packages == package / "src"
    text = (points / "my_dqm-0.dist-info" / "entry_points.txt").read_text()
    assert text == "[dqmstream.workspaces]\nmine = mine:w\n"
    assert environment_of(Directory(package), tmp_path / "cache").path == environment.path
    other = package / "src" / "mine" / "w.py"
    other.write_text("w = 1")
    changed = environment_of(Directory(package), tmp_path / "cache")
    assert changed.identity.hash != environment.identity.hash
    (package / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["entry-points"]\n')
    with pytest.raises(ConfigurationError, match="build a wheel"):
        environment_of(Directory(package), tmp_path / "cache")


def test_a_configuration_is_read_beside_its_file_and_hashed_with_what_it_names(
    tmp_path: Path,
) -> None:
    (tmp_path / "t.toml").write_text("")
    file = tmp_path / "c.toml"
    file.write_text('workspaces = ["pixel", "my.toml"]\nquality_tests = "t.toml"\n')
    (tmp_path / "my.toml").write_text("x")
    choice = read_choice(file)
    assert choice.workspaces == ("pixel", str(tmp_path / "my.toml"))
    before = choice.hash()
    (tmp_path / "t.toml").write_text("# other")
    assert choice.hash() != before
    (tmp_path / "t.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"t\.toml: cannot be read"):
        choice.hash()
    for text, expected in (("workspace = 1", "unknown field"), ("a =", "not TOML")):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match=expected):
            read_choice(file)
