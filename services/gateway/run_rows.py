"""Rows of lists of runs."""

from typing import Any

from dqmstream.store.answers import Run

__all__ = ["stored_row"]


def stored_row(run: Run) -> dict[str, Any]:
    """A stored run in a list of runs."""
    span = (run.first_lumisection, run.last_lumisection)
    # LS 0 is what was imported of the whole run, and none of them.
    lumisections = span[1] - max(span[0] or 0, 1) + 1 if span[1] else 0
    return {
        "run": run.run,
        "run_type": run.run_type,
        "marks": list(run.marks),
        "started": run.started or None,
        "began": run.started or None,
        "newest": run.updated or None,
        "ended": run.ended,
        "first_lumisection": span[0],
        "last_lumisection": span[1],
        "lumisections": lumisections,
        "events": None,
        "live": False,
    }
