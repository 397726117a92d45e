"""What quality reports mean for alarms: which verdicts raise or end which."""

from collections.abc import Iterable
from typing import Final

from dqmstream.alarms.heads import Heads
from dqmstream.alarms.inputs import Condition, Verdict
from dqmstream.alarms.register import AlarmRegister, From
from dqmstream.alarms.shown import ShownSets
from dqmstream.alarms.subjects import error_alarm, quality_alarm
from dqmstream.messages.alarms import AlarmLevel, JudgedLumisection, JudgedWorkspace
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports

__all__ = ["Verdicts"]

_LEVELS: Final[dict[Outcome, AlarmLevel]] = {
    Outcome.GOOD: "OK",
    Outcome.WARNING: "WARNING",
    Outcome.BAD: "BAD",
}
"""Whatever else a test says, it does not say how the data are."""


class Verdicts:
    """Tells alarms what quality tests find.

    Parameters
    ----------
    register
        The alarms.
    known
        How far reports were, as it was kept before.
    """

    def __init__(self, register: AlarmRegister, known: Iterable[JudgedWorkspace] = ()) -> None:
        self._register = register
        self.shown = ShownSets()
        """Reports of other sets are of no interest."""
        self.heads = Heads(known)
        """How far the reports of each workspace are."""

    def take(self, message: QualityReports, source: From) -> None:
        """The reports of a workspace, over one scope."""
        if not self.shown.shows(message.set, message.workspace, message.run):
            return
        age = self.heads.take(message, source.when)
        if age == "past":
            return
        register = self._register
        # Parents first: what they mask is then raised behind the mask.
        ordered = sorted(message.reports, key=lambda one: bool(register.policy(one.qtname).parent))
        for report in ordered:
            level, policy = _LEVELS.get(report.outcome), register.policy(report.qtname)
            if level is None or not policy.enabled:
                continue
            good = level == "OK" or (level == "WARNING" and policy.on == "BAD")
            alarm = quality_alarm(report.path, report.qtname, message.scope)
            state = self._register.states.get(alarm)
            at_rest = state is None or not state.judged
            if at_rest and (good or age == "earlier") and (state is None or state.now == "OK"):
                continue
            if state is None:
                state = register.new(
                    alarm,
                    "quality",
                    source.when,
                    policy,
                    run=message.run,
                    lumisection=message.lumisection,
                    workspace=message.workspace,
                    path=report.path,
                    qtname=report.qtname,
                    scope=message.scope,
                )
            judged = JudgedLumisection(
                run=message.run, lumisection=message.lumisection, level=level
            )
            why = report.message or f"{report.qtname} finds {report.path} {report.outcome}"
            register.tell(state, Verdict(judged, why), source)
        if age == "newest":
            self._take_errors(message, source)

    def _take_errors(self, message: QualityReports, source: From) -> None:
        """A test that fails on any element has an alarm, until it works on all it judges."""
        failing: dict[str, QualityReport] = {}
        working = set()
        for report in message.reports:
            if report.outcome is Outcome.ERROR:
                failing.setdefault(report.qtname, report)
            elif report.outcome in _LEVELS:
                working.add(report.qtname)
        run, lumisection = message.run, message.lumisection
        for qtname in sorted(failing.keys() | working):
            alarm = error_alarm(message.workspace, qtname, message.scope)
            state, failed = self._register.states.get(alarm), failing.get(qtname)
            if failed is None:
                if state is not None and state.now != "OK":
                    told = Condition("OK", "the quality test works again", run, lumisection)
                    self._register.tell(state, told, source)
                continue
            if state is None:
                state = self._register.new(
                    alarm,
                    "error",
                    source.when,
                    run=run,
                    lumisection=lumisection,
                    workspace=message.workspace,
                    qtname=qtname,
                    scope=message.scope,
                )
            why = f"{failed.path}: {failed.message or 'the quality test failed'}"
            self._register.tell(state, Condition("BAD", why, run, lumisection), source)
