"""Random lives of an alarm against a model that knows no log, with a restart between any steps.

The board is written and read back as the service does it: states after some steps, a checkpoint
now and then; what came after the checkpoint is read again. The model sees everything once.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.displayed import unacknowledged
from dqmstream.alarms.register import From
from dqmstream.alarms.rules import AlarmRules
from dqmstream.alarms.stood import stood_at
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition
from dqmstream.messages.operations import Command
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.quality.alarm_policy import AlarmPolicy
from tests.unit.alarms.told import ALARM, NOON, SECOND, command, reports

LEVELS = {"GOOD": 0, "WARNING": 1, "BAD": 2}
ESCALATE = 120


@dataclass
class Model:
    """One alarm, written down as simply as can be: everything is remembered, nothing is packed."""

    policy: AlarmPolicy
    verdicts: list[int] = field(default_factory=list)
    condition: int = 0
    life: str = "normal"
    level: int = 0
    pending: float | None = None
    clearing: float | None = None
    waiting: float | None = None
    escalations: int = 0
    shelf: tuple[float, bool] | None = None
    out: bool = False
    raised: int = 0

    def pass_time(self, now: float) -> None:
        if self.shelf is not None and now >= self.shelf[0]:
            self.unshelve(now)
        self.follow(now)
        hidden = self.out or self.shelf is not None
        if self.waiting is not None and not hidden and self.escalations < 1:
            self.escalations += now >= self.waiting + ESCALATE

    def judge(self, outcome: str, now: float) -> None:
        self.pass_time(now)
        level = LEVELS[outcome]
        if self.policy.on == "BAD" and level == 1:
            level = 0
        self.verdicts.append(level)
        last = self.verdicts[-self.policy.of :]
        if self.condition:
            good = self.verdicts[-self.policy.good :]
            if len(good) == self.policy.good and not any(good):
                self.condition, self.verdicts = 0, []
        if self.verdicts:
            if last.count(2) >= self.policy.bad:
                self.condition = 2
            elif len(last) - last.count(0) >= self.policy.bad:
                self.condition = 1
        self.follow(now)

    def follow(self, now: float) -> None:
        active = self.life in {"raised", "acknowledged"}
        if self.condition:
            self.clearing = None
            if active:
                self.follow_level(now)
                return
            self.pending = now if self.pending is None else self.pending
            if now - self.pending >= self.policy.on_delay:
                self.pending = None
                self.raised += 1
                if self.life == "returned":
                    self.level = max(self.level, self.condition)
                else:
                    self.level, self.waiting, self.escalations = self.condition, now, 0
                self.life = "raised"
            return
        self.pending = None
        if not active:
            return
        self.clearing = now if self.clearing is None else self.clearing
        if now - self.clearing >= self.policy.off_delay:
            self.clearing = None
            if self.life == "raised" and self.policy.latch:
                self.life = "returned"
            else:
                self.rest()
            if self.shelf is not None and self.shelf[1]:
                self.unshelve(now)

    def follow_level(self, now: float) -> None:
        if self.condition > self.level:
            self.level = self.condition
            if self.life == "acknowledged":
                self.life, self.waiting, self.escalations = "raised", now, 0
                self.raised += 1
        elif not self.policy.latch:
            self.level = self.condition

    def rest(self) -> None:
        self.life, self.level, self.waiting, self.escalations = "normal", 0, None, 0

    def acknowledge(self, now: float) -> None:
        self.pass_time(now)
        if self.life == "raised":
            self.life, self.waiting = "acknowledged", None
        elif self.life == "returned":
            self.rest()

    def shelve(self, until: float, one_shot: bool, now: float) -> None:
        self.pass_time(now)
        self.shelf = (until, one_shot)

    def unshelve(self, now: float) -> None:
        if self.shelf is not None:
            self.shelf = None
            self.waiting = None if self.waiting is None else now

    def take_out(self, now: float) -> None:
        self.pass_time(now)
        self.out = True

    def put_back(self, now: float) -> None:
        self.pass_time(now)
        if self.out:
            self.out = False
            self.waiting = None if self.waiting is None else now


class Lives(RuleBasedStateMachine):
    """The board and the model, side by side."""

    @initialize(
        policy=st.builds(
            AlarmPolicy,
            severity=st.just("medium"),
            on=st.sampled_from(["BAD", "WARNING"]),
            bad=st.integers(1, 2),
            of=st.integers(2, 4),
            good=st.integers(1, 4),
            latch=st.booleans(),
            on_delay=st.sampled_from([0.0, 30.0]),
            off_delay=st.sampled_from([0.0, 30.0]),
        )
    )
    def begin(self, policy: AlarmPolicy) -> None:
        self.policies = {"spectrum": policy}
        self.rules = AlarmRules(escalate_after=ESCALATE)
        self.board = AlarmBoard(self.rules, self.policies)
        self.model = Model(policy)
        self.now = NOON
        self.records: list[tuple[Message, From]] = []
        self.written: dict[str, bytes] = {}
        self.checkpoint: tuple[int, AlarmCheckpoint | None] = (0, None)
        self.step = 0
        self.lumisection = 0
        self.exists = False
        self.told: dict[int, AlarmTransition] = {}
        self.stood: dict[int, AlarmState] = {}

    # ------------------------------------------------------------------ inputs

    def send(self, message: Message) -> None:
        topic = "dqm.commands/0" if isinstance(message, Command) else "dqm.quality/0"
        source = From(self.now, topic, len(self.records))
        self.records.append((message, source))
        self.board.take(message, source)

    @rule(outcome=st.sampled_from(["GOOD", "GOOD", "WARNING", "BAD", "BAD", "INSUFFICIENT"]))
    def judge(self, outcome: str) -> None:
        self.lumisection += 1
        self.send(reports(self.lumisection, outcome=outcome))
        if outcome == "INSUFFICIENT":
            return
        counts = LEVELS[outcome] > (self.model.policy.on == "BAD")
        self.exists = self.exists or counts
        if self.exists:
            self.model.judge(outcome, self.seconds)

    @rule()
    def judge_twice(self) -> None:
        """A report that comes again, of the same LS, changes nothing."""
        said = [one for one, _ in self.records if isinstance(one, QualityReports)]
        if said and said[-1].reports[0].outcome != "INSUFFICIENT":
            alarm = self.board.states.get(ALARM)
            # What ended an alarm is forgotten: the same LS may begin to count anew.
            if alarm is not None and alarm.judged:
                self.send(said[-1])
                self.model.pass_time(self.seconds)

    @precondition(lambda self: self.exists)
    @rule()
    def acknowledge(self) -> None:
        self.send(command("acknowledge"))
        self.model.acknowledge(self.seconds)

    @precondition(lambda self: self.exists)
    @rule(seconds=st.sampled_from([10, 45, 300]), one_shot=st.booleans())
    def shelve(self, seconds: int, one_shot: bool) -> None:
        until = self.now + seconds * SECOND
        self.send(command("shelve", until=str(until), one_shot=str(one_shot).lower()))
        self.model.shelve(self.seconds + seconds, one_shot, self.seconds)

    @precondition(lambda self: self.exists)
    @rule()
    def unshelve(self) -> None:
        self.send(command("unshelve"))
        self.model.pass_time(self.seconds)
        self.model.unshelve(self.seconds)

    @precondition(lambda self: self.exists)
    @rule(out=st.booleans())
    def serve(self, out: bool) -> None:
        self.send(command("out_of_service" if out else "in_service"))
        if out:
            self.model.take_out(self.seconds)
        else:
            self.model.put_back(self.seconds)

    @rule(seconds=st.sampled_from([1, 10, 29, 31, 130]))
    def wait(self, seconds: int) -> None:
        # Time is noticed only of what is kept: before that the log is read to its end.
        self.keep()
        self.now += seconds * SECOND
        self.board.settle(self.now)
        self.keep()
        if self.exists:
            self.model.pass_time(self.seconds)

    # ----------------------------------------------------------------- restart

    @rule()
    def keep(self) -> None:
        """States are written; and their transitions told, each once and without a gap."""
        self.step += 1
        positions = {"dqm.quality/0": len(self.records), "dqm.commands/0": len(self.records)}
        for state in self.board.register.kept(step=self.step, positions=positions):
            self.written[state.alarm] = CODEC.encode(state).value
            for made in state.made:
                if made.alarm == ALARM:
                    assert made.number == len(self.told) + 1
                    before = self.told[made.number - 1].after if self.told else "normal"
                    assert made.before == before
                    self.told[made.number] = made
        if ALARM in self.board.states:
            self.stood[self.now] = self.board.states[ALARM]

    @rule()
    def make_checkpoint(self) -> None:
        self.keep()
        positions = {"dqm.quality/0": len(self.records)}
        made = self.board.checkpoint(
            group="alarms", log="log", step=self.step, positions=positions, told=0, now=self.now
        )
        self.checkpoint = (len(self.records), made)

    @rule()
    def restart(self) -> None:
        """The process dies; another reads again what came after the checkpoint."""
        position, checkpoint = self.checkpoint
        headers = CODEC.encode(AlarmState(alarm="", state="normal", since=0, run=0, lumisection=0))
        states = []
        for value in self.written.values():
            state = CODEC.decode(headers.headers, value)
            assert isinstance(state, AlarmState)
            states.append(state)
        if checkpoint is not None:
            wired = CODEC.encode(copy.deepcopy(checkpoint))
            decoded: Any = CODEC.decode(*wired)
            checkpoint = decoded
        self.board = AlarmBoard(self.rules, self.policies, states=states, before=checkpoint)
        for message, source in self.records[position:]:
            self.board.take(message, source)

    # --------------------------------------------------------------------- laws

    @property
    def seconds(self) -> float:
        return self.now / SECOND

    @invariant()
    def equal(self) -> None:
        state = getattr(self, "board", None) and self.board.states.get(ALARM)
        if not state:
            return
        model = self.model
        found = (state.life, LEVELS.get(state.level.replace("OK", "GOOD")), state.escalations)
        assert found == (model.life, model.level, model.escalations)
        assert (state.shelf is not None, bool(state.out_of_service)) == (
            model.shelf is not None,
            model.out,
        )
        assert (state.pending is not None, state.clearing is not None) == (
            model.pending is not None,
            model.clearing is not None,
        )
        if model.out:
            assert state.state == "out_of_service"
        elif model.shelf is not None:
            assert state.state == "shelved"
        elif model.life == "returned":
            assert state.state == "returned"

    def teardown(self) -> None:
        if not hasattr(self, "board"):
            return
        self.keep()
        raised = [one for one in self.told.values() if one.event == "raised"]
        assert len(raised) == self.model.raised
        # The steps alone say how it stood at any moment.
        for moment, state in self.stood.items():
            found = stood_at(self.told.values(), moment).get(ALARM)
            if found is None:
                assert (state.state, state.number) == ("normal", 0)
                continue
            assert found.step.number == state.number
            assert (found.step.after, found.step.life) == (state.state, state.life)
            assert found.unacknowledged == unacknowledged(state)
            assert found.since == state.since


Lives.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLives = pytest.mark.timeout(300)(Lives.TestCase)
