"""What is made already: stored runs, archives of them and files, compared as they are."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.export.about import About, Exported
from dqmstream.export.root import root_file
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.store.archive import archive
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter
from playback.comparing.archive import made_result
from playback.comparing.difference import Difference, compare
from playback.comparing.policy import Policy
from playback.comparing.release import Made, parse_release
from services.cli import app

LAYOUT = Layout(EVERY_KIND)
PATH = "one/counts"


def _contents() -> dict[int, Contents]:
    rng = np.random.default_rng(3)
    return {number: random_contents(LAYOUT, rng) for number in (1, 2, 3)}


def _reports(run: int, number: int, outcome: Outcome) -> QualityReports:
    one = QualityReport(path=PATH, qtname="q", algorithm="a", outcome=outcome)
    return QualityReports(
        set="set",
        run=run,
        lumisection=number,
        workspace="every",
        scope="lumisection",
        complete=True,
        versions=(1,),
        reports=(one,),
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs 7 and 8 of the same contents; LS 2 of run 9 has others, and another verdict."""
    folder = tmp_path_factory.mktemp("stored")
    url = f"sqlite:///{folder / 'store.sqlite'}"
    writer = StoreWriter(url, log="log")
    try:
        writer.write([EVERY_KIND], {})
        for run in (7, 8, 9):
            for number, contents in _contents().items():
                odd = (run, number) == (9, 2)
                if odd:
                    contents.cells[LAYOUT[PATH].offset + 3] += 5
                outcome = Outcome.BAD if odd else Outcome.GOOD
                piece = closed_set(contents, run=run, lumisection=number)
                writer.write([piece, _reports(run, number, outcome)], {})
    finally:
        writer.close()
    for run in (7, 9):
        archive(url, run, folder / f"archive{run}")
    return folder


def _found(first: str, second: str, folder: Path, **options: int) -> Difference:
    sides = [parse_release(one) for one in (first, second)]
    made: list[Made] = [one for one in sides if isinstance(one, Made)]
    results = [made_result(one, folder / str(n), **options) for n, one in enumerate(made)]
    return compare(results[0], results[1], Policy())


@pytest.mark.parametrize("second", ["run:8@{0}", "parquet:{0}/archive7"])
def test_the_same_contents_do_not_differ_however_they_are_kept(
    stored: Path, tmp_path: Path, second: str
) -> None:
    difference = _found(f"run:7@{stored}", second.format(stored), tmp_path)
    assert difference.findings == ()
    assert difference.compared.lumisections == 3
    assert difference.compared.events == 24
    assert difference.compared.contents == 3 * len(EVERY_KIND.elements)
    assert difference.compared.verdicts == 3
    assert any("costs, alarms and logs are not compared" in note for note in difference.notes)


@pytest.mark.parametrize("form", ["run:{1}@{0}", "parquet:{0}/archive{1}"])
def test_other_contents_and_verdicts_are_found_in_their_lumisection(
    stored: Path, tmp_path: Path, form: str
) -> None:
    difference = _found(form.format(stored, 7), form.format(stored, 9), tmp_path)
    assert [(one.kind.value, one.subject) for one in difference.findings] == [
        ("contents", PATH),
        ("verdict", PATH),
    ]
    assert all(one.lumisections == (2,) for one in difference.findings)


def _root(file: Path, contents: dict[int, Contents]) -> Path:
    exported = [
        Exported(place=place, contents=one, about=_about(number))
        for number, one in contents.items()
        for place in LAYOUT
        if place.planes == 1
    ]
    file.write_bytes(root_file(exported))
    return file


def _about(number: int) -> About:
    return About(
        run=7, window=str(number), lumisections=(number,), closed=True, complete=True, whole=True
    )


def test_files_of_histograms_are_compared_by_path(tmp_path: Path) -> None:
    same, other = _contents(), _contents()
    other[1].cells[LAYOUT["two/counts"].offset + 20] += 3
    first = _root(tmp_path / "a.root", {1: same[1]})
    second = _root(tmp_path / "b.root", {1: other[1]})
    twice = _found(f"root:{first}", f"root:{first}", tmp_path / "same")
    assert twice.findings == ()
    assert twice.compared.contents >= 2
    difference = _found(f"root:{first}", f"root:{second}", tmp_path / "other")
    assert [(one.kind.value, one.subject.rpartition("/")[2]) for one in difference.findings] == [
        ("contents", "counts")
    ]
    assert "two/counts" in difference.findings[0].subject


def test_of_files_nothing_is_said_of_events(
    tmp_path: Path,
) -> None:
    """They do not say how many there were: that is not none."""
    first = _root(tmp_path / "a.root", {1: _contents()[1]})
    sides = ["--production", f"root:{first}", "--candidate", f"root:{first}"]
    command = ["playback", "compare", *sides, "--cache", str(tmp_path), "--report"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    assert "events" not in result.output
    assert "no difference: 1 LSs, " in result.output
    document = json.loads((tmp_path / "report" / "report.json").read_text())
    assert "events" not in document["compared"]
    for name in ("report.md", "report.html"):
        assert "events" not in (tmp_path / "report" / name).read_text()


def test_a_store_that_does_not_answer_is_not_judged_and_no_difference(tmp_path: Path) -> None:
    """Whoever gates on the status tells a release that differs from a database that is away."""
    away = "run:7@postgresql+psycopg://x:secret@127.0.0.1:1/none"
    command = ["playback", "compare", "--production", away, "--candidate", away]
    result = CliRunner().invoke(app, [*command, "--cache", str(tmp_path)])
    assert result.exit_code == 3, result.output
    assert "could not be judged: store postgresql" in result.output
    assert "secret" not in result.output


def test_what_is_not_there_is_said(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is stored of run 99"):
        _found(f"run:99@{stored}", f"run:7@{stored}", tmp_path / "1")
    with pytest.raises(ConfigurationError, match="no store in"):
        _found(f"run:7@{tmp_path}", f"run:7@{stored}", tmp_path / "2")
    with pytest.raises(SourceError, match="no such file"):
        _found("root:none.root", f"run:7@{stored}", tmp_path / "3")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "run.json").write_text('{"run": 7}')
    with pytest.raises(SourceError, match="bad_archive"):
        _found(f"parquet:{broken}", f"run:7@{stored}", tmp_path / "4")
