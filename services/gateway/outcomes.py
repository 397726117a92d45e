"""Many outcomes in one word, and what that word leaves out. Only GOOD is green."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from dqmstream.messages.quality import Outcome

__all__ = ["JUDGED", "Summary", "summarise", "worst_of"]

JUDGED: Final = (Outcome.BAD, Outcome.WARNING, Outcome.GOOD)
"""Outcomes of tests that came to a judgement, worst first."""

_NOT_JUDGED: Final = (
    Outcome.ERROR,
    Outcome.INVALID,
    Outcome.STALE,
    Outcome.INSUFFICIENT,
    Outcome.NOT_RUN,
    Outcome.DISABLED,
)


class Summary(NamedTuple):
    """Worst outcome, how many were judged, how many were not, and the count of each.

    An INVALID never hides behind a GOOD: it is counted in `not_judged`, which is shown beside the
    word. The word itself is of a test that could not judge only if none could.
    """

    worst: Outcome
    judged: int
    not_judged: int
    counts: dict[str, int]


def summarise(outcomes: Iterable[Outcome]) -> Summary:
    """The summary of some outcomes; NOT_RUN if there are none."""
    counts = Counter(outcomes)
    worst = next((o for o in (*JUDGED, *_NOT_JUDGED) if counts[o]), Outcome.NOT_RUN)
    judged = sum(counts[outcome] for outcome in JUDGED)
    return Summary(
        worst, judged, counts.total() - judged, {str(o): n for o, n in sorted(counts.items())}
    )


def worst_of(summaries: Iterable[Summary]) -> Outcome:
    """The worst of several summaries' words; NOT_RUN if there are none."""
    words = {summary.worst for summary in summaries}
    return next((o for o in (*JUDGED, *_NOT_JUDGED) if o in words), Outcome.NOT_RUN)
