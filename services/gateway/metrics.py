"""What the gateway counts, for Prometheus, into the registry of its process; none is global.

What it holds at the moment of asking is in `services.gateway.collector`.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.monitoring.durations import BOUNDS

__all__ = ["GatewayMetrics"]

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)


class GatewayMetrics:
    """Counters and histograms of one gateway.

    Parameters
    ----------
    registry
        Of the process; None makes one.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.requests = Counter(
            "dqm_gateway_requests",
            "HTTP requests answered, by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "dqm_gateway_request_seconds",
            "Time to the first byte of an HTTP answer, by route.",
            ("route",),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.look_seconds = self._histogram(
            "dqm_gateway_look_seconds", "Time to find what has changed and give it to all clients."
        )
        self.delay_seconds = self._histogram(
            "dqm_gateway_delay_seconds", "From a histogram set's entry in the log to its folding."
        )
        self.records = Counter(
            "dqm_gateway_records",
            "Records read from the log, by topic.",
            ("topic",),
            registry=self.registry,
        )
        self.sent_messages = Counter(
            "dqm_gateway_stream_messages", "Messages sent on streams.", registry=self.registry
        )
        self.sent_bytes = Counter(
            "dqm_gateway_stream_bytes",
            "Bytes sent on streams, before they are compressed.",
            registry=self.registry,
        )
        self.refused_streams = Counter(
            "dqm_gateway_refused_streams",
            "Streams refused, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.screen_seconds = Histogram(
            "dqm_gateway_event_to_screen_seconds",
            "From the newest events' entry in the log to the update that shows them being sent, "
            "for each update and client.",
            registry=self.registry,
            buckets=BOUNDS,
        )

        self.refused_requests = Counter(
            "dqm_gateway_refused_requests",
            "Requests refused before any route: 401 token, 403 origin, 429 rate.",
            ("status",),
            registry=self.registry,
        )
        self.ingest_chunks = Counter(
            "dqm_gateway_ingest_chunks", "Chunks written to the log.", registry=self.registry
        )
        self.ingest_events = Counter(
            "dqm_gateway_ingest_events", "Events in these chunks.", registry=self.registry
        )
        self.ingest_body_bytes = Counter(
            "dqm_gateway_ingest_bytes", "Bytes of their bodies.", registry=self.registry
        )
        self.ingest_refused = Counter(
            "dqm_gateway_ingest_refused",
            "Chunks refused for their bodies, by reason; nothing of them is written.",
            ("reason",),
            registry=self.registry,
        )
        self.ingest_held = Gauge(
            "dqm_gateway_ingest_held_bytes",
            "Bodies that are read, or wait for the log.",
            registry=self.registry,
        )

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=_SECONDS)
