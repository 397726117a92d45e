"""The live view: what the log says, folded into bounded memory. It belongs to one thread.

No asyncio, no sockets, no clock: messages go in with the time the log stamped on them, questions
come out. `services.gateway.desk` keeps it on a thread of its own.
"""

from collections import Counter, OrderedDict
from typing import Final

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.completeness import lacking
from dqmstream.fold.merge import Merger, SetKey
from dqmstream.messages.alarms import (
    AlarmCheckpoint,
    AlarmCondition,
    AlarmState,
    AlarmTransition,
)
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.display import EventDisplay
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions, Heartbeat
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from services.gateway.alarm_states import AlarmStates
from services.gateway.alarm_steps import AlarmSteps
from services.gateway.catalogue import Catalogue
from services.gateway.displays import DisplayShelf
from services.gateway.early import EarlyConditions
from services.gateway.pulse import Pulse
from services.gateway.run_view import RunView
from services.gateway.settings import GatewaySettings
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["LiveView"]

_FORGOTTEN_RUNS: Final = 1_000

_Orders = dict[int, tuple[bool, bool, int, int]]

_OF_NO_ANSWER: Final = (Heartbeat, AlarmCheckpoint, AlarmCondition, AlarmState, AlarmTransition)
"""Messages that no answer is made of that is kept."""


