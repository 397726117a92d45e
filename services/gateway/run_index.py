"""Lists of runs with what each comes to, filtered here: one answer for a page of them.

Of stored runs the store has counted it (`dqmstream.store.tallies`); of live ones memory counts it,
or the store where memory has not heard all of the run.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from dqmstream.messages.quality import Outcome
from dqmstream.quality.summary import JUDGED, worst_of
from dqmstream.store.answers import Run
from dqmstream.store.tallies import LUMINOSITY, RunTally, account_counts, conditions_counts
from services.gateway import boards
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.run_rows import stored_row
from services.gateway.run_view import RunView
from services.gateway.truth import suffices
from services.gateway.verdicts import ReportScope
from services.gateway.windows import Window

__all__ = ["RunIndex", "RunQuery", "stored_page", "summary_of"]

T = TypeVar("T")

_BATCH: Final = 200
_LOOKED_AT: Final = 5_000
"""Stored runs that are looked at for one answer: it says where to go on."""
_PROBLEMS: Final = frozenset({Outcome.BAD, Outcome.WARNING, Outcome.ERROR, Outcome.INVALID})
_LACKS: Final = ("dropped", "late_events", "incomplete", "holes", "missing", "refused")


class RunQuery(NamedTuple):
    """Which runs.

    Parameters
    ----------
    outcome
        The worst of any LS.
    judged
        Whether any LS was judged.
    lacking
        Whether something is not where it should be: events dropped or late, chunks refused, sources
        missing, LSs incomplete or with holes.
    run_type
        A part of it, in any case.
    since, until
        When they began: from the first to before the second, nanoseconds since 1970. A run of which
        that is not known is left out.
    delivered
        Luminosity delivered at least, in /pb. A run of which it is not known is left out.
    """

    outcome: Outcome | None = None
    judged: bool | None = None
    lacking: bool | None = None
    run_type: str = ""
    since: int | None = None
    until: int | None = None
    delivered: float | None = None

    def means(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with its summary is one of those."""
        found = row["summary"]
        known = found["delivered"]
        return (
            self.may_mean(row)
            and self.outcome in {None, found["worst"]}
            and self.judged in {None, found["worst"] in JUDGED}
            and self.lacking in {None, any(found["accounting"][name] for name in _LACKS)}
            and (self.delivered is None or (known is not None and known >= self.delivered))
        )

    def may_mean(self, row: Mapping[str, Any]) -> bool:
        """Whether a row may be one of those, as far as it says without its summary."""
        if self.since is not None or self.until is not None:
            began = row["started"] or row["began"]
            after = self.since is None or (began or 0) >= self.since
            before = self.until is None or (began or 0) < self.until
            if not (began and after and before):
                return False
        return self.run_type.lower() in row["run_type"].lower()


class RunIndex:
    """Runs with what they come to.

    Parameters
    ----------
    view, desk
        The live view and its thread.
    archive
        The stored runs; None if this gateway has no store.
    """

    def __init__(self, view: LiveView, desk: Desk, archive: Archive | None) -> None:
        self._view = view
        self._desk = desk
        self._archive = archive

    async def page(self, query: RunQuery, before: int | None, limit: int) -> dict[str, Any]:
        """Runs below a number that are meant, newest number first."""
        live, current = await self._desk.ask(self._live)
        if lent := [number for number, row in live.items() if row["summary"] is None]:
            stored = await self._of_store(lent)
            for number in lent:
                live[number]["summary"] = stored.get(number) or _empty()
        rows: list[dict[str, Any]] = []
        edge: int | None = None
        if self._archive is not None:
            rows, edge = await asyncio.to_thread(
                self._stored, self._archive, query, before, limit, frozenset(live)
            )
        rows += [
            row
            for number, row in live.items()
            if (before is None or number < before)
            and (edge is None or number >= edge)
            and query.means(row)
        ]
        rows.sort(key=lambda row: -row["run"])
        after = rows[limit - 1]["run"] if len(rows) > limit else edge
        return {"current": current, "runs": rows[:limit], "after": after}

    def _stored(
        self,
        archive: Archive,
        query: RunQuery,
        before: int | None,
        limit: int,
        live: frozenset[int],
    ) -> tuple[list[dict[str, Any]], int | None]:
        def made(some: Sequence[tuple[Run, Mapping[str, Any]]]) -> dict[int, dict[str, Any]]:
            summaries = archive.summaries([run.run for run, _ in some])
            rows = {
                run.run: {**row, "summary": summary_of(run, *summaries[run.run])}
                for run, row in some
            }
            return {number: row for number, row in rows.items() if query.means(row)}

        return stored_page(archive, query, before, limit, live=live, made=made)

    async def _of_store(self, numbers: list[int]) -> dict[int, dict[str, Any]]:
        archive = self._archive
        if archive is None:
            return {}

        def read() -> dict[int, dict[str, Any]]:
            summaries = archive.summaries(numbers)
            runs = filter(None, map(archive.run, numbers))
            return {run.run: summary_of(run, *summaries[run.run]) for run in runs}

        return await asyncio.to_thread(read)

    # -------------------------------------------------------- on the desk's thread

    def _live(self) -> tuple[dict[int, dict[str, Any]], int | None]:
        """Rows of live runs; their summary is None where memory has not heard all of the run."""
        self._view.refresh()
        current = self._view.current
        rows: dict[int, dict[str, Any]] = {}
        for number, run in self._view.runs.items():
            records = run.lumisections()
            lent = any(record.adopted for record in records.values())
            whole = self._archive is None or (not lent and suffices(records, Window("run")))
            rows[number] = boards.run_row(run) | {"summary": _of_live(run) if whole else None}
        return rows, current.number if current else None


