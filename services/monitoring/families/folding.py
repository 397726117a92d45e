"""Metrics of who folds events: filler and analyser."""

from typing import Final

from services.monitoring.families.family import PLACE, Family

__all__ = ["ANALYSER", "FILLER"]

FILLER: Final = (
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
        PLACE,
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

ANALYSER: Final = (
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
        "dqm_analyser_lost_lumisections",
        "counter",
        "LSs never analysed: a partition forgot their run before they closed on it.",
        "lost",
    ),
    Family(
        "dqm_analyser_expired",
        "counter",
        "Offsets that retention took before they were analysed.",
        "expired",
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
        PLACE,
    ),
    Family("dqm_analyser_lumisection", "newest", "LS analysed last.", "lumisection"),
    Family("dqm_analyser_run", "newest", "Run analysed last.", "run"),
)
