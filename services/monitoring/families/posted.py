"""Metrics of who fills posted workspaces: those of fillers, by generation, and of all together."""

from dataclasses import replace
from typing import Final

from services.monitoring.families.family import Family
from services.monitoring.families.folding import FILLER

__all__ = ["POSTED"]

_AS_OF_FILLERS: Final = frozenset(
    {
        "records",
        "events",
        "refused",
        "late_chunks",
        "published_messages",
        "published_bytes",
        "close_seconds",
        "event_to_closed_seconds",
        "lag_records",
        "open_segments",
        "buffer_bytes",
        "lumisection",
        "run",
    }
)
"""What the fillers of the release have too; the rest is of the events, and the same."""


def _of_fillers() -> tuple[Family, ...]:
    return tuple(
        replace(
            one,
            name=one.name.replace("dqm_filler_", "dqm_posted_"),
            labels=("generation", *one.labels),
            each="by_generation",
        )
        for one in FILLER
        if one.name.removeprefix("dqm_filler_") in _AS_OF_FILLERS
    )


POSTED: Final = (
    Family(
        "dqm_posted_generation", "newest", "Newest generation; 0 while there is none.", "generation"
    ),
    Family("dqm_posted_workspaces", "newest", "Workspaces in the newest generation.", "workspaces"),
    Family("dqm_posted_groups", "gauge", "Generations that are filled by this process.", "groups"),
    Family(
        "dqm_posted_unreadable",
        "counter",
        "Generations that this release cannot read, and does not fill.",
        "refused",
    ),
    Family(
        "dqm_posted_restarts",
        "counter",
        "Times that the group of a generation failed and was begun anew.",
        "restarts",
    ),
    Family(
        "dqm_posted_fill_seconds",
        "counter",
        "Processor time that filling took.",
        "fill_seconds",
        ("generation", "workspace"),
        each="by_generation",
    ),
    *_of_fillers(),
)
