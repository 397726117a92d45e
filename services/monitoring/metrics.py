"""The metrics of a process, in one registry: read from what services count anyway.

Services count into their progress (for heartbeats too) and know nothing of Prometheus; here it is
read when somebody asks, so nothing is counted twice. What metrics there are stands in
`services.monitoring.families`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dqmstream import __version__
from dqmstream.transport.log import Log
from services.monitoring.durations import Durations
from services.monitoring.families import FAMILIES, LOG_FAMILIES, Family, Service
from services.monitoring.health import Health

__all__ = ["ProcessMetrics"]

_Labels: TypeAlias = tuple[str, ...]
_Value: TypeAlias = float | Durations


_ALSO: Final[Mapping[Service, Service]] = {"watcher": "producer"}
"""A watcher is a producer too."""


class ProcessMetrics:
    """One registry for all services of a process.

    Parameters
    ----------
    health
        Of the process: readiness and heartbeats become metrics.
    """

    def __init__(self, health: Health) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_HealthCollector(health))
        self._watched: dict[Service, _ProgressCollector] = {}

    def watch(self, service: Service, progress: object) -> None:
        """Expose a progress; several of one service (fillers of one process) are added up."""
        if service in _ALSO:
            self.watch(_ALSO[service], progress)
        watched = self._watched.get(service)
        if watched is not None:
            watched.progresses.append(progress)
            return
        collector = _ProgressCollector(FAMILIES[service], [progress])
        self._watched[service] = collector
        self.registry.register(collector)

    def watch_log(self, log: Log) -> None:
        """Expose what became of what was sent, if the log keeps count: a broker's does."""
        if hasattr(log, "stats"):
            self.registry.register(_ProgressCollector(LOG_FAMILIES, [log]))


class _ProgressCollector(Collector):
    """Families of one service over its progresses."""

    def __init__(self, families: Sequence[Family], progresses: list[object]) -> None:
        self._families = families
        self.progresses = progresses

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            held = [_held(family, progress) for progress in self.progresses]
            yield _metric(family, held)


def _held(family: Family, progress: object) -> Any:
    """What the field of a progress holds; of each of its parts, with the part's label before."""
    field = attrgetter(family.field)
    if not family.each:
        return field(progress)
    return {
        (str(key), *labels): value
        for key, part in dict(attrgetter(family.each)(progress)).items()
        for labels, value in _labelled(field(part))
    }


def _metric(family: Family, held: Iterable[object]) -> Metric:
    """One family with a sample for each combination of label values."""
    samples: dict[_Labels, list[_Value]] = {(value,): [0] for value in family.known}
    for one in held:
        for labels, value in _labelled(one):
            samples.setdefault(labels, []).append(value)
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.text, labels=family.labels)
        for labels, values in sorted(samples.items()):
            _add_durations(histogram, labels, [v for v in values if isinstance(v, Durations)])
        return histogram
    metric = (CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily)(
        family.name, family.text, labels=family.labels
    )
    combine = max if family.kind == "newest" else sum
    for labels, values in sorted(samples.items()):
        numbers = [value for value in values if not isinstance(value, Durations)]
        metric.add_metric(labels, combine(numbers))
    return metric


def _labelled(held: Any) -> Iterator[tuple[_Labels, _Value]]:
    """What a field holds, by label values; nothing for a run or LS that is not known yet."""
    if held is None:
        return
    if not isinstance(held, Mapping):
        yield (), held
        return
    # A copy: the service goes on counting in another thread.
    for key, value in dict(held).items():
        labels = key if isinstance(key, tuple) else (key,)
        yield tuple(map(str, labels)), value


def _add_durations(
    family: HistogramMetricFamily, labels: _Labels, durations: Sequence[Durations]
) -> None:
    """One sample of a histogram; several progresses have the same bounds and are added up."""
    buckets: dict[str, float] = {}
    for one in durations:
        for bound, count in one.cumulative():
            buckets[bound] = buckets.get(bound, 0) + count
    family.add_metric(labels, list(buckets.items()), sum(one.seconds for one in durations))


class _HealthCollector(Collector):
    """Readiness and heartbeats of the services of this process."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        about = GaugeMetricFamily(
            "dqm_process_info", "Release that runs; always 1.", labels=("version",)
        )
        about.add_metric((__version__,), 1)
        yield about
        ready = GaugeMetricFamily(
            "dqm_process_ready",
            "1 once the service has said that it is ready.",
            labels=("service",),
        )
        age = GaugeMetricFamily(
            "dqm_process_heartbeat_age_seconds",
            "Since the log took the service's last heartbeat; before the first, since the start.",
            labels=("service",),
        )
        beats = CounterMetricFamily(
            "dqm_process_heartbeats", "Heartbeats that the log took.", labels=("service",)
        )
        failures = CounterMetricFamily(
            "dqm_process_heartbeat_failures",
            "Heartbeats that the log did not take.",
            labels=("service",),
        )
        for service, vital in self._health.vitals.items():
            ready.add_metric((service,), vital.ready.is_set())
            age.add_metric((service,), self._health.age(service))
            beats.add_metric((service,), vital.beats)
            failures.add_metric((service,), vital.failures)
        yield from (ready, age, beats, failures)
