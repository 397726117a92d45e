"""A step of a deployment: what somebody did with it, as the text of a configuration version."""

import re
from typing import Final, Literal

import msgspec

from dqmstream.deployments.description import Described
from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value

__all__ = [
    "KIND",
    "Action",
    "ComparisonReport",
    "Step",
    "check_name",
    "read_report",
    "read_step",
]

KIND: Final = "deployments"
"""The kind of configuration whose versions are steps of deployments."""

Action = Literal["plan", "run", "promote", "drop", "rollback"]

_MOST_COUNTS: Final = 32
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class ComparisonReport(Value, frozen=True, kw_only=True):
    """What `dqmstream playback compare` said: its verdict in a word, what it counted, its hash."""

    verdict: str
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    hash: str


class Step(Value, frozen=True, kw_only=True):
    """What was done with a deployment; who, why and when stand in the version around it.

    `before` and `after` are hashes of what was and is deployed then; empty if nothing. A plan
    brings the description, and what it changes as Markdown.
    """

    deployment: str
    action: Action
    before: str = ""
    after: str = ""
    described: Described | None = None
    summary: str = ""
    report: ComparisonReport | None = None
    url: str = ""
    """Page of a candidate that runs."""

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


def check_name(name: str) -> None:
    """Refuse a name of a deployment that cannot be one: its topics begin with it."""
    if not _NAME.fullmatch(name):
        msg = (
            f"deployment {name!r}: expected 1 to 40 small letters, digits and hyphens, beginning "
            "with a letter or a digit"
        )
        raise ConfigurationError(msg)


def read_step(text: str) -> Step:
    """The step of a version; ConfigurationError if it is none that this release knows."""
    try:
        return msgspec.json.decode(text, type=Step)
    except msgspec.DecodeError as error:
        msg = f"{KIND}: {error}"
        raise ConfigurationError(msg) from error


def read_report(text: bytes, name: str, digest: str) -> ComparisonReport:
    """What stands in the `report.json` of a comparison: its `verdict`, and its `counts` if any.

    Raises
    ------
    ConfigurationError
        If it is no report.
    """
    try:
        found = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        msg = f"{name}: no report of `dqmstream playback compare`: {error}"
        raise ConfigurationError(msg) from error
    verdict, counts = found.get("verdict"), found.get("counts", {})
    if not isinstance(verdict, str) or not isinstance(counts, dict):
        msg = f"{name}: no report of `dqmstream playback compare`: expected a verdict and counts"
        raise ConfigurationError(msg)
    numbers = {str(key): count for key, count in counts.items() if isinstance(count, int)}
    few = dict(list(numbers.items())[:_MOST_COUNTS])
    return ComparisonReport(verdict=verdict, counts=few, hash=digest)