class LiveView:
    """All that is in memory, by run.

    Parameters
    ----------
    settings
        Bounds of memory, and when silence counts as stale.
    """

    def __init__(self, settings: GatewaySettings | None = None) -> None:
        self.settings = settings or GatewaySettings()
        self.catalogue = Catalogue()
        self.pulse = Pulse(self.settings.stale_after)
        self.runs: dict[int, RunView] = {}
        limits = self.settings.limits
        self.displays = DisplayShelf(limits.displays, limits.live_runs)
        self.steps = AlarmSteps()
        self.alarms = AlarmStates()
        self.rejected: Counter[str] = Counter()
        """Messages that could not be used, by reason."""
        self.newest: int | None = None
        """Log time of the newest histogram set of any run."""
        self.changes = 0
        """Rises with all that may change an answer. Any thread may read it."""
        self._merger = Merger(self.catalogue.layout)
        self._dirty: dict[SetKey, None] = {}
        self._unbooked: dict[SetKey, None] = {}
        self._released: dict[SetKey, _Orders] = {}
        self._forgotten: OrderedDict[int, None] = OrderedDict()
        self._early = EarlyConditions()

    @property
    def current(self) -> RunView | None:
        """The run that began last, by log time; the higher number of two that began together.

        What was imported is no run that is going on: it is current only where nothing else is.
        """
        began = [run for run in self.runs.values() if run.began is not None]
        return max(began, key=_age, default=None)

    def run(self, number: int | None) -> RunView | None:
        """A run in memory; None stands for the current one."""
        return self.current if number is None else self.runs.get(number)

    def apply(self, message: Message, stamp: int, offset: int = 0) -> None:
        """Fold one message, which the log stamped with `stamp` (nanoseconds since 1970).

        `offset` is its own in its partition.

        What cannot be used is counted in `rejected`; nothing is raised.
        """
        self._take(message, stamp, offset)
        # Only now: an answer made of a number read before can lack nothing up to it.
        if not isinstance(message, _OF_NO_ANSWER):
            self.changes += 1

    def _take(self, message: Message, stamp: int, offset: int) -> None:
        match message:
            case HistogramSet():
                self._take_set(message, stamp)
            case QualityReports():
                if run := self._run_view(message.run):
                    run.verdicts.take(message)
            case Booking():
                self.catalogue.book(message)
                self._dirty |= self._unbooked
                self._unbooked = {}
            case Activation():
                self.catalogue.activate(message)
            case Heartbeat():
                self.pulse.take(message)
            case AlarmTransition():
                self.steps.take(offset, message)
            case AlarmState():
                self.alarms.take(message)
            case AlarmCheckpoint():
                self.alarms.hear(stamp)
            case AlarmCondition():
                pass  # for the service of alarms
            case EventDisplay():
                self.displays.take(message)
            case Conditions():
                self._take_conditions(message)
            case RunStart():
                if run := self._run_view(message.run):
                    run.start(message)
            case RunEnd():
                if run := self._run_view(message.run):
                    run.end(message)
            case _:
                self.rejected["unexpected_message"] += 1

    def refresh(self) -> None:
        """Sum up what came since the last look, and keep within the bounds of memory."""
        dirty, self._dirty = self._dirty, {}
        changed: dict[int, set[int]] = {}
        for key in dirty:
            self._merge(key)
            changed.setdefault(key.run, set()).add(key.lumisection)
        for number, lumisections in changed.items():
            if number in self.runs:
                self.runs[number].update(lumisections)
        self._bound_lumisections()
        self._bound_bytes()

    def reject(self, reason: str) -> None:
        """Count a record that could not even be decoded."""
        self.rejected[reason] += 1

    def _run_view(self, number: int) -> RunView | None:
        """The run, made if it is new; None if it was forgotten, which is counted."""
        if number in self._forgotten:
            self.rejected["forgotten_run"] += 1
            return None
        if number not in self.runs:
            limits = self.settings.limits
            self.runs[number] = RunView(number, self.catalogue, limits.live_reports)
            for known in self._early.take(number):
                self.runs[number].take_conditions(known)
            others = [run for run in self.runs.values() if run.number != number]
            if len(others) >= limits.live_runs:
                self._forget_run(min(others, key=_age).number)
        return self.runs.get(number)

    def _take_conditions(self, message: Conditions) -> None:
        """Files may tell of hundreds of runs at once: one in memory must not go for them."""
        if (run := self.runs.get(message.run)) is not None:
            run.take_conditions(message)
        elif message.run not in self._forgotten:
            self._early.add(message)

    def _take_set(self, piece: HistogramSet, stamp: int) -> None:
        run = self._run_view(piece.run)
        if run is None:
            return
        run.heard(stamp)
        run.lumisection_times.take(piece.lumisection, stamp, piece.heard)
        run.filled_here |= piece.account.closed_by != "imported"
        self.newest = stamp if self.newest is None else max(self.newest, stamp)
        if not self._admits(piece):
            return
        try:
            key = self._merger.apply(piece)
        except WindowError:
            self.rejected["contradicting_set"] += 1
            return
        if key is None and not piece.whole:
            # Better contents may stay, but no longer as all that there was.
            key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
        if key is not None:
            self._dirty[key] = None

    def _admits(self, piece: HistogramSet) -> bool:
        """Whether a piece may go to the merger: not if its LS is final and has left memory."""
        key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
        orders = self._released.get(key)
        if orders is None or piece.segment > 0:
            return True
        held = orders.get(piece.partition, (False, False, -1, -1))
        part = self._part(key, piece.booking)
        if piece.order > held:
            self.rejected["newer_than_released"] += 1
            if part is not None:
                part.lose(piece.lumisection)
        elif part is not None and not piece.whole and piece.epoch > held[2]:
            part.doubt(piece.lumisection, lacking([piece]))
        return False

    def _merge(self, key: SetKey) -> None:
        pieces = self._merger.pieces(key)
        if not pieces:
            return
        part = self._part(key, pieces[0].booking)
        if part is None:
            self._unbooked[key] = None
            return
        part.heard = max(part.heard, *(piece.heard for piece in pieces))
        try:
            merged = self._merger.merged(key)
            if key in self._released:
                part.take_late(merged)
            else:
                part.take(merged)
        except (MessageError, WindowError) as error:
            self.rejected[getattr(error, "reason", "contradicting_set")] += 1
            self._merger.forget(key)

    def _part(self, key: SetKey, booking: str) -> WorkspaceRun | None:
        """Where a key's contents go; None while its booking is not known."""
        layout = self.catalogue.layout(booking)
        if layout is None or key.run not in self.runs:
            return None
        return self.runs[key.run].workspace_run(key.workspace, key.set, layout)

    def _bound_lumisections(self) -> None:
        keep = self.settings.limits.live_lumisections
        for run in self.runs.values():
            for part in run.all_workspace_runs():
                held = part.in_memory()
                for number in held[: max(0, len(held) - keep)]:
                    if part.records[number].closed:
                        self._release(part, number)

    def _bound_bytes(self) -> None:
        """Release the oldest closed LSs, of the oldest runs first, until the budget is kept."""
        parts = [
            part
            for run in sorted(self.runs.values(), key=_age)
            for part in run.all_workspace_runs()
        ]
        over = sum(part.bytes_held for part in parts) - self.settings.limits.live_bytes
        for part in parts:
            for number in part.in_memory():
                if over <= 0:
                    return
                if part.records[number].closed:
                    self._release(part, number)
                    over -= part.layout.cells * 8

    def _release(self, part: WorkspaceRun, number: int) -> None:
        key = SetKey(part.set, part.run, number, part.layout.workspace)
        pieces = self._merger.pieces(key)
        self._released[key] = {
            piece.partition: piece.order for piece in pieces if piece.segment == 0
        }
        part.release(number)
        self._merger.forget(key)
        for piece in pieces:
            if piece.segment > 0:
                self._merger.apply(piece)

    def _forget_run(self, number: int) -> None:
        del self.runs[number]
        self._forgotten[number] = None
        while len(self._forgotten) > _FORGOTTEN_RUNS:
            self._forgotten.popitem(last=False)
        for key in list(self._merger.keys()):
            if key.run == number:
                self._merger.forget(key)
        self._dirty = {key: None for key in self._dirty if key.run != number}
        self._unbooked = {key: None for key in self._unbooked if key.run != number}
        self._released = {k: orders for k, orders in self._released.items() if k.run != number}


def _age(run: RunView) -> tuple[bool, int, int]:
    """Runs in the order in which memory lets them go: imported ones before all others."""
    return (run.filled_here, run.began or 0, run.number)
