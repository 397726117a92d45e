"""Deployments as a gateway tells them: what is in force, what is planned, what runs beside."""

from dqmstream.deployments.standing import Standing, folded
from dqmstream.deployments.step import KIND
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory
from services.gateway.followed_versions import FollowedVersions

__all__ = ["DeploymentDesk"]


class DeploymentDesk:
    """Steps of deployments as this gateway knows them; they are taken by `dqmstream deploy`.

    Parameters
    ----------
    log
        Where they are published. A candidate's own has none: they stand on production's.
    """

    def __init__(self, log: Log) -> None:
        self._known = KnownHistory(log, KIND, "gateway")
        self._followed = FollowedVersions(self._known)
        self._folded: tuple[int, Standing] = (0, Standing())

    async def run(self) -> None:
        """Follow the steps, for ever."""
        await self._followed.run()

    async def steps(self) -> tuple[tuple[ConfigurationVersion, ...], Standing]:
        """All steps, the oldest first, and how deployments stand; ProblemError 503 if they are not
        read yet."""
        await self._followed.read()
        versions = tuple(self._known.history.versions)
        if self._folded[0] != len(versions):  # they are only ever added
            self._folded = len(versions), folded(versions)
        return versions, self._folded[1]
