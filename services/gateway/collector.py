"""What a gateway holds at the moment of asking: its clients, its memory, its lag, who is alive."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dqmstream.identity import kind_of_service
from services.gateway.desk import Desk
from services.gateway.hub import Hub
from services.gateway.live import LiveView

__all__ = ["GatewayCollector"]

_STATES: Final = ("starting", "ready", "stopping", "stale")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Figures:
    """Taken in one go on the view's thread."""

    rejected: Mapping[str, int]
    held: Mapping[str, int]
    ages: Mapping[tuple[str, str], float]
    states: Mapping[tuple[str, str], int]
    data_age: float | None
    run: int | None
    lumisection: int | None


class GatewayCollector(Collector):
    """Gauges of one gateway, made when they are asked for, by a thread that may wait.

    Parameters
    ----------
    view, desk
        The live view, and the thread it belongs to.
    hub
        Who watches what.
    lag
        Records not read yet, by topic.
    wall
        Wall clock, nanoseconds since 1970.
    """

    def __init__(
        self,
        view: LiveView,
        desk: Desk,
        hub: Hub,
        *,
        lag: Callable[[], Mapping[str, int]],
        wall: Callable[[], int],
    ) -> None:
        self._view = view
        self._desk = desk
        self._hub = hub
        self._lag = lag
        self._wall = wall

    def collect(self) -> Iterator[Metric]:
        """All of it; of a gateway that is stopping, what needs no view."""
        waiting = self._hub.all_waiting()
        yield _gauge("dqm_gateway_clients", "Open streams.", self._hub.clients)
        yield _gauge(
            "dqm_gateway_channels",
            "Plots and boards that somebody watches.",
            len(self._hub.watched),
        )
        yield _gauge(
            "dqm_gateway_queued_updates",
            "Updates that clients have not taken yet, over all of them; one per plot at most.",
            sum(waiting),
        )
        yield _gauge(
            "dqm_gateway_queued_updates_max",
            "Updates that the slowest client has not taken yet.",
            max(waiting, default=0),
        )
        lag = GaugeMetricFamily(
            "dqm_gateway_lag_records", "Offsets not read yet, by topic.", labels=("topic",)
        )
        for topic, count in self._lag().items():
            lag.add_metric((topic,), count)
        yield lag
        try:
            figures = self._desk.wait_for(self._figures)
        except (RuntimeError, CancelledError):
            return
        yield from _of_view(figures)

    def _figures(self) -> _Figures:
        view, now = self._view, self._wall()
        held: Counter[str] = Counter(dict.fromkeys(view.catalogue.workspaces(), 0))
        for run in view.runs.values():
            for part in run.all_workspace_runs():
                held[part.layout.workspace] += part.bytes_held
        ages: dict[tuple[str, str], float] = {}
        states: Counter[tuple[str, str]] = Counter()
        for beat in view.pulse.beats(now):
            service = kind_of_service(beat.heartbeat.service)
            if beat.state != "stopping":
                ages[beat.heartbeat.process, beat.heartbeat.service] = beat.age
            states.update({(service, state): int(state == beat.state) for state in _STATES})
        current = view.current
        return _Figures(
            rejected=dict(view.rejected),
            held=held,
            ages=ages,
            states=states,
            data_age=None if view.newest is None else max(0.0, (now - view.newest) / 1e9),
            run=current.number if current else None,
            lumisection=max(current.lumisections(), default=None) if current else None,
        )


def _of_view(figures: _Figures) -> Iterator[Metric]:
    rejected = CounterMetricFamily(
        "dqm_gateway_rejected", "Records that could not be used, by reason.", labels=("reason",)
    )
    for reason, count in figures.rejected.items():
        rejected.add_metric((reason,), count)
    held = GaugeMetricFamily(
        "dqm_gateway_held_bytes",
        "Contents of LSs in memory, by workspace.",
        labels=("workspace",),
    )
    for workspace, size in figures.held.items():
        held.add_metric((workspace,), size)
    ages = GaugeMetricFamily(
        "dqm_gateway_heartbeat_age_seconds",
        "Age of the last heartbeat of each service of each process, but those that said they stop.",
        labels=("process", "service"),
    )
    for labels, age in figures.ages.items():
        ages.add_metric(labels, age)
    processes = GaugeMetricFamily(
        "dqm_gateway_services",
        "Services heard of lately, over all processes, by state; stale is silent without a word.",
        labels=("service", "state"),
    )
    for labels, count in figures.states.items():
        processes.add_metric(labels, count)
    yield from (rejected, held, ages, processes)
    if figures.data_age is not None:
        yield _gauge(
            "dqm_gateway_data_age_seconds",
            "Since the log took the newest histogram set.",
            figures.data_age,
        )
    if figures.run is not None:
        yield _gauge("dqm_gateway_run", "Run that is shown as the current one.", figures.run)
    if figures.lumisection is not None:
        yield _gauge(
            "dqm_gateway_lumisection", "Newest LS of the current run.", figures.lumisection
        )


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
