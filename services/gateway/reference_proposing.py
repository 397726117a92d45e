"""What the store knows of runs, for proposals of references. Blocking."""

from collections.abc import Iterable
from statistics import mode
from typing import Final

from dqmstream.messages.quality import Outcome
from dqmstream.quality.summary import JUDGED
from dqmstream.references.proposals import Criteria, Proposal, RunFacts, proposals
from dqmstream.store.answers import Run
from services.gateway.archive import Archive
from services.gateway.problems import not_found

__all__ = ["propose"]

_LOOKED_AT: Final = 30
"""Runs of the type wanted, the newest, that are looked at."""
_LISTED: Final = 500


def propose(
    archive: Archive, run: int, criteria: Criteria | None = None
) -> tuple[RunFacts, tuple[Proposal, ...]]:
    """Stored runs as references for one, the best first; ProblemError 404 if it is not stored."""
    wanted = archive.run(run)
    if wanted is None:
        msg = f"run {run} is not stored"
        raise not_found(msg)
    others = [
        one
        for one in archive.runs(None, _LISTED)
        if one.run != run and one.run_type == wanted.run_type and not one.summed
    ]
    facts = _facts(archive, wanted)
    return facts, proposals(facts, [_facts(archive, one) for one in others[:_LOOKED_AT]], criteria)


def _facts(archive: Archive, run: Run) -> RunFacts:
    shelf = archive.shelf(run.run)
    if shelf is None:
        return RunFacts(run=run.run, run_type=run.run_type, ended=run.ended, marks=run.marks)
    closed = [one for number, one in shelf.records.items() if number > 0 and one.closed]
    told = shelf.conditions.values()
    judged = failed = 0
    for of_lumisection in archive.outcomes(shelf, run.run).values():
        for summary in of_lumisection.values():
            judged += sum(summary.counts.get(outcome, 0) for outcome in JUDGED)
            failed += summary.counts.get(Outcome.BAD, 0)
    return RunFacts(
        run=run.run,
        run_type=run.run_type,
        ended=run.ended,
        lumisections=len(closed),
        events=sum(record.account.seen for record in closed),
        started=run.started,
        luminosity=_mean(one.luminosity for one in told),
        pileup=_mean(one.pileup for one in told),
        prescales=tuple(sorted({one.prescale_name for one in told if one.prescale_name})),
        bad=failed / judged if judged else None,
        marks=run.marks,
        energy=_most_common(one.energy for one in told),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None


def _most_common(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return mode(known) if known else None
