"""How deployments stand: a pure fold over the steps that were taken, in the order of their numbers.

A step that is not allowed where it stands, as of two people who decide at once, changes nothing:
it stays in the record as void. The order in which steps are read, and how often, changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from dqmstream.deployments.description import Described
from dqmstream.deployments.step import KIND, Action, ComparisonReport, read_step
from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.struct import Value

__all__ = ["Deployment", "Standing", "State", "folded", "refusal", "taken"]

State = Literal["planned", "running", "promoted", "superseded", "dropped", "rolled_back"]

_FROM: Final[Mapping[Action, frozenset[str]]] = {
    "plan": frozenset({"", "planned", "dropped", "rolled_back"}),
    "run": frozenset({"planned", "running"}),
    "promote": frozenset({"planned", "running"}),
    "drop": frozenset({"planned", "running"}),
    "rollback": frozenset({"promoted"}),
}
"""States in which a deployment must be for an action; empty is one that nobody has planned."""

_SAID: Final[Mapping[str, str]] = {
    "": "not planned",
    "rolled_back": "rolled back",
    "running": "running beside",
}


class Deployment(Value, frozen=True, kw_only=True):
    """One deployment: what it is made of, how it stands, and since when by whom."""

    name: str
    state: State
    described: Described
    summary: str = ""
    report: ComparisonReport | None = None
    url: str = ""
    who: str
    why: str
    when: int
    """Nanoseconds since 1970, of its last step."""


class Standing(Value, frozen=True, kw_only=True):
    """All deployments by name; `line` are those in force one after another, the current last."""

    deployments: dict[str, Deployment] = msgspec.field(default_factory=dict)
    line: tuple[str, ...] = ()
    void: tuple[int, ...] = ()
    """Numbers of steps that changed nothing."""

    @property
    def current(self) -> Deployment | None:
        """What is deployed."""
        return self.deployments[self.line[-1]] if self.line else None

    @property
    def previous(self) -> Deployment | None:
        """What was deployed before: a rollback goes there."""
        return self.deployments[self.line[-2]] if self.line[1:] else None

    @property
    def hash(self) -> str:
        """Of what is deployed; empty if nothing is."""
        return self.current.described.hash if self.current else ""


def refusal(standing: Standing, action: Action, name: str) -> str:
    """Why an action is not allowed now, in a sentence; empty if it is."""
    found = standing.deployments.get(name)
    state = found.state if found else ""
    if state not in _FROM[action]:
        is_now = _SAID.get(state, state)
        wanted = " or ".join(sorted(_SAID.get(one, one) for one in _FROM[action]))
        return f"{action} {name}: it is {is_now}, expected one that is {wanted}"
    if action == "rollback" and standing.previous is None:
        return f"rollback {name}: nothing was deployed before it"
    return ""


def folded(versions: Iterable[ConfigurationVersion]) -> Standing:
    """How deployments stand after these versions; those of other kinds do not count."""
    kept = {(one.number, one.when, one.hash): one for one in versions if one.kind == KIND}
    standing = Standing()
    for key in sorted(kept):
        standing = taken(standing, kept[key])
    return standing


def taken(standing: Standing, version: ConfigurationVersion) -> Standing:
    """How they stand after one more."""
    try:
        step = read_step(version.text)
    except ConfigurationError:
        return _voided(standing, version)  # of a newer release
    is_whole = step.action != "plan" or step.described is not None
    if not is_whole or refusal(standing, step.action, step.deployment):
        return _voided(standing, version)
    deployments, line = dict(standing.deployments), standing.line
    said: dict[str, Any] = {"who": version.who, "why": version.why, "when": version.when}
    name = step.deployment

    def put(one: str, state: State, **fields: Any) -> None:
        deployments[one] = msgspec.structs.replace(deployments[one], state=state, **said, **fields)

    match step.action:
        case "plan":
            assert step.described is not None  # noqa: S101 looked at above
            deployments[name] = Deployment(
                name=name,
                state="planned",
                described=step.described,
                summary=step.summary,
                report=step.report,
                **said,
            )
        case "run":
            put(name, "running", url=step.url)
        case "promote":
            if line:
                put(line[-1], "superseded")
            put(name, "promoted")
            line = (*line, name)
        case "drop":
            put(name, "dropped")
        case "rollback":
            put(name, "rolled_back")
            line = line[:-1]
            put(line[-1], "promoted")
    return Standing(deployments=deployments, line=line, void=standing.void)


def _voided(standing: Standing, version: ConfigurationVersion) -> Standing:
    return msgspec.structs.replace(standing, void=(*standing.void, version.number))
