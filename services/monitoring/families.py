"""Which metrics there are: name, kind, labels, meaning, and the field of a progress they come from.

`docs/metrics.md` lists the same; a test compares them. Labels have few values, whatever runs come:
runs and LSs are values of gauges, never labels.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dqmstream.messages.quality import Outcome

__all__ = ["FAMILIES", "LOG_FAMILIES", "Family", "Service"]

Service: TypeAlias = Literal[
    "filler", "analyser", "comparator", "recorder", "producer", "watcher", "display"
]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Parameters
    ----------
    name
        As exposed, for a counter without its `_total`.
    kind
        A gauge is summed over the progresses of a process, `newest` is a gauge of which the
        highest counts; a histogram's field holds `Durations`.
    text
        Meaning, for people.
    field
        Name of the progress's field, dotted if it is further down: a number or `Durations`, or a
        mapping from label value(s) to those if there are labels.
    labels
        Names of its labels.
    known
        Values of its only label that are exposed from the start, as 0: an increase from nothing is
        none to Prometheus.
    """

    name: str
    kind: Literal["counter", "gauge", "newest", "histogram"]
    text: str
    field: str
    labels: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


_PLACE: Final = ("topic", "partition")

_FILLER: Final = (
    Family("dqm_filler_records", "counter", "Records of dqm.events folded.", "records"),
    Family("dqm_filler_events", "counter", "Events filled.", "events"),
    Family(
        "dqm_filler_dropped_events",
        "counter",
        "Events that sources did not send, as the chunks say that were filled.",
        "dropped",
    ),
    Family("dqm_filler_duplicates", "counter", "Records recognised as repeats.", "duplicates"),
    Family(
        "dqm_filler_refused",
        "counter",
        "Records refused and put on the dead topic, by reason.",
        "refused",
        ("reason",),
    ),
    Family(
        "dqm_filler_late_chunks",
        "counter",
        "Chunks that came after their LS had closed, and were filled beside it.",
        "late_chunks",
    ),
    Family(
        "dqm_filler_late_segments",
        "counter",
        "Segments opened beside a closed LS for what came late.",
        "late_segments",
    ),
    Family(
        "dqm_filler_closed_segments",
        "counter",
        "Segments closed and acknowledged, by why: markers, timeout, too_many_open or run_close.",
        "closed",
        ("why",),
        known=("markers", "timeout", "too_many_open", "run_close"),
    ),
    Family(
        "dqm_filler_missed_sources",
        "counter",
        "Sources named missing by segments that closed without them.",
        "missed",
    ),
    Family(
        "dqm_filler_published_messages",
        "counter",
        "Messages with histogram sets, or parts of one, acknowledged.",
        "published",
    ),
    Family("dqm_filler_published_bytes", "counter", "Bytes of these messages.", "published_bytes"),
    Family(
        "dqm_filler_close_seconds",
        "histogram",
        "From a closing record folded to its closing sets acknowledged.",
        "closing",
    ),
    Family(
        "dqm_filler_event_to_closed_seconds",
        "histogram",
        "From the log's taking a segment's newest events to its closing sets acknowledged.",
        "event_to_closed",
    ),
    Family(
        "dqm_filler_lag_records",
        "gauge",
        "Offsets between what is folded and the end of the partition, when last looked at.",
        "lag",
        _PLACE,
    ),
    Family(
        "dqm_filler_open_segments", "gauge", "LSs open in the partitions owned.", "open_segments"
    ),
    Family(
        "dqm_filler_awaited_sources", "gauge", "Sources that open LSs wait for.", "awaited_sources"
    ),
    Family(
        "dqm_filler_missing_sources",
        "gauge",
        "Sources that were missed when an LS closed, and have not spoken since.",
        "missing_sources",
    ),
    Family(
        "dqm_filler_buffer_bytes",
        "gauge",
        "Flat buffers of contents not acknowledged closed yet, by workspace.",
        "buffers",
        ("workspace",),
    ),
    Family("dqm_filler_lumisection", "newest", "LS of the last chunk.", "lumisection"),
    Family("dqm_filler_run", "newest", "Run of the last chunk.", "run"),
)

_ANALYSER: Final = (
    Family("dqm_analyser_records", "counter", "Records of dqm.events folded.", "records"),
    Family(
        "dqm_analyser_refused",
        "counter",
        "Records not folded, by reason; fillers put them on the dead topic.",
        "refused",
        ("reason",),
    ),
    Family("dqm_analyser_lumisections", "counter", "LSs analysed and published.", "analysed"),
    Family(
        "dqm_analyser_failed",
        "counter",
        "LSs whose analysis threw or lacked a column: all elements invalid, by workspace.",
        "failed",
        ("workspace",),
    ),
    Family(
        "dqm_analyser_thinned",
        "counter",
        "LSs of which an analysis was given only a part of the events, by workspace.",
        "thinned",
        ("workspace",),
    ),
    Family(
        "dqm_analyser_published_messages",
        "counter",
        "Messages with histogram sets, or parts of one, acknowledged.",
        "published",
    ),
    Family(
        "dqm_analyser_conditions", "counter", "Conditions of LSs found in events.", "conditions"
    ),
    Family(
        "dqm_analyser_analysis_seconds",
        "histogram",
        "Time that all analyses of an LS took.",
        "analysing",
    ),
    Family(
        "dqm_analyser_event_to_analysed_seconds",
        "histogram",
        "From the log's taking the newest events of an LS to its analysed sets acknowledged.",
        "event_to_analysed",
    ),
    Family("dqm_analyser_held_segments", "gauge", "LSs in memory, one of a partition.", "held"),
    Family(
        "dqm_analyser_lag_records",
        "gauge",
        "Offsets between what is folded and the end of the partition, when last looked at.",
        "lag",
        _PLACE,
    ),
    Family("dqm_analyser_lumisection", "newest", "LS analysed last.", "lumisection"),
    Family("dqm_analyser_run", "newest", "Run analysed last.", "run"),
)

