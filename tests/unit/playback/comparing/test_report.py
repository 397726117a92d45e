"""Reports: what was found stands in all of them, and no name means anything but itself."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from playback.comparing.difference import Difference, compare
from playback.comparing.html import html
from playback.comparing.markdown import markdown
from playback.comparing.overlay import overlays
from playback.comparing.policy import Allow, Policy, WorkspaceBudget
from playback.comparing.report import FILES, Report, report_of, write_report
from playback.comparing.results import Crash, Ended
from tests.unit.playback.comparing.sides import BOOKING, Side, changed, costs, side

LAYOUT = Layout(BOOKING)


def _one_cell_more(contents: Contents) -> None:
    for path in ("My/counts", "My/map", "My/profile"):
        contents.cells[contents.layout[path].offset + 7] += 9


def _told(candidate: Side, policy: Policy | None = None) -> tuple[Report, Difference]:
    production = side()
    difference = compare(production, candidate, policy or Policy())
    return report_of(difference, production, candidate, recording="r", policy=""), difference


@pytest.fixture(scope="module")
def told() -> tuple[Report, Difference]:
    return _told(replace(changed(side(), 2, _one_cell_more), ended=costs()))


def test_all_three_reports_name_what_was_found(
    told: tuple[Report, Difference], tmp_path: Path
) -> None:
    report, difference = told
    write_report(report, difference.elements, tmp_path / "report")
    texts = {name: (tmp_path / "report" / name).read_text() for name in FILES}
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(FILES)
    for path in ("My/counts", "My/map", "My/profile"):
        assert all(path in text for text in texts.values())
    document = json.loads(texts["report.json"])
    assert (document["status"], document["verdict"]) == (1, "3 differences that are not allowed")
    assert document["counts"] == {"contents": 3}
    assert texts["report.md"].startswith("# Playback: 3 differences that are not allowed\n")


def test_plots_are_whole_pictures_one_for_each_axis(told: tuple[Report, Difference]) -> None:
    _, difference = told
    pictures = {one.path: list(overlays(one)) for one in difference.elements}
    assert {path: len(own) for path, own in pictures.items()} == {
        "My/counts": 1,
        "My/map": 2,
        "My/profile": 1,
    }
    for own in pictures.values():
        for picture in own:
            root = ET.fromstring(picture)  # noqa: S314 it is ours
            classes = [one.get("class") for one in root.iter()]
            assert {"production", "candidate", "apart"} <= set(classes)
            assert root.get("viewBox") == "0 0 460 300"
            assert "nan" not in picture.lower()


def test_an_element_of_one_side_is_drawn_alone() -> None:
    other = Workspace("my", "", [*BOOKING.elements, histogram("My/z", regular(3, 0, 1), fill="x")])
    _, difference = _told(side(booking=other))
    (drawn,) = (one for one in difference.elements if one.path == "My/z")
    (picture,) = overlays(drawn)
    assert 'class="candidate"' in picture
    assert 'class="production"' not in picture
    assert 'viewBox="0 0 460 248"' in picture, "no room is left for a difference"


def test_how_many_differ_by_chance_is_told_in_both_reports() -> None:
    report, difference = _told(side())
    report = msgspec.structs.replace(report, compared={**report.compared, "within_chance": 3})
    for text in (markdown(report), html(report, difference.elements)):
        assert "; 3 elements differ no more than chance allows" in text


def test_what_is_allowed_stands_apart_with_the_reason() -> None:
    rule = Allow(what=("contents",), path="My/*", why="new <binning> | of *x*")  # type: ignore[arg-type]
    candidate = changed(side(), 2, _one_cell_more)
    report, difference = _told(candidate, Policy(allow=(rule,)))
    text = markdown(report)
    assert text.startswith("# Playback: 3 differences, all of them allowed")
    assert "## Not allowed" not in text
    assert "new \\<binning\\> \\| of \\*x\\*" in text
    assert "new &lt;binning&gt;" in html(report, difference.elements)


def test_a_crash_is_told_with_the_last_words() -> None:
    crash = Crash(lumisection=2, doing="filling my", why="KeyError: 'x'", said="Traceback <x> ```")
    report, difference = _told(replace(side(), ended=Ended(crash=crash)))
    assert report.verdict == "could not be judged"
    assert "in LS 2, filling my" in markdown(report)
    assert markdown(report).count("```") == 2, "what was said does not end its block"
    assert "Traceback &lt;x&gt;" in html(report, difference.elements)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_no_name_becomes_markup(name: str) -> None:
    other = Workspace("my", "", [histogram("My/z", regular(3, 0, 1, label=name), fill="x")])
    production = Workspace("my", "", [histogram("My/z", regular(4, 0, 1, label=name), fill="x")])
    old, new = side(1, booking=production), side(1, booking=other)
    difference = compare(old, new, Policy())
    report = report_of(difference, old, new, recording=name, policy="")
    page = html(report, difference.elements)
    body = page[page.index("<body>") : page.index("</html>")]
    ET.fromstring(body.replace("&nbsp;", " "))  # noqa: S314 it is ours
    table = [line for line in markdown(report).splitlines() if line.startswith("| candidate")]
    assert all(line.count("|") == 5 for line in table)


def test_memory_of_the_dearest_plots_and_of_those_that_changed_stands_in_all_reports(
    tmp_path: Path,
) -> None:
    many = [histogram(f"My/n{n:02}", regular(100 + n, 0, 1), fill="x") for n in range(30)]
    old = Workspace("my", "", [*many, histogram("My/gone", regular(2, 0, 1), fill="x")])
    grown = histogram("My/n05", regular(300, 0, 1), regular(200, 0, 1), fill=("x", "y"))
    small = histogram("My/n03", regular(7, 0, 1), fill="x")
    new = Workspace("my", "", [*many[:3], small, many[4], grown, *many[6:]])
    production, candidate = side(1, booking=old), side(1, booking=new)
    difference = compare(production, candidate, Policy())
    report = report_of(difference, production, candidate, recording="r", policy="")
    write_report(report, difference.elements, tmp_path)
    first, *others = report.plots
    assert (first.path, first.production, first.candidate) == (
        "My/n05",
        8 * 109,
        8 * (302 * 202 + 2),
    )
    assert first.over
    told = {one.path for one in report.plots}
    assert {"My/gone", "My/n03", "My/n29"} <= told, "gone, changed, and among the dearest"
    assert "My/n08" not in told
    assert [one.over for one in others] == [False] * len(others)
    (finding,) = (one for one in report.findings if one.kind.value == "plot-memory")
    assert (finding.subject, finding.workspace) == ("My/n05", "my")
    assert finding.text == (
        "memory in each LS from 0.8516 KiB to 476.6 KiB, its budget is 257.7 KiB "
        "(plot_ratio 2, plot_mib 0.25)"
    )
    wider = Policy(workspace_budget=(WorkspaceBudget(workspace="m*", plot_mib=1.0),))
    kinds = {one.kind.value for one in compare(production, candidate, wider).findings}
    assert "plot-memory" not in kinds
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["plots"][0] == {
        "workspace": "my",
        "path": "My/n05",
        "production": 872,
        "candidate": 488_048,
        "most": 872 * 2 + 262_144,
    }
    text = (tmp_path / "report.md").read_text()
    assert "| `My/n05` | my | 872 bytes | 488.0 kB | 560 | 263.9 kB **over** |" in text
    assert "| `My/gone` | my | 48 bytes | 0 bytes | gone |" in text
    assert "<td><code>My/n05</code></td><td>my</td>" in (tmp_path / "report.html").read_text()
