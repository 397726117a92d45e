"""The parts of a gateway without a log: a view that tests feed, and perhaps a store."""

from dqmstream.clock import SettableClock
from dqmstream.transport.memory import MemoryLog
from services.gateway.archive import Archive
from services.gateway.asking import Parts
from services.gateway.desk import Desk
from services.gateway.library import Library
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.readings import Readings
from services.gateway.settings import GatewaySettings
from services.gateway.stream import Stream
from services.status.reader import StatusReader


def parts_of(
    view: LiveView,
    desk: Desk,
    settings: GatewaySettings | None = None,
    archive: Archive | None = None,
) -> Parts:
    chosen = settings or GatewaySettings()
    clock, metrics = SettableClock(), GatewayMetrics()
    return Parts(
        view=view,
        desk=desk,
        stream=Stream(view, desk, settings=chosen, clock=clock, metrics=metrics),
        library=Library(view, desk, archive),
        readings=Readings(view, desk, archive),
        settings=chosen,
        clock=clock,
        metrics=metrics,
        status=StatusReader(MemoryLog(clock), clock).report,
    )
