"""What is judged again says the same, of every kind of quality test: explained, and tried.

Reports come of a comparator with a plug-in on a log in a folder, contents out of the store, and
references out of the catalogue: nothing here is made up but the numbers in the histograms.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_asyncio

from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.quality.plugins import GROUP, load_plugins
from dqmstream.store.pruning import Pruner
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.explaining import Again, differing
from services.gateway.problems import ProblemError
from tests.judged_run import (
    JUDGED,
    KINDS,
    LSS,
    TESTS,
    Opened,
    judged_run,
    make_reference,
    opened,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LATE = 5
NONE_OF_THEM = '[[quality_test]]\nname = "x"\nalgorithm = "DeadChannel"\npath = "nothing"\n'
OTHER_THRESHOLDS = TESTS.replace(
    'name = "catalogue"', 'name = "catalogue"\nwarning = 1.0\nerror = 1.0'
)


class Everything(NamedTuple):
    """All that was reported of the run, all of it judged again, and a dry run without tests."""

    system: Opened
    then: list[QualityReports]
    again: list[Again]
    without: Any


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("judged")
    asyncio.run(judged_run(folder))
    yield folder
    shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(recorded: Path) -> AsyncIterator[Everything]:
    async with opened(recorded) as system:
        then = await system.reports()
        again = [
            await system.quality.again(one.run, one.lumisection, one.workspace, one.scope)
            for one in then
        ]
        yield Everything(system, then, again, await system.dry_run(NONE_OF_THEM))


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    """What was recorded, to change something of."""
    return Path(shutil.copytree(recorded, tmp_path / "copy"))


def of_kind(messages: list[QualityReports], kind: str) -> dict[Any, QualityReport]:
    return {
        (of.lumisection, of.scope, one.path): one
        for of in messages
        for one in of.reports
        if one.qtname == kind
    }


def test_the_run_has_verdicts_of_every_outcome(everything: Everything) -> None:
    counts = Counter(one.outcome for of in everything.then for one in of.reports)
    never = {Outcome.STALE}
    assert counts.keys() == set(Outcome) - never, counts


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_the_same_again_bit_for_bit(everything: Everything, kind: str) -> None:
    then = of_kind(everything.then, kind)
    now = of_kind([one.now for one in everything.again], kind)
    assert then
    assert now.keys() == then.keys()
    for place, report in then.items():
        assert differing(report, now[place]) == [], (place, report, now[place])
    assert [one.notes for one in everything.again if one.notes] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_of_the_tests_in_force_says_what_the_comparator_said(
    everything: Everything, kind: str
) -> None:
    tried = {
        (one["lumisection"], one["scope"], one["path"]): one["before"]
        for one in everything.without["changes"]
        if one["qtname"] == kind
    }
    said = {place: one.outcome for place, one in of_kind(everything.then, kind).items()}
    # The fifth LS closed after the sixth: no window has ended with it.
    late = {place for place in tried if place[0] == LATE and place[1] != "lumisection"}
    assert {place: outcome for place, outcome in tried.items() if place not in late} == said
    assert everything.without["changed"] == len(everything.without["changes"])
    assert everything.without["lumisections"] == LSS


def test_a_trend_is_explained_by_the_lumisections_that_it_has_seen(everything: Everything) -> None:
    seen = {one.lumisection: one.past for one in everything.then if one.scope == "lumisection"}
    assert [number for number, _ in seen[LATE + 1]] == [1, 2, 3, 4]
    assert [number for number, _ in seen[LATE + 2]] == [1, 2, 3, 4, 5, 6]


def test_of_a_run_that_was_tried_as_a_whole_nothing_is_noted(everything: Everything) -> None:
    assert everything.without["notes"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_change_of_each_kind_is_seen_in_its_verdicts_alone(everything: Everything) -> None:
    system = everything.system
    same = await system.dry_run(TESTS, whole=False, last=3)
    assert (same["changed"], same["newly_judged"], same["lumisections"]) == (0, 0, 3)
    (note,) = same["notes"]
    assert note.startswith("on new inputs: judged here once an LS is closed")
    for old, new, kind in (
        ("every = 3\nparameters", "every = 2\nparameters", "every third"),
        ('every = 3\nscope = "last"', 'every = 2\nscope = "last"', "every third window"),
        ('reference = "second"', 'reference = "nobody"', "named"),
        ("min_entries = 1000000000", "min_entries = 1", "too few"),
    ):
        assert TESTS.count(old) == 1, old
        found = await system.dry_run(TESTS.replace(old, new))
        assert {one["qtname"] for one in found["tests"]} == {kind}, found["tests"]
        if kind == "every third":
            # Of 3 and 6 none but 6 is left; 2, 4 and 8 are new.
            assert (found["newly_judged"], found["no_longer_judged"]) == (3, 1)
        if kind == "every third window":
            # Due with 3 and 6; then with 2, 4, 6 and 8.
            assert (found["newly_judged"], found["no_longer_judged"]) == (3, 1)


# ------------------------------------------------------------------------ what has changed since


async def explained(system: Opened, kind: str, number: int = 6) -> Any:
    """The report of an LS on the first element of a kind, run again."""
    for of in await system.reports():
        for report in of.reports:
            if (of.lumisection, report.qtname) == (number, kind):
                return await system.explain(of, report.path, kind)
    raise AssertionError(kind)


async def test_a_catalogue_that_has_changed_changes_nothing_that_is_explained(copy: Path) -> None:
    async with opened(copy) as system:
        reports = [one for one in await system.reports() if one.lumisection == LATE + 1]
        system.clock.advance(7200)
        for name in ("first", "second", "band"):
            version = system.version(name)
            decision = system.references.decision("retired", "ann", "the menu changed")
            await system.references.decide(version.id, "retire", decision)
        await make_reference(system, "newest", JUDGED, (1, LSS))
        for of in reports:
            again = await system.quality.again(of.run, of.lumisection, of.workspace, of.scope)
            assert again.now == msgspec.structs.replace(of), again.notes
        found = await explained(system, "without one")
        assert found["same"]
        (note,) = found["notes"]
        assert "the catalogue has changed" in note
        assert "det/new" in note
        # A dry run goes by what stands now: expired and retired ones are not used.
        tried = await system.dry_run(NONE_OF_THEM)
        steps = {one["qtname"]: {step["before"] for step in one["steps"]} for one in tried["tests"]}
        for kind in ("named", "named, for an hour", "band", "catalogue"):
            assert steps[kind] == {"NOT_RUN"}, kind


async def test_a_reference_that_is_gone_is_named(copy: Path) -> None:
    async with opened(copy) as system:
        version = system.version("first").id
    shutil.rmtree(copy / "log")
    async with opened(copy) as system:
        found = await explained(system, "catalogue")
        assert not found["same"]
        assert f"reference {version} is not in the catalogue any more" in found["notes"]
        assert f"versions {version} are gone" in found["again"]["message"]
        kept = await explained(system, "nothing to compare with")
        assert kept["same"], "what is not corrected for the number of tests stays as it was"


async def test_tests_that_are_not_known_any_more_are_said_to_be_so(copy: Path) -> None:
    async with opened(copy, text=OTHER_THRESHOLDS) as system:
        found = await explained(system, "catalogue")
        assert not found["same"]
        assert "limit" in found["differs"]
        (note,) = found["notes"]
        assert "are not known here, neither activated nor what this gateway was started" in note


CHANGED_PLUGIN = """
from tests.bad_plugin import *
from tests.bad_plugin import ALGORITHMS as _BEFORE, _findings
from dataclasses import replace

