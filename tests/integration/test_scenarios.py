"""The scenarios that are shipped: their truth is what the histograms show, and nothing else is."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.messages.booking import Category
from dqmstream.messages.quality import Outcome
from dqmstream.quality.declaration import default_tests
from dqmstream.sources.synthetic import (
    Scenario,
    SyntheticDetector,
    read_scenario,
    shipped_scenarios,
    synthetic_conditions,
    truth,
)
from dqmstream.workspaces.fitting import columns_of, fitting
from dqmstream.workspaces.registry import load_workspaces
from tests.judged import Judge

COMPLAINTS = {Outcome.WARNING, Outcome.BAD, Outcome.ERROR, Outcome.INVALID}


@dataclass(frozen=True)
class Complaint:
    """A report that is not good."""

    lumisection: int
    scope: str
    qtname: str
    path: str


@dataclass(frozen=True)
class Played:
    """What came of a scenario: its truth, contents of workspaces by LS, and all complaints."""

    truth: dict[str, Any]
    contents: dict[int, dict[str, Contents]]
    complaints: tuple[Complaint, ...]
    judged: int

    def counts(self, lumisection: int, path: str) -> Any:
        """Counts of an element without flow."""
        contents, layout = self._element(lumisection, path)
        inner = [
            slice(None, -1) if isinstance(axis, Category) else slice(1, -1)
            for axis in layout.element.axes
        ]
        return self._plane(contents, layout, 0)[tuple(inner)]

    def _element(self, lumisection: int, path: str) -> tuple[Contents, Any]:
        for contents in self.contents[lumisection].values():
            if path in contents.layout:
                return contents, contents.layout[path]
        raise KeyError(path)

    @staticmethod
    def _plane(contents: Contents, layout: Any, plane: int) -> Any:
        start = layout.offset + plane * layout.cells
        return contents.cells[start : start + layout.cells].reshape(layout.extents)

    def noticed(self, lumisection: int, fault: int) -> bool:
        """Whether a quality test of one LS that the truth names has complained of it."""
        told = self.truth["faults"][fault]
        return any(
            one.lumisection == lumisection
            and one.scope == "lumisection"
            and one.qtname in told["quality_tests"]
            and one.path in told["elements"]
            for one in self.complaints
        )

    def unexplained(self) -> list[Complaint]:
        """Complaints of what is not broken then and there."""
        return [one for one in self.complaints if not self._explained(one)]

    def _explained(self, complaint: Complaint) -> bool:
        for told in self.truth["faults"]:
            if not told["lumisections"]:
                continue
            first, last = told["lumisections"]
            end = complaint.lumisection if complaint.scope == "run" else last
            if (
                first <= complaint.lumisection <= max(last, end)
                and complaint.qtname in told["quality_tests"]
                and complaint.path in told["elements"]
            ):
                return True
        return False


def shortened(name: str, lumisections: int, subsystems: str = "") -> Scenario:
    """A shipped scenario of fewer LSs, and of these subsystems: what is left out changes nothing
    of the others."""
    scenario = read_scenario(name)
    config = replace(scenario.config, lumisections=lumisections, chunk_events=4000)
    if subsystems:
        config = replace(config, subsystems=tuple(subsystems.split()))
    return replace(scenario, config=config)


def played(scenario: Scenario, step: int = 1, *, keep: bool = True) -> Played:
    """Fill and judge all events of a scenario, LS by LS, or each `step`-th LS; `keep` contents."""
    sources = scenario.event_sources()
    bookings = fitting(load_workspaces(None), columns_of(sources[0]))
    tests = default_tests()
    by_lumisection: dict[int, dict[str, Contents]] = {}
    complaints: list[Complaint] = []
    judged = 0
    for one in Judge(bookings, tests).lumisections(scenario.config, step):
        by_lumisection[one.lumisection] = {
            contents.layout.workspace: contents for contents in one.contents if keep
        }
        judged += sum(report.outcome is not Outcome.INSUFFICIENT for _, report in one.reports)
        complaints += [
            Complaint(one.lumisection, scope, report.qtname, report.path)
            for scope, report in one.reports
            if report.outcome in COMPLAINTS
        ]
    return Played(truth(scenario, bookings, tests), by_lumisection, tuple(complaints), judged)


def test_ten_scenarios_or_more_are_shipped_each_with_what_a_shifter_should_see() -> None:
    scenarios = shipped_scenarios()
    assert len(scenarios) >= 10
    assert all(len(one.description) > 100 for one in scenarios)
    assert len({one.config.run for one in scenarios}) == len(scenarios)
    (quiet,) = [one for one in scenarios if not one.faults]
    assert quiet.config.lumisections == 1000


def test_dead_modules_are_empty_from_their_first_lumisection_on() -> None:
    run = played(shortened("dead_module", 9, "pixel pixel_new"))
    for lumisection in range(1, 10):
        for folder in ("Pixel", "PixelNew"):
            modules = run.counts(lumisection, f"{folder}/Layer1/occupancy")
            usual = np.median(modules)
            assert (modules[37] == 0) is np.bool_(lumisection >= 5)
            expected = usual * (0.3 if lumisection >= 8 else 1)
            assert modules[60] == pytest.approx(expected, abs=5 * np.sqrt(expected))
        agreement = run.counts(lumisection, "PixelComparison/agreement")
        assert agreement[0] == 0
        assert run.noticed(lumisection, 0) is (lumisection >= 5)
    assert run.unexplained() == []


def test_noise_is_where_and_when_the_truth_says() -> None:
    run = played(shortened("noise_burst", 11, "ecal hcal"))
    for lumisection in range(1, 12):
        crystals = run.counts(lumisection, "EcalBarrel/Occupancy/crystals")
        noisy = 5 <= lumisection <= 8
        expected = 100 * crystals.sum() / 61200 if noisy else 0
        assert crystals[95, 199] == pytest.approx(expected, abs=6 * np.sqrt(expected + 4))
        assert run.noticed(lumisection, 0) is noisy
        assert run.noticed(lumisection, 1) is (lumisection == 10)
    assert run.unexplained() == []


def test_a_shift_in_the_mean_is_the_stated_one_in_nanoseconds() -> None:
    scenario = shortened("timing_shift", 9, "ecal l1t l1t_emulator")
    run = played(scenario)
    for lumisection in range(1, 10):
        batch = SyntheticDetector(scenario.config).chunk(lumisection, 0).batch
        hits = batch.column("ecal").flatten()  # type: ignore[attr-defined]
        time = hits.field("time").to_numpy()
        there = hits.field("supermodule").to_numpy() == 12
        shift = 3.5 if lumisection >= 5 else 0.0
        assert time[there].mean() == pytest.approx(shift, abs=5 / np.sqrt(there.sum()))
        assert time[~there].mean() == pytest.approx(0, abs=5 / np.sqrt((~there).sum()))
        crossings = run.counts(lumisection, "L1T/ElectronsPhotons/bx")
        assert crossings[np.argmax(crossings)] > 0.9 * crossings.sum()
        assert np.argmax(crossings) == len(crossings) // 2 - (lumisection >= 8)
        assert run.noticed(lumisection, 0) is (lumisection >= 5)
        assert run.noticed(lumisection, 1) is (lumisection >= 8)
    assert run.unexplained() == []


def test_a_tripped_sector_is_empty_and_ramps_back() -> None:
    run = played(shortened("voltage_trip", 12, "ecal"))
    stated = {5: 0.0, 6: 0.0, 7: 0.0, 8: 0.25, 9: 0.5, 10: 0.75}
    for lumisection in range(1, 13):
        found = run.counts(lumisection, "EcalBarrel/Occupancy/supermodules")
        expected = np.median(found) * stated.get(lumisection, 1.0)
        assert found[11] == pytest.approx(expected, abs=6 * np.sqrt(expected))
        assert run.noticed(lumisection, 0) is (5 <= lumisection <= 7)
    assert run.unexplained() == []


def test_charge_drifts_by_the_stated_percentage_until_its_test_complains() -> None:
    scenario = shortened("gain_drift", 17, "pixel pixel_new")
    run = played(scenario)
    healthy = SyntheticDetector(replace(scenario.config, faults=()))
    broken = SyntheticDetector(scenario.config)
    for lumisection in (1, 4, 5, 17):
        before, after = (
            one.chunk(lumisection, 0).batch.column("pixel").flatten()  # type: ignore[attr-defined]
            for one in (healthy, broken)
        )
        layer = before.field("layer").to_numpy()
        ratio = after.field("charge").to_numpy() / before.field("charge").to_numpy()
        scale = 0.995 ** max(0, lumisection - 4)
        assert ratio[layer == 1] == pytest.approx(scale, rel=1e-5)
        assert set(ratio[layer != 1]) == {1.0}
    charge = {one.lumisection for one in run.complaints if one.qtname == "pixel cluster charge"}
    assert min(charge) in range(13, 17)
    assert all(run.noticed(lumisection, 0) for lumisection in range(5, 18))
    assert run.unexplained() == []


def test_fewer_events_and_other_prescales_are_no_fault_of_a_detector() -> None:
    scenario = shortened("trigger_rate", 15, "pixel hlt bril")
    run = played(scenario)
    for lumisection in range(1, 16):
        events = run.counts(lumisection, "HLT/Paths/per_event").sum()
        assert events == (2797 if 5 <= lumisection <= 8 else 9324)
        column = synthetic_conditions(scenario.config, lumisection).prescale_index
        assert column == (0 if 11 <= lumisection <= 14 else 2)
        # In LS 5 there are too few LSs before to say what is usual.
        assert run.noticed(lumisection, 0) is (6 <= lumisection <= 8)
    ranges = [one["lumisections"] for one in run.truth["conditions"]]
    assert ranges == [[1, 10], [11, 14], [15, 15]]
    assert run.unexplained() == []
    assert run.judged > 0


def test_data_differ_from_the_emulator_in_the_stated_share_of_events() -> None:
    run = played(shortened("emulator_mismatch", 8, "l1t l1t_emulator"))
    for lumisection in range(1, 9):
        differ, agree = run.counts(lumisection, "L1TEmulator/Jets/agreement")
        expected = 0.02 * (differ + agree) if lumisection >= 5 else 0
        assert differ == pytest.approx(expected, abs=5 * np.sqrt(expected))
        assert run.counts(lumisection, "L1TEmulator/Muons/agreement")[0] == 0
        assert run.noticed(lumisection, 0) is (lumisection >= 5)
    assert run.unexplained() == []


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(10, marks=pytest.mark.timeout(900)),
        pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_a_quiet_fill_has_no_complaint(step: int) -> None:
    """From its first LS to its last; by default each tenth of them."""
    run = played(shortened("quiet_fill", 1000), step, keep=False)
    assert len(run.contents) == 1000 // step
    assert run.complaints == ()
    assert run.judged > 100 * len(run.contents)


@pytest.mark.parametrize("name", ["missing_source", "late_source", "repeated_chunks"])
def test_faults_of_sources_change_no_event(name: str) -> None:
    """Who sends has the same events as if all were well, also beside one that never comes."""
    scenario = shortened(name, 7, "bril")
    healthy = {one.name: one for one in scenario.with_faults(()).event_sources()}
    compared = 0
    for source in scenario.event_sources():
        for one, other in zip(
            source.lumisections(0), healthy[source.name].lumisections(0), strict=False
        ):
            assert one.lumisection == other.lumisection
            sent, expected = ([chunk.body for chunk in ls.chunks()] for ls in (one, other))
            assert sent == expected
            assert sent
            compared += 1
    assert compared >= 7
