"""What holds for all alarms: limits, escalation, what inhibits what, what is suppressed when.

A TOML file, every key of which may be missing::

    escalate_after = 900               # seconds
    flood_begins = 10                  # more alarms than this in `flood_seconds` are a flood,
    flood_ends = 5                     # which fewer than this end

    [process]                          # 0: never an alarm
    silent = 15                        # seconds without a heartbeat
    lag = 60                           # seconds that a reader may be behind
    starving = 90                      # seconds without events while a run goes on
    no_reports = 180                   # seconds without reports of a workspace while a run goes on
    condition = 180                    # seconds after which what a service said of itself is stale

    [[inhibit]]                        # while a source is raised its targets are masked
    source = "source:pixel"
    target = "quality:Pixel/**"

    [[suppress]]                       # by design
    target = "quality:Muon/**"
    run_type = "cosmics*"
    why = "no beam, no muons from it"
"""

import tomllib
from importlib import resources
from typing import Annotated

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.quality.pattern import compile_pattern, matches

__all__ = [
    "AlarmRules",
    "Inhibition",
    "ProcessLimits",
    "Suppression",
    "default_rules",
    "read_rules",
]

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_SecondsOrNever = Annotated[float, msgspec.Meta(ge=0, le=7 * 86_400)]
_Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ProcessLimits(Value, frozen=True, kw_only=True):
    """Seconds after which something about processes and streams is wrong; 0: it never is."""

    silent: _SecondsOrNever = 15.0
    lag: _SecondsOrNever = 60.0
    starving: _SecondsOrNever = 90.0
    no_reports: _SecondsOrNever = 180.0
    condition: _SecondsOrNever = 180.0


class Inhibition(Value, frozen=True, kw_only=True):
    """While an alarm that matches `source` is raised, those that match `target` are masked."""

    source: _Pattern
    target: _Pattern


class Suppression(Value, frozen=True, kw_only=True):
    """In runs whose type matches `run_type`, alarms that match `target` are of no interest."""

    target: _Pattern
    run_type: _Pattern
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class AlarmRules(Value, frozen=True, kw_only=True):
    """The rules in force. A flood is counted over `flood_seconds`, after ISA-18.2: ten minutes."""

    escalate_after: _SecondsOrNever = 900.0
    flood_begins: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    flood_ends: Annotated[int, msgspec.Meta(ge=1, le=60)] = 5
    flood_seconds: _Seconds = 600.0
    process: ProcessLimits = ProcessLimits()
    inhibit: tuple[Inhibition, ...] = ()
    suppress: tuple[Suppression, ...] = ()

    def __post_init__(self) -> None:
        if self.flood_ends > self.flood_begins + 1:
            msg = (
                f"flood_ends = {self.flood_ends} flood_begins = {self.flood_begins}: a flood that "
                "begins must not end at once"
            )
            raise ValueError(msg)
        for pattern in [
            *(text for one in self.inhibit for text in (one.source, one.target)),
            *(text for one in self.suppress for text in (one.target, one.run_type)),
        ]:
            compile_pattern(pattern)

    def suppressed(self, alarm: str, run_type: str) -> str:
        """Why an alarm is suppressed in runs of a type; empty if it is not."""
        for one in self.suppress:
            if matches(one.run_type, run_type) and matches(one.target, alarm):
                return one.why
        return ""


def default_rules() -> AlarmRules:
    """The rules that come with this release (`alarms/default.toml`)."""
    file = resources.files("dqmstream.alarms") / "default.toml"
    return read_rules(file.read_text(encoding="utf-8"), "default.toml")


def read_rules(text: str, file: str) -> AlarmRules:
    """The rules of a TOML file.

    Raises
    ------
    ConfigurationError
        Naming the file and the first key that is wrong.
    """
    try:
        return msgspec.convert(tomllib.loads(text), AlarmRules)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    except (msgspec.ValidationError, ValueError) as error:
        msg = f"{file}: {error}"
        raise ConfigurationError(msg) from error
