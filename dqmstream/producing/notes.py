"""What a producer notes in `dqm.checkpoints`: how far it is, and what its source decided."""

import asyncio

from dqmstream.errors import SourceError
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.producing.outlet import Outlet
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import AwaitedSource, EventSource

__all__ = ["Notes"]


class Notes:
    """Notes of one source in one run, one after the other: the last one stays."""

    def __init__(self, outlet: Outlet, source: EventSource) -> None:
        self._outlet = outlet
        self._source = source
        self._turn = asyncio.Lock()
        self._noted: Decisions | None = None
        self._done = 0

    async def resume(self, source: AwaitedSource, own: SourceCheckpoint | None) -> None:
        """Tell a source what it has decided in earlier lives; from here on it knows its first LS.

        Raises
        ------
        SourceError
            `second_incarnation` if it is read in another way than before.
        """
        if own is not None and own.incarnation != self._outlet.incarnation:
            detail = (
                f"run {source.run} {source.name!r} was begun as incarnation {own.incarnation!r} "
                f"and is now {self._outlet.incarnation!r}: its settings or columns are others, and "
                "what is sent now would be refused; send it as it was begun, or into another log"
            )
            raise SourceError("second_incarnation", detail)
        decisions = Decisions() if own is None else Decisions.noted(own)
        source.resume(decisions, 0 if own is None else own.lumisection)
        if own is None:
            await self.note(source.first_lumisection - 1)

    async def note(self, done: int, *, ended: bool = False) -> None:
        """Everything up to LS `done` is acknowledged; with it goes what was decided."""
        # Whoever waits for the turn must not bring back an older place.
        self._done = max(self._done, done)
        async with self._turn:
            decisions = self._decisions
            await self._outlet.checkpoint(self._done, ended=ended)
            self._noted = decisions

    async def note_decisions(self, done: int) -> None:
        """Return once all decisions so far are noted, so that they may be acted on."""
        if self._decisions is not self._noted:
            await self.note(done)

    @property
    def _decisions(self) -> Decisions | None:
        return self._source.decisions if isinstance(self._source, AwaitedSource) else None
