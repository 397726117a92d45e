"""The receivers that are told, each by a task of its own, which come and go while others go on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from dqmstream.clock import Clock
from services.notifier.address import Address
from services.notifier.routes_in_force import Routed
from services.notifier.sender import Sender
from services.notifier.senders import sender_of

__all__ = ["Served", "ServedReceivers"]


@dataclass(slots=True, eq=False)
class Served:
    """A receiver that is told, until another is in its place, or none."""

    name: str
    sender: Sender
    address: Address | None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _gone: bool = False

    def is_gone(self) -> bool:
        """Whether it is told no more."""
        return self._gone

    def end(self) -> None:
        """Tell it no more."""
        self._gone = True
        self.wake.set()


class ServedReceivers:
    """All of them by name.

    Parameters
    ----------
    senders
        Of the receivers of the file: whoever made them closes them.
    serve
        Tells one, for as long as it is not gone.
    tasks
        Where that runs.
    """

    def __init__(
        self,
        senders: Mapping[str, Sender],
        clock: Clock,
        serve: Callable[[Served], Awaitable[None]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._of_file = dict(senders)
        self._clock = clock
        self._serve = serve
        self._tasks = tasks
        self._served: dict[str, Served] = {}
        for name, sender in senders.items():
            self._begin(Served(name, sender, None))

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    @property
    def shown(self) -> dict[str, str]:
        """What may be shown of where each is, by name."""
        return {name: one.sender.address for name, one in self._served.items()}

    def follow(self, routed: Routed) -> None:
        """Tell the receivers of what is in force; one that is where it was goes on."""
        names, addresses = {one.name for one in routed.declared.receivers}, routed.addresses
        for name in list(self._served):
            if name not in names:
                self._end(name)
        for name in sorted(names):
            served, address = self._served.get(name), addresses.get(name)
            if served is not None and served.address == address:
                continue
            if served is not None:
                self._end(name)
            of_file = self._of_file.get(name)
            if address is not None:
                self._begin(Served(name, sender_of(address, self._clock), address))
            elif of_file is not None:
                self._begin(Served(name, of_file, None))

    def wake(self) -> None:
        """Let all look again what is due."""
        for one in self._served.values():
            one.wake.set()

    def _begin(self, served: Served) -> None:
        self._served[served.name] = served
        self._tasks.create_task(self._run(served), name=f"notifier tells {served.name}")

    def _end(self, name: str) -> None:
        self._served.pop(name).end()

    async def _run(self, served: Served) -> None:
        try:
            await self._serve(served)
        finally:
            if served.address is not None:
                await served.sender.close()
