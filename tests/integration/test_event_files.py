"""Event files through the program as a user starts it: what is filled, marked and said of it."""

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from playwright.async_api import Browser, expect

from playback.bench.program import Program, finished, running
from tests.event_files import write_events
from tests.integration.conftest import PATIENCE

# The program, a replay and a page: each may take a minute on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MISSING = "column MET_sumEt is missing"
MARKS = ["re-timed", "selected"]
EVENTS = 120


def write(path: Path) -> Path:
    """Three LSs as NanoAOD of 2012 has them, without `MET_sumEt`; the trigger sleeps in LS 20."""
    random = np.random.default_rng(5)
    lumisections = np.repeat([10, 20, 30], EVENTS)
    columns = {
        "run": np.full(3 * EVENTS, 7),
        "luminosityBlock": lumisections,
        "event": np.arange(3 * EVENTS),
        "MET_pt": random.exponential(20.0, 3 * EVENTS),
        "MET_phi": random.uniform(-3, 3, 3 * EVENTS),
        "MET_significance": random.exponential(3.0, 3 * EVENTS),
        "HLT_A": lumisections != 20,
    }
    return write_events(path, {name: values.tolist() for name, values in columns.items()})


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The file played as run 9 of four LSs, by trigger, and shown."""
    folder = tmp_path_factory.mktemp("played")
    path = write(folder / "a.root")
    command = ["replay", str(path), "--as-run", "9", "--loop-for", "4", "--paths", "HLT_*"]
    with running(command, {"data": str(folder / "data"), "port": "0"}) as program:
        for line in program.lines():
            if line.startswith("all is played"):
                break
        wait_for_shown(program)
        yield program


def get(program: Program, route: str, **query: object) -> Any:
    url = f"{program.address}/api/v1/{route}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 ours
        return msgspec.json.decode(answer.read())


def wait_for_shown(program: Program) -> None:
    """Until the gateway has all that was sent: four LSs, closed, and that the run has ended."""
    for _ in range(600):
        try:
            ended = get(program, "runs/9")["run"]["ended"]
            rows = get(program, "runs/9/lumisections")["lumisections"]
        except urllib.error.HTTPError:  # it does not know the run
            ended, rows = False, []
        if ended and len(rows) == 4 and all(row["closed"] for row in rows):
            return
        time.sleep(0.2)
    pytest.fail(f"the gateway shows {len(rows)} LSs of the run, ended: {ended}")


def contents(program: Program, path: str, **query: object) -> Any:
    (found,) = get(program, "runs/9/contents", path=path, **query)["contents"]
    return found


def test_only_workspaces_that_find_their_columns_are_filled(played: Program) -> None:
    assert get(played, "runs/9")["workspaces"] == ["nano_met"]


def test_an_element_without_its_column_says_so_and_the_others_are_filled(played: Program) -> None:
    assert contents(played, "NanoMET/sum_et")["totals"]["invalid"] == MISSING
    filled = contents(played, "NanoMET/significance")["totals"]
    assert (filled["entries"], filled["invalid"]) == (3 * EVENTS, "")


def test_a_run_that_is_not_as_it_was_taken_is_marked_wherever_it_is_shown(played: Program) -> None:
    assert get(played, "runs")["runs"][0]["marks"] == MARKS
    assert get(played, "runs/9")["run"]["marks"] == MARKS
    assert contents(played, "NanoMET/MET/pt")["window"]["marks"] == MARKS
    query = urllib.parse.urlencode({"path": "NanoMET/MET/pt", "format": "svg"})
    url = f"{played.address}/api/v1/runs/9/contents?{query}"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 ours
        picture = answer.read().decode()
    assert all(mark in picture for mark in MARKS)


def test_lumisections_that_a_selection_leaves_empty_are_counted(played: Program) -> None:
    accounting = get(played, "runs/9")["accounting"]
    assert (accounting["seen"], accounting["selected"]) == (4 * EVENTS, 3 * EVENTS)
    assert accounting["starved"] == "2"
    assert accounting["notes"] == {"starved": 1}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_shows_marks_and_what_is_missing(browser: Browser, played: Program) -> None:
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(PATIENCE)
    await page.goto(f"{played.address}/#workspace=nano_met&window=run")
    chips = page.locator("#fact-marks .chip")
    await expect(chips).to_have_text(MARKS)
    await expect(chips.first).to_have_attribute(
        "title", "real events under a run, lumisections or times that are not their own"
    )
    card = page.locator('.card[data-path="NanoMET/MET/pt"]')
    await expect(card.locator("footer")).to_contain_text("run 9 · LS 1–4 · re-timed · selected")
    await expect(page.locator("#accounting")).to_contain_text("Starved by selection")
    await page.goto(f"{played.address}/#path=NanoMET/sum_et&window=run")
    await expect(page.locator("#detail .printed")).to_contain_text(MISSING)
    await expect(page.locator("#detail .printed")).to_contain_text("re-timed · selected")
    await page.close()


def test_what_is_stored_keeps_its_marks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    command = ["replay", str(path), "--as-run", "9", "--exit", "--json"]
    summary = finished(command, settings, timeout=240)
    assert [(one["run"], one["selected"]) for one in summary["runs"]] == [(9, 3 * EVENTS)]
    assert summary["runs"][0]["files"][0]["rows"] == 3 * EVENTS
    again = finished(command, settings, timeout=240)
    assert [one["chunks"] for one in again["runs"]] == [0]
    with running(["run"], {**settings, "workspaces": "nano_met"}) as program:
        assert get(program, "runs/9")["run"]["marks"] == ["re-timed"]
        assert contents(program, "NanoMET/MET/pt")["window"]["marks"] == ["re-timed"]


@pytest.mark.realdata
def test_real_files_are_recognised_and_fill_what_fits_them(real_data: Path, tmp_path: Path) -> None:
    files = ["events-nano/Run2012B_SingleMu-1000.parquet", "bril-stream/bril_7358_run325309.root"]
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    command = ["replay", *(str(real_data / file) for file in files), "--exit", "--json"]
    summary = finished(command, settings, timeout=240)
    played = {one["run"]: (one["selected"], len(one["lumisections"])) for one in summary["runs"]}
    assert played == {194711: (693, 1), 195916: (307, 1), 325309: (13_390, 33)}
