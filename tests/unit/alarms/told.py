"""Reports, commands and boards for the tests of alarms."""

from collections.abc import Mapping

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.register import From
from dqmstream.alarms.rules import AlarmRules
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.operations import Command
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.declaration import QualityTest, read_tests

SECOND = 10**9
NOON = 1_760_000_000 * SECOND
ALARM = "quality:Muon/pt:spectrum"
QUIET = AlarmRules(escalate_after=0)


def declared(alarm: str) -> tuple[QualityTest, ...]:
    """The quality test of `ALARM`, its policy in TOML."""
    text = """
        [[quality_test]]
        name = "spectrum"
        algorithm = "ContentsXRange"
        path = "**"
        parameters = { xmin = 0.0 }
        alarm = """
    return read_tests(f"{text}{{ {alarm} }}", "tests.toml")


def reports(
    lumisection: int,
    *said: QualityReport,
    run: int = 1,
    workspace: str = "Muon",
    outcome: str = "",
    scope: str = "lumisection",
    path: str = "Muon/pt",
    set_hash: str = "set",
) -> QualityReports:
    """Reports of a workspace; of one element if only an outcome is given."""
    if outcome:
        said = (report(outcome, path),)
    return QualityReports(
        set=set_hash,
        run=run,
        lumisection=lumisection,
        workspace=workspace,
        scope=scope,  # type: ignore[arg-type]
        complete=True,
        versions=(),
        reports=said,
    )


def report(outcome: str, path: str = "Muon/pt", qtname: str = "spectrum") -> QualityReport:
    """One report."""
    return QualityReport(
        path=path, qtname=qtname, algorithm="Chi2", outcome=Outcome(outcome), message=outcome
    )


def command(
    action: str, alarm: str = ALARM, who: str = "ada", why: str = "seen", **arguments: str
) -> Command:
    """What a person tells an alarm."""
    return Command(
        subject=f"alarm/{alarm}", action=action, who=who, why=why, when=0, arguments=arguments
    )


class Told:
    """A board that is told things at times, and all its steps."""

    def __init__(self, rules: AlarmRules = QUIET, **policies: AlarmPolicy) -> None:
        self.rules = rules
        self.policies: Mapping[str, AlarmPolicy] = policies
        self.board = AlarmBoard(rules, policies)
        self.now = NOON
        self.steps: list[AlarmTransition] = []
        self.offset = 0
        self.step = 0

    def tell(self, message: Message, topic: str = "dqm.quality/0") -> list[AlarmTransition]:
        """One record, and what it leads to."""
        self.board.take(message, From(self.now, topic, self.offset))
        self.offset += 1
        return self.keep()

    def wait(self, seconds: float) -> list[AlarmTransition]:
        """Time passes, and is noticed."""
        self.now += round(seconds * SECOND)
        self.board.settle(self.now)
        return self.keep()

    def keep(self) -> list[AlarmTransition]:
        """The steps since last time."""
        self.step += 1
        kept = self.board.register.kept(step=self.step, positions={"dqm.quality/0": self.offset})
        made = [one for state in kept for one in state.made]
        self.steps += made
        return made

    def judge(self, outcomes: str, path: str = "Muon/pt") -> list[str]:
        """An LS for each letter, G(OOD), W(ARNING), B(AD), I(NSUFFICIENT); events that follow."""
        names = {"G": "GOOD", "W": "WARNING", "B": "BAD", "I": "INSUFFICIENT"}
        events = []
        for letter in outcomes:
            self.lumisection = getattr(self, "lumisection", 0) + 1
            message = reports(self.lumisection, outcome=names[letter], path=path)
            events += [one.event for one in self.tell(message)]
        return events

    def state(self, alarm: str = ALARM) -> str:
        """What is displayed of an alarm."""
        known = self.board.states.get(alarm)
        return "normal" if known is None else known.state
