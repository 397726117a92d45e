"""Conditions, alarms, commands and heartbeats: what surrounds the histograms."""

from typing import Literal

from dqmstream.messages.struct import Message

__all__ = ["AlarmState", "AlarmTransition", "Command", "Conditions", "Dead", "Heartbeat"]


class Conditions(Message, frozen=True, kw_only=True, tag=True):
    """What is known of one LS besides its events. Luminosity in /cm2/s, pile-up in interactions."""

    run: int
    lumisection: int
    run_type: str = ""
    fill: int | None = None
    beam_mode: str = ""
    luminosity: float | None = None
    pileup: float | None = None
    prescale_index: int | None = None
    dcs: dict[str, bool] = {}


class AlarmTransition(Message, frozen=True, kw_only=True, tag=True):
    """One step of an alarm: from where to where, who, why, when (nanoseconds since 1970)."""

    alarm: str
    before: str
    after: str
    who: str
    why: str
    when: int
    run: int
    lumisection: int


class AlarmState(Message, frozen=True, kw_only=True, tag=True):
    """Where an alarm stands: one per (workspace or path, qtname), across runs and LSs."""

    alarm: str
    state: Literal["normal", "raised", "acknowledged", "returned"]
    flags: tuple[str, ...] = ()
    since: int
    run: int
    lumisection: int


class Command(Message, frozen=True, kw_only=True, tag=True):
    """A person's decision: acknowledge, shelve, set a reference, sign off, change configuration."""

    subject: str
    action: str
    who: str
    why: str
    when: int
    arguments: dict[str, str] = {}


class Heartbeat(Message, frozen=True, kw_only=True, tag=True):
    """One process says what it does and how far it is."""

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
