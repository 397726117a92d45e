"""The figures of verdicts on the synthetic detector: LSs until an alarm, and false alarms."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from dqmstream.alarms.judged import Evidence, weigh
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.alarms import AlarmLevel, JudgedLumisection
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.quality.compiled import CompiledTests, compile_tests
from dqmstream.quality.declaration import QualityTest, default_tests
from dqmstream.quality.inputs import Accepted, Inputs, Past
from dqmstream.quality.judgement import judge
from dqmstream.sources.synthetic import SyntheticConfig, synthetic_conditions
from dqmstream.sources.synthetic.faults import Fault, parse_fault
from dqmstream.workspaces.ecal import workspace as ecal
from dqmstream.workspaces.hlt import workspace as hlt
from dqmstream.workspaces.pixel import workspace as pixel
from playback.bench.faults.running import Filled, drawn, expected_of, filled
from playback.bench.row import Row

__all__ = ["Alarms", "figures"]

_BEFORE: Final = 12
_FAULTY: Final = 3
_RATE: Final = 200.0
_HELD: Final = 24
_SEEDS: Final = 5
_QUIET: Final = 1000
_FAULTS: Final[Mapping[str, str]] = {
    "one dead module of 224": "dead:pixel:layer2/module37",
    "one channel of 224 x5": "hot:pixel:layer2/module37*5",
    "rate -20 %": "rate*0.8",
    "timing +0.5 bin": "timing:ecal+0.1ns",
    "gain -3 %": "gain:pixel:layer1-3%",
}


_LEVELS: Final[Mapping[Outcome, AlarmLevel]] = {
    Outcome.GOOD: "OK",
    Outcome.WARNING: "WARNING",
    Outcome.BAD: "BAD",
    Outcome.ERROR: "BAD",
}
_AT_REST: Final = Evidence((), "OK", leaning=False)


class Alarms:
    """Raised by verdicts as those of the service of alarms are, for a test that fails too."""

    def __init__(self, tests: Sequence[QualityTest]) -> None:
        self._policies = {test.name: test.alarm for test in tests}
        self._known: dict[tuple[str, str], Evidence] = {}
        self._taken = 0

    def take(self, verdicts: Mapping[tuple[str, str], Outcome]) -> list[tuple[str, str]]:
        """The verdicts of the next LS by path and test; the alarms that are raised by them."""
        self._taken += 1
        new = []
        for key, outcome in verdicts.items():
            policy, level = self._policies[key[1]], _LEVELS.get(outcome)
            if level is None or not policy.enabled:
                continue
            before = self._known.get(key, _AT_REST)
            verdict = JudgedLumisection(run=1, lumisection=self._taken, level=level)
            now = weigh(before.judged, verdict, before=before.level, policy=policy)
            self._known[key] = now
            if before.level == "OK" and now.level != "OK":
                new.append(key)
        return new


def figures(*, quick: bool) -> Iterator[Row]:
    """All rows. LSs with faults are filled from events; quiet ones are drawn, see `drawn`."""
    setup = _setup()
    for words, fault in _FAULTS.items():
        yield from _of_fault(words, fault, setup)
    seeds, quiet = (1, 100) if quick else (_SEEDS, _QUIET)
    yield from _of_quiet(setup, seeds=seeds, quiet=quiet)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Setup:
    """The shipped tests of some workspaces, and usual LSs."""

    layouts: Sequence[Layout]
    compiled: CompiledTests
    tests: Sequence[QualityTest]
    usual: Sequence[Filled]


def _setup() -> _Setup:
    layouts, tests = [Layout(pixel), Layout(ecal), Layout(hlt)], default_tests()
    return _Setup(
        layouts=layouts,
        compiled=compile_tests(tests, layouts),
        tests=tests,
        usual=[filled(_config(), layouts, number) for number in range(1, _BEFORE + 1)],
    )


def _config(*faults: Fault) -> SyntheticConfig:
    return SyntheticConfig(
        run=1,
        seed=11,
        lumisections=_BEFORE + _FAULTY,
        rate=_RATE,
        faults=faults,
        subsystems=("pixel", "ecal", "hlt"),
    )


def _of_fault(words: str, text: str, setup: _Setup) -> Iterator[Row]:
    """LSs from the first one with the fault to an alarm, that one counted."""
    alarms, judged = Alarms(setup.tests), _judging(setup.compiled)
    before = sum(len(alarms.take(judged(number, one))) for number, one in enumerate(setup.usual, 1))
    first, by = None, ""
    for number in range(_BEFORE + 1, _BEFORE + _FAULTY + 1):
        # Each LS of its own, so that a gain does not fall on from LS to LS.
        fault = parse_fault(f"{text}@{number}-{number}")
        raised = alarms.take(judged(number, filled(_config(fault), setup.layouts, number)))
        if raised and first is None:
            first, by = number - _BEFORE, ", ".join(sorted({name for _, name in raised}))
    yield Row(
        name=f"{words}: LSs until an alarm ({by or f'none in {_FAULTY}'})",
        value=first or _FAULTY + 1,
        unit="LSs",
        goal=2,
        higher_is_better=False,
    )
    yield Row(
        name=f"{words}: alarms in {_BEFORE} LSs before",
        value=before,
        unit="",
        goal=0,
        higher_is_better=False,
    )


def _of_quiet(setup: _Setup, *, seeds: int, quiet: int) -> Iterator[Row]:
    raised: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    reports = 0
    expected = expected_of(setup.usual)
    start = time.process_time()
    for seed in range(1, seeds + 1):
        random = np.random.default_rng(seed)
        alarms, judged = Alarms(setup.tests), _judging(setup.compiled)
        for number in range(1, quiet + 1):
            verdicts = judged(number, drawn(expected, random))
            reports += sum(outcome in _LEVELS for outcome in verdicts.values())
            bad.update(
                name for (_, name), outcome in verdicts.items() if _LEVELS.get(outcome) == "BAD"
            )
            raised.update(name for _, name in alarms.take(verdicts))
    lumisections = seeds * quiet
    words = f"{lumisections} quiet LSs drawn"
    per = 1000 / lumisections
    yield Row(
        name=f"{words}: false alarms per 1000 LSs",
        value=raised.total() * per,
        unit="",
        goal=1,
        higher_is_better=False,
    )
    yield Row(
        name=f"{words}: BAD verdicts per LS",
        value=bad.total() / lumisections,
        unit="",
        higher_is_better=False,
    )
    for name, count in raised.most_common(5):
        yield Row(name=f"{words}: alarms of {name}", value=count, unit="", higher_is_better=False)
    yield Row(name=f"{words}: verdicts", value=reports, unit="")
    seconds = (time.process_time() - start) / lumisections
    yield Row(
        name=f"{words}: time to draw and judge one",
        value=1e3 * seconds,
        unit="ms",
        higher_is_better=False,
    )


def _judging(
    compiled: CompiledTests,
) -> Callable[[int, Filled], dict[tuple[str, str], Outcome]]:
    """A function of LS and contents; what it is given before is the past of what comes."""
    past: dict[str, deque[tuple[Past, Conditions]]] = {}

    def judged(number: int, contents: Filled) -> dict[tuple[str, str], Outcome]:
        verdicts: dict[tuple[str, str], Outcome] = {}
        conditions = _conditions(number)
        for one in contents:
            held = past.setdefault(one.layout.hash, deque(maxlen=_HELD))

            def before(
                lumisections: int,
                accepted: Accepted,
                held: deque[tuple[Past, Conditions]] = held,
            ) -> Sequence[Past]:
                found = [one for one, known in held if accepted(known)]
                return found[-lumisections:] if lumisections else []

            reports = judge(
                one,
                compiled.workspaces[one.layout.hash],
                scope="lumisection",
                set_hash="bench",
                run=1,
                lumisection=number,
                complete=True,
                versions=(number,),
                conditions=conditions,
                inputs=Inputs(past=before),
            )
            verdicts |= {(each.path, each.qtname): each.outcome for each in reports.reports}
            held.append((_as_past(conditions, one), conditions))
        return verdicts

    return judged


def _conditions(number: int) -> Conditions:
    """Those of an LS; of quiet ones too, which are drawn as if pile-up did not fall."""
    usual = synthetic_conditions(_config(), min(number, _BEFORE))
    return replace(usual, lumisection=number)


def _as_past(conditions: Conditions, contents: Contents) -> Past:
    number, recorded = conditions.lumisection, conditions.recorded
    return Past(lumisection=number, contents=contents, luminosity=recorded)
