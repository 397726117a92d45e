"""Conditions, commands and heartbeats: what surrounds the histograms."""

from typing import ClassVar, Literal

from dqmstream.messages.struct import Message, Value

__all__ = [
    "Command",
    "Conditions",
    "Dead",
    "Heartbeat",
    "LogLine",
    "OpenLumisection",
]


class Conditions(Message, frozen=True, kw_only=True, tag=True):
    """What is known of one LS besides its events; what is not known is None or empty, never 0.

    `luminosity` is instantaneous, its mean over the LS, in /cm2/s; `delivered` and `recorded` are
    integrated over the LS, in /pb; `pileup` is the mean number of interactions in a crossing;
    `energy` is that of one beam, in GeV (of ions: for each unit of charge).
    """

    version: ClassVar[int] = 3

    run: int
    lumisection: int
    run_type: str = ""
    fill: int | None = None
    beam_mode: str = ""
    luminosity: float | None = None
    pileup: float | None = None
    prescale_index: int | None = None
    dcs: dict[str, bool] = {}
    """Part of the detector to whether its voltages are on."""
    prescale_name: str = ""
    delivered: float | None = None
    recorded: float | None = None
    beams_stable: bool | None = None
    """Whether both beams were declared stable: known of more LSs than the beam mode is."""
    physics: bool | None = None
    """Whether data of the LS were taken for physics."""
    energy: float | None = None


class Command(Message, frozen=True, kw_only=True, tag=True):
    """A person's decision: acknowledge, shelve, set a reference, sign off, change configuration."""

    subject: str
    action: str
    who: str
    why: str
    when: int
    arguments: dict[str, str] = {}


class OpenLumisection(Value, frozen=True, kw_only=True):
    """A segment of an LS that is open on one partition, and what it waits for."""

    run: int
    lumisection: int
    segment: int
    partition: int
    since: int = 0
    """Log time of the record that opened it, nanoseconds since 1970; 0 if not known."""
    awaiting: tuple[str, ...] = ()
    """Sources whose LumisectionEnd has not come."""


class LogLine(Value, frozen=True, kw_only=True):
    """A line of a service's log, without secrets; the log itself has all of them."""

    when: int
    """Wall clock, nanoseconds since 1970."""
    level: str
    """`warning`, `error` or `critical`."""
    text: str
    """What was said, and its fields as `name=value`; at most 300 characters."""


class Heartbeat(Message, frozen=True, kw_only=True, tag=True):
    """One process says what it does and how far it is."""

    version: ClassVar[int] = 5

    process: str
    service: str
    state: Literal["starting", "ready", "stopping"]
    when: int
    """Wall clock, nanoseconds since 1970."""
    run: int | None = None
    lumisection: int | None = None
    positions: dict[str, int] = {}
    """`topic/partition` to the next offset to read."""
    counts: dict[str, int] = {}
    memory: int = 0
    """Resident bytes."""
    open: tuple[OpenLumisection, ...] = ()
    """What a filler has open, the oldest first; at most 64."""
    missing: tuple[str, ...] = ()
    """Sources that were missed when an LS closed, and have not spoken since."""
    waits_for: tuple[str, ...] = ()
    """What a watcher of folders waits for, in words; at most 64."""
    lines: tuple[LogLine, ...] = ()
    """The newest warnings and errors of its log, the oldest first; at most 8."""
    held: dict[str, int] = {}
    """Workspace to bytes of its contents that a filler holds; the 256 largest."""


class Dead(Message, frozen=True, kw_only=True, tag=True):
    """A record that could not be used, whole, on `<topic>.dead`."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None
    value: bytes | None = None
