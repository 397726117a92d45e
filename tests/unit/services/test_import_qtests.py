"""`dqmstream qtests import`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dqmstream.quality.declaration import read_tests
from services.cli import app

XML = """<TESTSCONFIGURATION>
<QTEST name="range"><TYPE>ContentsXRange</TYPE>
<PARAM name="xmin">0</PARAM><PARAM name="xmax">1</PARAM><PARAM name="more">1</PARAM></QTEST>
<LINK name="*a*"><TestName activate="true">range</TestName></LINK>
<LINK name="*b*"><TestName activate="false">range</TestName></LINK>
<LINK name="*c*"><TestName activate="true">gone</TestName></LINK>
</TESTSCONFIGURATION>
"""


@pytest.fixture
def xml(tmp_path: Path) -> Path:
    path = tmp_path / "tests.xml"
    path.write_text(XML)
    return path


def run(*words: str | Path):
    return CliRunner().invoke(app, ["qtests", "import", *map(str, words)])


def test_a_file_is_written_and_said_what_it_lacks(xml: Path, tmp_path: Path) -> None:
    out = tmp_path / "tests.toml"
    result = run(xml, "--out", out)
    assert result.exit_code == 0, result.output
    tests = read_tests(out.read_text(), "tests.toml")
    assert [(test.name, test.enabled) for test in tests] == [
        ("range (1)", True),
        ("range (2)", False),
    ]
    assert result.stdout.splitlines() == [
        f"2 quality tests in {out}, 1 of them switched off; 1 not mapped, 1 notes",
        "not mapped: tests.xml: gone on *c*: no QTEST is named 'gone'",
        "note: tests.xml: range: parameter 'more' is unknown to ContentsXRange, left out",
    ]


def test_without_a_file_tests_go_to_standard_output_alone(xml: Path) -> None:
    result = run(xml, "--scope", "lumisection", "--corrected")
    tests = read_tests(result.stdout, "stdout")
    assert {test.scopes for test in tests} == {("lumisection",)}
    assert "cmssw_compatible" not in result.stdout
    assert "2 quality tests, 1 of them switched off" in result.stderr


def test_what_is_said_can_be_read_by_programs(xml: Path) -> None:
    answer = json.loads(run(xml, "--json").stdout)
    assert (answer["mapped"], answer["out"]) == (2, None)
    assert answer["unmapped"] == [
        {
            "file": "tests.xml",
            "test": "gone",
            "link": "*c*",
            "reason": "no QTEST is named 'gone'",
        }
    ]
    assert [test["path"] for test in answer["tests"]] == ["**a**", "**b**"]


def test_a_file_is_not_written_over_unless_told(xml: Path, tmp_path: Path) -> None:
    out = tmp_path / "tests.toml"
    out.write_text("mine")
    refused = run(xml, "--out", out)
    assert (refused.exit_code, out.read_text()) == (2, "mine")
    assert "--replace writes over it" in refused.output
    assert run(xml, "--out", out, "--replace").exit_code == 0
    assert "range (1)" in out.read_text()


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("<a/>", [], "root element is 'a'"),
        (XML, ["--scope", "year"], "--scope is 'year'"),
        (XML, ["--out", "/nowhere/at/all.toml"], "cannot be written"),
        (None, [], "cannot be read"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    tmp_path: Path, text: str | None, words: list[str], said: str
) -> None:
    path = tmp_path / "tests.xml"
    if text is not None:
        path.write_text(text)
    result = run(path, *words)
    assert result.exit_code == 2
    assert said in result.output


def test_a_file_of_nothing_that_is_ours_ends_with_status_2(tmp_path: Path) -> None:
    path = tmp_path / "tests.xml"
    path.write_text("<TESTSCONFIGURATION></TESTSCONFIGURATION>")
    out = tmp_path / "tests.toml"
    assert run(path, "--out", out).exit_code == 2
    assert not out.exists()
