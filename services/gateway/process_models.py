"""What HTTP answers about processes: which are alive, and how this gateway is."""

from typing import Literal

from pydantic import Field

from services.gateway.models import Answer

__all__ = ["Health", "PulseAnswer", "Readiness"]


class ProcessRow(Answer):
    """The last heartbeat of a process."""

    process: str
    service: str
    state: Literal["starting", "ready", "stopping", "stale"]
    when: int = Field(description="Nanoseconds since 1970.")
    run: int | None
    lumisection: int | None
    memory: int = Field(description="Resident bytes.")


class PulseAnswer(Answer):
    """Which processes are alive, and how old the live numbers are."""

    now: int = Field(description="The gateway's wall clock, nanoseconds since 1970.")
    newest_set: int | None = Field(description="When the newest histogram set came.")
    stale_after: float = Field(description="Seconds of silence after which a process is stale.")
    data_stale_after: float = Field(description="The same for histogram sets.")
    rejected: dict[str, int] = Field(description="Records that could not be used, by reason.")
    processes: list[ProcessRow]


class Health(Answer):
    """The gateway answers."""

    alive: Literal[True]


class Readiness(Answer):
    """Whether the gateway has read the log up to where it ended when it started, and goes on."""

    ready: bool
    stopping: bool = Field(description="It was told to stop: send what comes to another one.")
    lag: dict[str, int] = Field(description="Offsets not read yet, by topic.")
