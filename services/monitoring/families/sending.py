"""Metrics of who sends events: producer and watcher, and of the log that sends to brokers."""

from typing import Final

from services.monitoring.families.family import Family

__all__ = ["LOG_FAMILIES", "PRODUCER", "WATCHER"]

PRODUCER: Final = (
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

WATCHER: Final = (
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
