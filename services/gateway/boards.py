"""The boards of the page, as states of channels: runs, one run, its strip, quality and pulse."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from dqmstream.identity import compact_ranges
from dqmstream.messages.operations import Conditions
from dqmstream.producing.starving import STARVED
from dqmstream.quality.summary import Summary, worst_of
from services.gateway.displays import display_body
from services.gateway.live import LiveView
from services.gateway.records import LumisectionRecord
from services.gateway.run_view import RunView
from services.gateway.state import State
from services.gateway.verdicts import ReportScope
from services.gateway.workspace_run import WorkspaceRun

__all__ = [
    "State",
    "accounting",
    "conditions_row",
    "displays_board",
    "lumisection_row",
    "newest_conditions",
    "pulse_board",
    "quality_board",
    "run_board",
    "run_row",
    "runs_board",
    "strip_board",
]


def runs_board(view: LiveView) -> State:
    """Runs in memory: `rows` by run number, `current` in the header."""
    current = view.current
    rows = {str(number): run_row(run) for number, run in sorted(view.runs.items())}
    return State(header={"current": current.number if current else None}, rows=rows)


def run_row(run: RunView) -> dict[str, Any]:
    """A run in a list of runs."""
    known = run.lumisections()
    return {
        "run": run.number,
        "run_type": run.run_type,
        "marks": list(run.marks),
        "started": run.started,
        "began": run.began,
        "newest": run.newest,
        "ended": run.ended,
        "first_lumisection": min(known, default=None),
        "last_lumisection": max(known, default=None),
        "lumisections": len(known),
        "events": run.events,
        "live": True,
    }


def run_board(run: RunView | None) -> State:
    """One run: `run`, `rate`, `conditions` of its newest LS, and `accounting` over all its LSs."""
    if run is None:
        return State(header={"run": None, "rate": None, "conditions": None, "accounting": None})
    header = {
        "run": run_row(run),
        "rate": run.rate,
        "conditions": newest_conditions(run.conditions, max(run.lumisections(), default=0)),
        "accounting": accounting(run.lumisections().values()),
    }
    return State(header=header)


def newest_conditions(known: Mapping[int, Conditions], lumisection: int) -> dict[str, Any] | None:
    """Conditions of the newest LS up to this one; files may tell of LSs that have no events yet."""
    newest = max((number for number in known if number <= lumisection), default=None)
    return None if newest is None else conditions_row(known[newest])


def accounting(records: Collection[LumisectionRecord]) -> dict[str, Any]:
    """Where every event and chunk of a run is: filled, dropped, late, refused or missing."""
    refused: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    missing: dict[str, list[int]] = {}
    for record in records:
        refused.update(record.account.refused)
        refused.update(record.late_account.refused)
        notes.update(_notes(record))
        for source in record.account.missing:
            missing.setdefault(source, []).append(record.number)
    return {
        "seen": sum(record.account.seen for record in records),
        "selected": sum(record.account.selected for record in records),
        "dropped": sum(record.account.dropped for record in records),
        "chunks": sum(record.account.chunks for record in records),
        "duplicates": sum(record.account.duplicates for record in records),
        "late_events": sum(record.late_account.seen for record in records),
        "late_chunks": sum(record.late_account.chunks for record in records),
        "starved": compact_ranges(r.number for r in records if r.account.notes.get(STARVED)),
        "late_in": compact_ranges(r.number for r in records if r.late_account.chunks),
        "refused": dict(sorted(refused.items())),
        "notes": dict(sorted(notes.items())),
        "missing": {name: compact_ranges(where) for name, where in sorted(missing.items())},
        "open": compact_ranges(record.number for record in records if not record.closed),
        "incomplete": compact_ranges(r.number for r in records if r.closed and not r.complete),
        "holes": compact_ranges(record.number for record in records if not record.whole),
    }


def strip_board(run: RunView | None) -> State:
    """The LSs of a run: `rows` by number, each with its account and outcomes."""
    if run is None:
        return State(header={"run": None})
    by_workspace = {
        name: run.verdicts.judged(ReportScope(part.set, name, "lumisection"))
        for name, part in run.shown_workspaces().items()
    }
    rows = {}
    for number, record in run.lumisections().items():
        judged = {name: each[number] for name, each in by_workspace.items() if number in each}
        # Most rows are as they were: making thousands anew at each look would be felt.
        made, conditions = run.strip_rows.get(number), run.conditions.get(number)
        sources = (record, judged, conditions)
        if made is None or made[0][0] is not record or made[0] != sources:
            outcomes = {name: each.summary for name, each in judged.items()}
            known = run.lumisection_times
            times = (known.began(number), known.delay(number))
            row = lumisection_row(record, outcomes, conditions, times)
            row["made"] = {name: each.made for name, each in judged.items()}
            made = (sources, row)
            run.strip_rows[number] = made
        rows[str(number)] = made[1]
    return State(header={"run": run.number}, rows=rows)


def lumisection_row(
    record: LumisectionRecord,
    outcomes: dict[str, Summary],
    conditions: Conditions | None,
    times: tuple[int | None, float | None] = (None, None),
) -> dict[str, Any]:
    """One LS of the strip; `outcomes` by workspace, `conditions` if any are known.

    `times` are when it began by the log's clock, and the delay of its stream, where they are known.
    """
    account = record.account
    return {
        "lumisection": record.number,
        "closed": record.closed,
        "complete": record.complete,
        "whole": record.whole,
        "began": times[0],
        "delay": times[1],
        "closed_by": list(account.closed_by),
        "seen": account.seen,
        "selected": account.selected,
        "dropped": account.dropped,
        "duplicates": account.duplicates,
        "refused": sum(account.refused.values()) + sum(record.late_account.refused.values()),
        "late": record.late_account.seen,
        "missing": list(account.missing),
        "lacking": list(account.lacking),
        "notes": dict(sorted(_notes(record).items())),
        "worst": worst_of(summary.worst for summary in outcomes.values()),
        "outcomes": {name: _words(summary) for name, summary in outcomes.items()},
        "made": {},
        "conditions": None if conditions is None else conditions_row(conditions),
    }


def _notes(record: LumisectionRecord) -> Counter[str]:
    """What sources could not use of an LS, those of its late files included."""
    return Counter(record.account.notes) + Counter(record.late_account.notes)


def quality_board(view: LiveView, run: RunView | None) -> State:
    """Workspaces: `rows` by name, with the newest verdicts per LS and over the run."""
    rows: dict[str, Any] = {}
    shown = run.shown_workspaces() if run else {}
    for name in sorted({*shown, *view.catalogue.workspaces()}):
        part = shown.get(name)
        layout = part.layout if part else view.catalogue.newest(name)
        rows[name] = {
            "workspace": name,
            "description": layout.booking.description if layout else "",
            "elements": len(layout.elements) if layout else 0,
            "filled": part is not None,
            "lumisection": _newest(run, part, name, "lumisection"),
            "run": _newest(run, part, name, "run"),
        }
    return State(header={"run": run.number if run else None}, rows=rows)


def pulse_board(view: LiveView, now: int) -> State:
    """Services of processes by name, and ages as of `now`: the page lets them grow by itself."""
    beats = {
        f"{beat.heartbeat.process}/{beat.heartbeat.service}": {
            "process": beat.heartbeat.process,
            "service": beat.heartbeat.service,
            "state": beat.state,
            "when": beat.heartbeat.when,
            "run": beat.heartbeat.run,
            "lumisection": beat.heartbeat.lumisection,
            "memory": beat.heartbeat.memory,
        }
        for beat in view.pulse.beats(now)
    }
    header = {
        "now": now,
        "newest_set": view.newest,
        "stale_after": view.settings.stale_after,
        "data_stale_after": view.settings.data_stale_after,
        "rejected": dict(view.rejected),
    }
    return State(header=header, rows=beats)


def displays_board(view: LiveView, run: int | None) -> State:
    """Events that were picked: `newest` whole, `rows` by number with what a list shows of them."""
    events = view.displays.of_run(run)
    header = {
        "run": events[0].run if events else run,
        "newest": display_body(events[0]) if events else None,
    }
    return State(header=header, rows={str(row["event"]): row for row in view.displays.rows(run)})


def conditions_row(found: Conditions) -> dict[str, Any]:
    """Conditions of one LS."""
    return {
        "lumisection": found.lumisection,
        "run_type": found.run_type,
        "fill": found.fill,
        "beam_mode": found.beam_mode,
        "luminosity": found.luminosity,
        "pileup": found.pileup,
        "prescale_index": found.prescale_index,
        "prescale_name": found.prescale_name,
        "delivered": found.delivered,
        "recorded": found.recorded,
        "beams_stable": found.beams_stable,
        "physics": found.physics,
        "energy": found.energy,
        "dcs_known": len(found.dcs),
        "dcs_off": sorted(name for name, on in found.dcs.items() if not on),
    }


def _newest(
    run: RunView | None, part: WorkspaceRun | None, workspace: str, scope: str
) -> dict[str, Any] | None:
    if run is None or part is None:
        return None
    where = ReportScope(part.set, workspace, scope)
    judged = run.verdicts.newest(where)
    if judged is None:
        return None
    return {
        "lumisection": judged.lumisection,
        "complete": judged.complete,
        "made": judged.made,
        "worst": judged.summary.worst,
        "judged": judged.summary.judged,
        "not_judged": judged.summary.not_judged,
        "counts": {str(o): n for o, n in judged.summary.counts.items()},
        "elements": {
            path: _words(summary) for path, summary in run.verdicts.elements(where).items()
        },
    }


def _words(summary: Summary) -> list[Any]:
    return [summary.worst, summary.judged, summary.not_judged]
