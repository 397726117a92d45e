"""What a side ran in: what differs is told, and found only where it is to stay as it is."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from playback.comparing.dependencies import Dependency, InstalledDistribution, RanIn, differing
from playback.comparing.difference import compare
from playback.comparing.finding import Kind
from playback.comparing.html import html
from playback.comparing.markdown import markdown
from playback.comparing.policy import Allow, Policy
from playback.comparing.report import report_of
from playback.comparing.results import ResultFolder, ResultWriter
from tests.unit.playback.comparing.sides import side

OLD = RanIn(
    python="CPython 3.11.7",
    distributions={"dqmstream": "0.1.0", "gone": "1", "numpy": "2.3.1", "same": "1"},
    releases=("dqmstream",),
)
NEW = RanIn(
    python="CPython 3.12.1",
    distributions={"dqmstream": "0.2.0", "new": "1", "numpy": "2.4.0", "same": "1"},
    releases=("dqmstream",),
)
TOLD = (
    Dependency(name="python", production="CPython 3.11.7", candidate="CPython 3.12.1"),
    Dependency(name="dqmstream", production="0.1.0", candidate="0.2.0", release=True),
    Dependency(name="gone", production="1", candidate=""),
    Dependency(name="new", production="", candidate="1"),
    Dependency(name="numpy", production="2.3.1", candidate="2.4.0"),
)
PRODUCTION, CANDIDATE = replace(side(), ran_in=OLD), replace(side(), ran_in=NEW)


def test_each_distribution_that_differs_is_told_in_all_reports_and_is_no_difference() -> None:
    found = compare(PRODUCTION, CANDIDATE, Policy())
    assert (found.status, found.findings, found.dependencies) == (0, (), TOLD)
    report = report_of(found, PRODUCTION, CANDIDATE, recording="r", policy="")
    assert (report.production.python, report.candidate.python) == (OLD.python, NEW.python)
    assert report.dependencies == TOLD
    written, page = markdown(report), html(report, ())
    assert "| candidate | `installed` | 1 on CPython 3.12.1 | 3 |" in written
    assert "<td>1 on CPython 3.11.7</td>" in page
    assert "## Dependencies that differ" in written
    assert "| `numpy` | 2.3.1 | 2.4.0 |" in written
    assert "| `gone` | 1 | none |" in written
    assert "| `dqmstream` (what is tried) | 0.1.0 | 0.2.0 |" in written
    assert "<td><code>new</code></td><td>none</td><td>1</td>" in page


def test_what_is_pinned_is_found_unless_a_rule_allows_it() -> None:
    policy = Policy(pinned=("num*", "python", "dqm*"))
    found = compare(PRODUCTION, CANDIDATE, policy)
    assert found.status == 1
    assert [(one.kind, one.subject, one.text) for one in found.findings] == [
        (Kind.DEPENDENCY, "python", "from CPython 3.11.7 to CPython 3.12.1"),
        (Kind.DEPENDENCY, "numpy", "from 2.3.1 to 2.4.0"),
    ]
    rule = Allow(what=(Kind.DEPENDENCY,), path="numpy", why="tried on purpose")
    allowed = compare(PRODUCTION, CANDIDATE, Policy(pinned=("numpy",), allow=(rule,)))
    assert (allowed.status, allowed.findings[0].allowed) == (0, "rule 1: tried on purpose")


def test_nothing_is_said_of_a_side_that_was_made_already_nor_of_a_checkout() -> None:
    assert differing(OLD, None) == differing(None, NEW) == ()
    checkout = RanIn(python=OLD.python, distributions={**OLD.distributions, "dqmstream": ""})
    assert differing(OLD, checkout) == ()


_INSTALLED = st.dictionaries(
    st.sampled_from("abcd"),
    st.sampled_from(["1", "2", ""]).map(lambda v: InstalledDistribution(version=v)),
)


@given(_INSTALLED, _INSTALLED)
def test_the_other_way_round_the_same_differs(
    old: dict[str, InstalledDistribution], new: dict[str, InstalledDistribution]
) -> None:
    one, other = (RanIn.of("CPython 3.11.7", held, ()) for held in (old, new))
    there = differing(one, other)
    assert [(d.name, d.candidate, d.production) for d in there] == [
        (d.name, d.production, d.candidate) for d in differing(other, one)
    ]
    assert all(d.production != d.candidate for d in there)
    assert differing(one, one) == ()


def test_what_it_ran_in_is_kept_with_the_result(tmp_path: Path) -> None:
    assert ResultFolder(tmp_path).ran_in is None
    ResultWriter(tmp_path).runs_in(NEW)
    assert ResultFolder(tmp_path).ran_in == NEW
