"""Metrics of who judges, keeps and shows: comparator, recorder and display."""

from typing import Final

from dqmstream.messages.quality import Outcome
from services.monitoring.families.family import PLACE, Family

__all__ = ["COMPARATOR", "DISPLAY", "RECORDER"]

COMPARATOR: Final = (
    Family("dqm_comparator_records", "counter", "Records of dqm.histograms read.", "records"),
    Family(
        "dqm_comparator_reports",
        "counter",
        "Quality reports published, by outcome; ERROR is a test that crashed.",
        "outcomes",
        ("outcome",),
        known=tuple(outcome.value for outcome in Outcome),
    ),
    Family("dqm_comparator_messages", "counter", "Messages sent to dqm.quality.", "published"),
    Family(
        "dqm_comparator_refused",
        "counter",
        "Records put on the dead topic, by reason.",
        "refused",
        ("reason",),
    ),
    Family(
        "dqm_comparator_ignored",
        "gauge",
        "Histogram sets of runs that are no longer held, by reason, in the partitions owned.",
        "ignored",
        ("reason",),
    ),
    Family(
        "dqm_comparator_lag_records",
        "gauge",
        "Offsets between what is judged and the end of the partition, when last looked at.",
        "lag",
        PLACE,
    ),
    Family(
        "dqm_comparator_judge_seconds",
        "histogram",
        "Time from a closing histogram set to its reports: summing up and all tests of the "
        "workspace, on the LS and on the run so far.",
        "judging",
        ("workspace",),
    ),
    Family("dqm_comparator_lumisection", "newest", "LS judged last.", "lumisection"),
    Family("dqm_comparator_run", "newest", "Run judged last.", "run"),
)

RECORDER: Final = (
    Family("dqm_recorder_records", "counter", "Records taken into the store.", "records"),
    Family(
        "dqm_recorder_closed_sets",
        "counter",
        "Workspaces of LSs that are closed on all partitions and in the store.",
        "closed",
    ),
    Family("dqm_recorder_refused", "counter", "Records put on a dead topic.", "refused"),
    Family(
        "dqm_recorder_expired",
        "counter",
        "Offsets that retention took before they were recorded.",
        "expired",
    ),
    Family(
        "dqm_recorder_failures", "counter", "Tries that the store or the log refused.", "failures"
    ),
    Family(
        "dqm_recorder_waiting",
        "counter",
        "Newer contents of stored LSs that had to wait for those of other partitions.",
        "waiting",
    ),
    Family("dqm_recorder_chunks", "counter", "Compacted chunks written to the store.", "chunks"),
    Family(
        "dqm_recorder_lag_records",
        "gauge",
        "Offsets between what is stored and the end of the partition, when last looked at.",
        "lag",
        PLACE,
    ),
    Family(
        "dqm_recorder_write_seconds",
        "histogram",
        "Time to write a batch to the store, tries that failed included.",
        "writing",
    ),
    Family("dqm_recorder_lumisection", "newest", "LS stored last.", "lumisection"),
    Family("dqm_recorder_run", "newest", "Run stored last.", "run"),
)

DISPLAY: Final = (
    Family("dqm_display_records", "counter", "Records of dqm.events read.", "records"),
    Family("dqm_display_looks", "counter", "Chunks opened to pick events from.", "looks"),
    Family(
        "dqm_display_left_records",
        "counter",
        "Records left unread, for newer ones had come: none of the data needs them.",
        "left",
    ),
    Family("dqm_display_events", "counter", "Events shown, by rule.", "shown", ("rule",)),
    Family("dqm_display_bytes", "counter", "Bytes of these.", "sent_bytes"),
    Family(
        "dqm_display_refused",
        "counter",
        "Records that could not be used, by reason.",
        "refused",
        ("reason",),
    ),
    Family("dqm_display_lumisection", "newest", "LS of the event shown last.", "lumisection"),
    Family("dqm_display_run", "newest", "Run of the event shown last.", "run"),
)
