"""What the gateway counts, for Prometheus. One registry per gateway, none global."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["GatewayMetrics"]

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)


class GatewayMetrics:
    """Counters, gauges and histograms of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.rejected = self._gauge(
            "dqm_gateway_rejected", "Records that could not be used, by reason.", "reason"
        )
        self.lag = self._gauge(
            "dqm_gateway_lag_records", "Records not read yet, by topic.", "topic"
        )
        self.sent_messages = Counter(
            "dqm_gateway_stream_messages", "Messages sent on streams.", registry=self.registry
        )
        self.sent_bytes = Counter(
            "dqm_gateway_stream_bytes", "Bytes sent on streams.", registry=self.registry
        )
        self.refused_streams = Counter(
            "dqm_gateway_refused_streams",
            "Streams refused, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.clients = Gauge("dqm_gateway_clients", "Open streams.", registry=self.registry)
        self.channels = Gauge("dqm_gateway_channels", "Watched channels.", registry=self.registry)

    def text(self) -> bytes:
        """All of it in the text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str, label: str) -> Gauge:
        return Gauge(name, text, (label,), registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=_SECONDS)
