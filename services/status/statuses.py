"""What a status report says, as printed and answered: topics, services, open LSs, problems."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "DeadStatus",
    "LineStatus",
    "OpenStatus",
    "PositionStatus",
    "ServiceStatus",
    "StatusReport",
    "TopicStatus",
]


class _Status(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TopicStatus(_Status):
    """One topic."""

    name: str
    partitions: int
    records: int = Field(
        description="Offsets between the first kept and the end; more than records if compacted."
    )
    newest: int | None = Field(
        description="When its newest record was appended, nanoseconds since 1970."
    )
    age: float | None = Field(description="Seconds since then.")


class LineStatus(_Status):
    """A warning or an error of a service's log."""

    when: int = Field(description="Nanoseconds since 1970.")
    level: str
    text: str


class DeadStatus(_Status):
    """Records of one topic that nobody could use, and why the newest of them could not be."""

    topic: str
    records: int
    when: int | None = Field(description="Of the newest, nanoseconds since 1970.")
    partition: int
    offset: int = Field(description="Where the newest came from.")
    reason: str
    detail: str


class ServiceStatus(_Status):
    """One service of one process, by its last heartbeat."""

    process: str
    service: str
    state: Literal["starting", "ready", "stopping", "stale"]
    age: float = Field(description="Seconds since its last heartbeat.")
    run: int | None
    lumisection: int | None
    lag: int | None = Field(
        description="Offsets not read yet, over all it reads; null if it reads nothing."
    )
    memory: int = Field(description="Resident bytes of its process.")
    counts: dict[str, int] = Field(description="What it has counted since its start.")
    waits_for: tuple[str, ...] = Field(description="What a watcher waits for, in words.")
    lines: tuple[LineStatus, ...] = Field(
        description="Its newest warnings and errors, the oldest first; at most 8."
    )


class PositionStatus(_Status):
    """How far one service is in one partition."""

    process: str
    service: str
    topic: str
    partition: int
    position: int = Field(description="The next offset it reads.")
    end: int = Field(description="The offset the next record will have.")
    lag: int = Field(description="Between the position of its last heartbeat and the end now.")


class OpenStatus(_Status):
    """A segment of an LS that is open; segment 0 is on time, others hold what came late."""

    run: int
    lumisection: int
    segment: int
    partitions: tuple[int, ...] = Field(description="Where it is open.")
    since: int = Field(
        description="Log time of its first record, nanoseconds since 1970; 0 if unknown."
    )
    age: float | None = Field(description="Seconds since then.")
    awaiting: tuple[str, ...] = Field(description="Sources whose end of this LS has not come.")


class StatusReport(_Status):
    """The whole system."""

    now: int = Field(description="Wall clock of whoever reports, nanoseconds since 1970.")
    log: str = Field(description="Identity of the log.")
    problems: tuple[str, ...] = Field(description="What somebody should look at; empty if nothing.")
    topics: tuple[TopicStatus, ...]
    services: tuple[ServiceStatus, ...]
    positions: tuple[PositionStatus, ...]
    open: tuple[OpenStatus, ...]
    missing: tuple[str, ...] = Field(
        description="Sources that were missed and have not spoken since."
    )
    dead: tuple[DeadStatus, ...] = Field(description="Dead letters, by topic; empty if none.")
