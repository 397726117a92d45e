"""How quality tests, their verdicts and alarms differ. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from dqmstream.messages.quality import QualityReports
from playback.comparing.finding import Finding, Kind, lumisections_text
from playback.comparing.results import AlarmStep, DeclaredTest

__all__ = ["VerdictComparison", "alarm_findings", "test_findings"]

_LONGEST: Final = 120
_Place = tuple[str, str, str, str]
"""Workspace, path, quality test and scope."""


def test_findings(
    production: Sequence[DeclaredTest], candidate: Sequence[DeclaredTest]
) -> tuple[Finding, ...]:
    """Quality tests that came, went, or are declared otherwise."""
    old, new = {one.name: one for one in production}, {one.name: one for one in candidate}
    found = list[Finding]()
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            found.append(_test(Kind.TEST_ADDED, after, _declared(after)))
        elif after is None and before is not None:
            found.append(_test(Kind.TEST_REMOVED, before, _declared(before)))
        elif before is not None and after is not None:
            if before.enabled != after.enabled:
                kind = Kind.TEST_ENABLED if after.enabled else Kind.TEST_DISABLED
                found.append(_test(kind, after, "switched on" if after.enabled else "switched off"))
            if told := list(_changes(before, after)):
                found.append(_test(Kind.TEST_CHANGED, after, "; ".join(told)))
    return tuple(found)


def _test(kind: Kind, test: DeclaredTest, text: str) -> Finding:
    return Finding(
        kind=kind, subject=test.name, workspace=test.workspace, test=test.name, text=text
    )


def _declared(test: DeclaredTest) -> str:
    return f"{test.declared.get('algorithm', 'a quality test')} on {test.path or 'elements'}"


def _changes(before: DeclaredTest, after: DeclaredTest) -> Iterator[str]:
    old, new = _flat(before), _flat(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            yield f"{name} from {_short(was)} to {_short(now)}"


def _flat(test: DeclaredTest) -> dict[str, Any]:
    """What is declared by name: `parameters.share`, `alarm.bad`."""
    flat: dict[str, Any] = {"workspace": test.workspace, "path": test.path}
    for name, value in test.declared.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            flat[name] = value
    return flat


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class VerdictComparison:
    """Outcomes of both sides, LS by LS.

    Parameters
    ----------
    paths
        Workspace and path of elements that both sides have: of others it is said that they came
        or went.
    tests
        Names of quality tests that both sides have, and have switched on.
    """

    def __init__(self, paths: Iterable[tuple[str, str]], tests: Iterable[str] | None) -> None:
        self._paths = frozenset(paths)
        self._tests = None if tests is None else frozenset(tests)
        self._found: dict[tuple[_Place, str, str], list[int]] = {}
        self.compared = 0
        self.lumisections = 0

    def compare(
        self,
        number: int,
        production: Iterable[QualityReports],
        candidate: Iterable[QualityReports],
    ) -> None:
        """Reports of one LS."""
        self.lumisections += 1
        old, new = dict(self._outcomes(production)), dict(self._outcomes(candidate))
        for place in old.keys() | new.keys():
            self.compared += 1
            before, after = old.get(place, "no report"), new.get(place, "no report")
            if before != after:
                self._found.setdefault((place, before, after), []).append(number)

    def _outcomes(self, messages: Iterable[QualityReports]) -> Iterator[tuple[_Place, str]]:
        for message in messages:
            for one in message.reports:
                known = (message.workspace, one.path) in self._paths
                if known and (self._tests is None or one.qtname in self._tests):
                    place = (message.workspace, one.path, one.qtname, message.scope)
                    yield place, one.outcome.value

    def findings(self) -> Iterator[Finding]:
        """Verdicts that changed, by workspace, path, quality test and scope."""
        for (place, before, after), numbers in sorted(self._found.items()):
            workspace, path, test, scope = place
            of = "" if scope == "lumisection" else f" over {scope}"
            where = lumisections_text(tuple(numbers), self.lumisections)
            yield Finding(
                kind=Kind.VERDICT,
                subject=path,
                workspace=workspace,
                test=test,
                lumisections=tuple(numbers),
                before=before,
                after=after,
                text=f"{test}{of} from {before} to {after} {where}",
            )


def alarm_findings(
    production: Sequence[AlarmStep], candidate: Sequence[AlarmStep], *, until: int
) -> Iterator[Finding]:
    """Alarms whose steps differ.

    Parameters
    ----------
    until
        The last LS that both sides have: steps after it are not compared.
    """
    old, new = _steps(production, until), _steps(candidate, until)
    for alarm in sorted(old.keys() | new.keys()):
        before, after = old.get(alarm, Counter()), new.get(alarm, Counter())
        gone, come = before - after, after - before
        if gone or come:
            told = [f"no longer {_words(gone)}"] if gone else []
            told += [f"now {_words(come)}"] if come else []
            yield Finding(
                kind=Kind.ALARM,
                subject=alarm,
                lumisections=tuple(sorted({number for number, _, _ in gone | come})),
                text="; ".join(told),
            )


_Step = tuple[int, str, str]


def _steps(steps: Sequence[AlarmStep], until: int) -> Mapping[str, Counter[_Step]]:
    found: dict[str, Counter[_Step]] = {}
    for one in steps:
        if one.lumisection <= until:
            own = found.setdefault(one.alarm, Counter())
            own[one.lumisection, one.event, one.after] += 1
    return found


def _words(steps: Counter[_Step]) -> str:
    told = [f"{event} at LS {number}" for number, event, _ in sorted(steps)]
    more = f" and {len(told) - 6} steps more" if len(told) > 6 else ""
    return f"{', '.join(told[:6])}{more}"
