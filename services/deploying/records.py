"""Steps of deployments on the log: read, and taken."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from dqmstream.clock import Clock
from dqmstream.configuration.history import History
from dqmstream.deployments.standing import Standing, folded, refusal
from dqmstream.deployments.step import KIND, Step
from dqmstream.errors import ConfigurationError, LogUnavailableError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory, version_records

__all__ = ["Steps", "read_steps", "take_step"]

_SERVICE: Final = "deploy"
_PATIENCE: Final = 20.0


class Steps(NamedTuple):
    """All steps, the oldest first, and how deployments stand after them."""

    versions: tuple[ConfigurationVersion, ...]
    standing: Standing

    @classmethod
    def of(cls, history: History) -> "Steps":
        """The steps of a history, folded."""
        versions = tuple(history.versions)
        return cls(versions, folded(versions))


async def read_steps(log: Log) -> Steps:
    """All that were taken so far."""
    async with KnownHistory(log, KIND, _SERVICE).reading() as known:
        return Steps.of(known.history)


async def take_step(
    log: Log, make: Callable[[Standing], Step], *, who: str, why: str, clock: Clock
) -> tuple[Steps, ConfigurationVersion]:
    """Take a step, if it is allowed as deployments stand.

    Parameters
    ----------
    make
        The step, from how they stand.

    Returns
    -------
    All steps with this one, and the version it is.

    Raises
    ------
    ConfigurationError
        If it is not allowed, or if somebody took another at the same moment after which it is not:
        then nothing has changed.
    LogUnavailableError
        If it does not come back from the log.
    """
    async with KnownHistory(log, KIND, _SERVICE).reading() as known:
        standing = Steps.of(known.history).standing
        step = make(standing)
        if why_not := refusal(standing, step.action, step.deployment):
            raise ConfigurationError(why_not)
        version = known.history.next_version(step.text(), who=who, why=why, when=clock.wall())
        await log.send(version_records(version, step.action))
        try:
            async with asyncio.timeout(_PATIENCE):
                while version not in known.history.versions:
                    await known.news(timeout=1.0)
        except TimeoutError as error:
            msg = f"step {version.number} was written, and did not come back in {_PATIENCE:g} s"
            raise LogUnavailableError(msg) from error
        steps = Steps.of(known.history)
    before = folded(one for one in steps.versions if _place(one) < _place(version))
    if why_not := refusal(before, step.action, step.deployment):
        msg = f"somebody else decided at the same moment, and nothing has changed: {why_not}"
        raise ConfigurationError(msg)
    return steps, version


def _place(version: ConfigurationVersion) -> tuple[int, int, str]:
    return version.number, version.when, version.hash
