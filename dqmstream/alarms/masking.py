"""Who masks whom: parents by the policies of alarms, sources by rules; never in a circle."""

from collections.abc import Callable, Iterable
from typing import Final

from dqmstream.alarms.rules import AlarmRules
from dqmstream.messages.alarms import AlarmState
from dqmstream.quality.pattern import matches

__all__ = ["Masking"]

_QUALITY: Final = "quality:"


class Masking:
    """Says by which alarm another is masked.

    An alarm masks while it is not normal, unless it is suppressed or out of service. Of alarms that
    would mask each other, directly or by way of others, the one raised first stays in sight:
    something always does.

    Parameters
    ----------
    rules
        What inhibits what.
    parent_of
        The pattern of an alarm's parents; empty for none. It may leave out `quality:`.
    """

    def __init__(self, rules: AlarmRules, parent_of: Callable[[AlarmState], str]) -> None:
        self._rules = rules
        self._parent_of = parent_of
        self._sources: dict[str, None] = {}
        self._of_pattern: dict[str, list[str]] = {}
        self._found: dict[str, str] = {}

    def settle(self, states: Iterable[AlarmState]) -> dict[str, str]:
        """Masked alarm to the alarm that masks it, of alarms that are not at rest."""
        restless = [one for one in states if one.life != "normal" or one.state != "normal"]
        raised = [
            one
            for one in restless
            if one.life != "normal" and not one.suppressed and not one.out_of_service
        ]
        raised.sort(key=lambda one: (one.raises[-1] if one.raises else one.since, one.alarm))
        self._sources = dict.fromkeys(one.alarm for one in raised)
        self._of_pattern = {}
        self._found = {}
        for state in restless:
            masker = self.masker(state)
            if masker:
                self._found[state.alarm] = masker
        return dict(self._found)

    def follow(self, rules: AlarmRules) -> None:
        """Go by other rules from the next `settle` on."""
        self._rules = rules

    def add(self, state: AlarmState) -> None:
        """An alarm was raised since all were settled."""
        if state.suppressed or state.out_of_service or state.alarm in self._sources:
            return
        self._sources[state.alarm] = None
        for pattern, known in self._of_pattern.items():
            if _named(pattern, state.alarm):
                known.append(state.alarm)
        if state.masked_by:
            self._found[state.alarm] = state.masked_by

    def masker(self, state: AlarmState) -> str:
        """By which alarm one is masked, as things stand; empty if by none."""
        patterns = [one.source for one in self._rules.inhibit if matches(one.target, state.alarm)]
        parent = self._parent_of(state)
        if parent:
            patterns.append(parent)
        for pattern in patterns:
            for source in self._matching(pattern):
                if source != state.alarm and not self._leads_to(source, state.alarm):
                    return source
        return ""

    def _matching(self, pattern: str) -> list[str]:
        """Raised alarms that match, the first raised first."""
        known = self._of_pattern.get(pattern)
        if known is None:
            known = [one for one in self._sources if _named(pattern, one)]
            self._of_pattern[pattern] = known
        return known

    def _leads_to(self, source: str, target: str) -> bool:
        """Whether `source` is masked by `target`, directly or by way of others."""
        while source in self._found:
            source = self._found[source]
            if source == target:
                return True
        return False


def _named(pattern: str, alarm: str) -> bool:
    return matches(pattern, alarm) or matches(pattern, alarm.removeprefix(_QUALITY))