def good(stack, _):
    return _findings(stack, 0.75)

ALGORITHMS = tuple(
    replace(one, measure=good) if one.name == "Plugin_good" else one for one in _BEFORE
)
"""


async def test_a_plug_in_that_has_changed_is_said_to_have(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "changed_plugin.py").write_text(CHANGED_PLUGIN)
    monkeypatch.syspath_prepend(str(copy))
    plugins = load_plugins([EntryPoint("bad", "changed_plugin:ALGORITHMS", GROUP)])
    async with opened(copy, plugins=plugins) as system:
        found = await explained(system, "plug-in")
        assert not found["same"]
        assert found["again"]["qtresult"] == 0.75
        (note,) = found["notes"]
        assert note.startswith("the code is ")
        assert "those of plug-ins with them" in note


async def test_a_plug_in_that_is_not_there_any_more_is_named(copy: Path) -> None:
    async with opened(copy) as system:
        await system.post("quality-tests/activate", {"text": TESTS, "why": "as they are"})
    without = "".join(
        f"[[quality_test]]{one}"
        for one in TESTS.split("[[quality_test]]")[1:]
        if "Plugin" not in one
    )
    async with opened(copy, text=without, plugins=load_plugins([])) as system:
        found = await explained(system, "plug-in")
        assert found["again"] is None
        assert "are not known here" in found["notes"][0]
        assert "version 1" in found["notes"][1]
        assert "'Plugin_good' is unknown" in found["notes"][1]


async def test_of_a_run_that_was_summed_the_sum_alone_can_be_explained(copy: Path) -> None:
    await asyncio.to_thread(summed, copy / "store.sqlite")
    async with opened(copy) as system:
        for of in await system.reports():
            if (of.scope, of.lumisection) == ("run", LSS):
                again = await system.quality.again(JUDGED, LSS, "det", "run")
                assert again.notes == []
                known = [one for one in of.reports if one.path != "det/broken"]
                assert [one for one in again.now.reports if one.path != "det/broken"] == known
                continue
            with pytest.raises(ProblemError, match="no longer stored as it was") as raised:
                await system.quality.again(JUDGED, of.lumisection, "det", of.scope)
            assert raised.value.status == 409
        problem = await system.dry_run(TESTS, status=409)
        assert "is not stored LS by LS" in problem["detail"]


def summed(store: Path) -> None:
    """What retention leaves of all runs."""
    pruner = Pruner(f"sqlite:///{store}")
    with closing(pruner):
        pruned, spared = pruner.prune(Retention(lumisections=Keep(runs=0)), 2 * 10**18)
    assert (len(pruned), spared) == (2, ())


async def test_what_was_said_of_an_open_lumisection_waits_until_it_is_closed(copy: Path) -> None:
    async with opened(copy) as system:
        of = next(one for one in await system.reports() if one.lumisection == LSS)
    early = msgspec.structs.replace(of, lumisection=LSS + 1, closed=False)
    await asyncio.to_thread(write, copy / "store.sqlite", early)
    async with opened(copy) as system:
        with pytest.raises(ProblemError, match="said while the LS was open") as raised:
            await system.quality.again(JUDGED, LSS + 1, "det", early.scope)
        assert raised.value.status == 409


def write(store: Path, reports: QualityReports) -> None:
    """What a recorder stores."""
    url = f"sqlite:///{store}"
    with Store(url) as held:
        log = held.log()
    assert log is not None
    with closing(StoreWriter(url, log=log)) as writer:
        writer.write([reports], {})