_COMPARATOR: Final = (
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
        _PLACE,
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

_RECORDER: Final = (
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
        _PLACE,
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

_PRODUCER: Final = (
    Family("dqm_producer_chunks", "counter", "Chunks of events acknowledged.", "chunks"),
    Family("dqm_producer_bytes", "counter", "Bytes of chunks acknowledged.", "bytes"),
    Family(
        "dqm_producer_seen_events", "counter", "Events that acknowledged chunks stand for.", "seen"
    ),
    Family("dqm_producer_selected_events", "counter", "Events in acknowledged chunks.", "selected"),
    Family(
        "dqm_producer_dropped_events", "counter", "Events lost knowingly, and counted.", "dropped"
    ),
    Family(
        "dqm_producer_dropped_chunks",
        "counter",
        "Chunks of a live source that found the buffer full.",
        "dropped_chunks",
    ),
    Family(
        "dqm_producer_notes",
        "counter",
        "What the source could not use, by reason; `starved` counts LSs of which a selection "
        "left next to nothing.",
        "notes",
        ("reason",),
        known=("starved",),
    ),
    Family(
        "dqm_producer_cut_chunks",
        "counter",
        "Chunks sent in pieces, for they were too large for one message.",
        "cut",
    ),
    Family("dqm_producer_retries", "counter", "Sends with an unknown outcome.", "retries"),
    Family(
        "dqm_producer_resent_chunks",
        "counter",
        "Chunks sent again after an unknown outcome, each time.",
        "resent",
    ),
    Family(
        "dqm_producer_log_away",
        "gauge",
        "1 while the log does not take what is sent.",
        "unavailable",
    ),
    Family(
        "dqm_producer_buffer_bytes", "gauge", "Chunks that wait or are in flight.", "buffer_bytes"
    ),
    Family(
        "dqm_producer_buffer_high_bytes",
        "gauge",
        "Most that ever waited or was in flight since the start.",
        "buffer_high_bytes",
    ),
    Family(
        "dqm_producer_in_flight_bytes",
        "gauge",
        "Of these, chunks sent and not acknowledged yet.",
        "in_flight_bytes",
    ),
    Family(
        "dqm_producer_lumisection",
        "newest",
        "Last LS whose every record is acknowledged.",
        "lumisection",
    ),
    Family("dqm_producer_run", "newest", "Run being sent.", "run"),
)

_WATCHER: Final = (
    Family(
        "dqm_watcher_behind",
        "gauge",
        "Files and LSs seen or decided about that the log does not hold yet.",
        "behind",
    ),
    Family("dqm_watcher_awaited", "gauge", "LSs that are waited for, one of a stream.", "awaited"),
    Family("dqm_watcher_looks", "counter", "Looks into all watched folders.", "looks"),
    Family("dqm_watcher_files", "counter", "Files seen, each once.", "seen_files"),
    Family(
        "dqm_watcher_given_up_lumisections",
        "counter",
        "LSs given up: no file came in time, or none that could be read.",
        "given_up",
    ),
    Family(
        "dqm_watcher_late_files",
        "counter",
        "Files that came after their LS was decided about, and were sent by themselves.",
        "late_files",
    ),
    Family(
        "dqm_watcher_left_files",
        "counter",
        "Files left alone, by why: skipped (older than where watching began), repeated (there "
        "twice, in two folders) or beyond (numbered far above all others).",
        "left_files",
        ("why",),
        known=("skipped", "repeated", "beyond"),
    ),
    Family(
        "dqm_watcher_failed_sources",
        "counter",
        "Sources that could not be read, or were begun with other settings.",
        "failed_sources",
    ),
)
"""Beside those of a producer, which a watcher is."""

_DISPLAY: Final = (
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

FAMILIES: Final[dict[Service, tuple[Family, ...]]] = {
    "filler": _FILLER,
    "analyser": _ANALYSER,
    "comparator": _COMPARATOR,
    "recorder": _RECORDER,
    "producer": _PRODUCER,
    "watcher": _WATCHER,
    "display": _DISPLAY,
}

LOG_FAMILIES: Final = (
    Family(
        "dqm_kafka_acknowledged_messages",
        "counter",
        "Messages that the brokers confirmed.",
        "stats.acknowledged",
    ),
    Family(
        "dqm_kafka_acknowledged_bytes",
        "counter",
        "Bytes of these: keys, values and headers, before compression.",
        "stats.acknowledged_bytes",
    ),
    Family(
        "dqm_kafka_failed_messages",
        "counter",
        "Messages given up with an unknown fate; whoever sent them sends them again.",
        "stats.failed",
    ),
    Family(
        "dqm_kafka_retried_batches",
        "counter",
        "Batches sent again by the client because an answer was missing or asked for it.",
        "stats.retried",
    ),
    Family(
        "dqm_kafka_producers",
        "counter",
        "Producers of the client started; each but the first replaces one that failed.",
        "stats.producers",
    ),
    Family(
        "dqm_kafka_buffered_bytes",
        "gauge",
        "Messages on their way to the brokers.",
        "buffered_bytes",
    ),
)
"""Read from a log that sends to brokers."""