def stored_page(
    archive: Archive,
    query: RunQuery,
    before: int | None,
    limit: int,
    *,
    live: frozenset[int],
    made: Callable[[Sequence[tuple[Run, Mapping[str, Any]]]], Mapping[int, T]],
) -> tuple[list[T], int | None]:
    """Stored runs that are meant and not `live`, and below which number to look on; None at the
    end. Blocking, as the store is.

    Parameters
    ----------
    made
        What is answered of runs that may be meant, by number; of the others among them nothing is.
    """
    # Not judged are also those of which no LS has any reports.
    outcome = None if query.outcome is Outcome.NOT_RUN else query.outcome
    batch = min(limit, _BATCH) if query == RunQuery() else _BATCH
    answers: list[T] = []
    looked = 0
    while looked < _LOOKED_AT:
        found = archive.runs(before, batch, outcome)
        rows = [(run, stored_row(run)) for run in found if run.run not in live]
        meant = made([(run, row) for run, row in rows if query.may_mean(row)])
        for run in found:
            looked, before = looked + 1, run.run
            if run.run in meant:
                answers.append(meant[run.run])
            if len(answers) == limit:
                return answers, before
        if len(found) < batch:
            return answers, None
    return answers, before


def summary_of(run: Run, tally: RunTally, sets: Mapping[str, str]) -> dict[str, Any]:
    """What a stored run comes to.

    Parameters
    ----------
    sets
        The set of each workspace that readers show. Of several the larger of each count is told:
        they have read the same events.
    """
    account: Counter[str] = Counter()
    for name in dict.fromkeys(sets.values()):
        account |= Counter(tally.account(name))
    return _summary(
        {workspace: tally.outcomes(name, workspace) for workspace, name in sets.items()},
        account,
        fill=run.fill,
        delivered=tally.luminosity("delivered"),
        recorded=tally.luminosity("recorded"),
    )


def _of_live(run: RunView) -> dict[str, Any]:
    account: Counter[str] = Counter()
    for one in run.lumisections().values():
        account.update(
            account_counts(one.account, one.late_account, one.closed, one.complete, one.whole)
        )
    luminosity: Counter[str] = Counter()
    for told in run.conditions.values():
        luminosity.update(conditions_counts(told))
    outcomes: dict[str, Mapping[Outcome, int]] = {}
    for name, part in run.shown_workspaces().items():
        judged = run.verdicts.judged(ReportScope(part.set, name, "lumisection"))
        outcomes[name] = Counter(each.summary.worst for each in judged.values())
    fills = [told.fill for _, told in sorted(run.conditions.items()) if told.fill is not None]

    def known(name: str) -> float | None:
        return luminosity[name] / LUMINOSITY if luminosity[f"{name}_known"] else None

    return _summary(
        outcomes,
        account,
        fill=fills[-1] if fills else None,
        delivered=known("delivered"),
        recorded=known("recorded"),
    )


def _empty() -> dict[str, Any]:
    return _summary({}, {}, fill=None, delivered=None, recorded=None)


def _summary(
    outcomes: Mapping[str, Mapping[Outcome, int]], account: Mapping[str, int], **known: Any
) -> dict[str, Any]:
    rows = {name: _workspace_row(counts) for name, counts in sorted(outcomes.items())}
    single = ("lumisections", "seen", "selected", "dropped", "late_events")
    return {
        "worst": worst_of(row["worst"] for row in rows.values()),
        "outcomes": rows,
        "accounting": {
            **{name: account.get(name, 0) for name in (*single, "open", "incomplete", "holes")},
            "missing": _by_name(account, "missing:"),
            "refused": _by_name(account, "refused:"),
        },
        **known,
    }


def _workspace_row(counts: Mapping[Outcome, int]) -> dict[str, Any]:
    return {
        "worst": worst_of(outcome for outcome, count in counts.items() if count),
        "judged": sum(count for outcome, count in counts.items() if outcome in JUDGED),
        "good": counts.get(Outcome.GOOD, 0),
        "problems": sum(count for outcome, count in counts.items() if outcome in _PROBLEMS),
    }


def _by_name(account: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): count
        for name, count in sorted(account.items())
        if name.startswith(prefix) and count
    }
