"""Announcing a set: its bookings, and from which run on readers show it."""

from collections.abc import Mapping

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.booking import Activation
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, CHECKPOINTS, CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["activate", "activations", "announce", "decoded"]


async def announce(
    log: Log, booking_set: BookingSet, *, clock: Clock, who: str, from_run: int | None = None
) -> None:
    """Put a set's bookings on `dqm.bookings`, and say from which run on readers show it.

    Any number of processes may announce the same set, at once and again: a set that was activated
    before stays as it is, and one that two processes activate at once is shown from the lower run.

    Parameters
    ----------
    who
        Name in the record.
    from_run
        None is the rule: the first set of a log from run 1 on, another one from the next run on,
        so that no run changes what it shows half-way; sets of other workspaces and
        runs that were only imported do not count. 0 announces it without showing it, as for a
        set that is tried out beside the one in use. Any other number is the operator's word.
    """
    table = await latest_by_key(log, BOOKINGS)
    for layout in booking_set.layouts:
        key = f"booking/{layout.hash}".encode()
        if key not in table:
            await log.send([outgoing(BOOKINGS, 0, layout.booking, key)])
    if from_run is not None:
        if from_run:
            await activate(log, booking_set, from_run=from_run, clock=clock, who=who)
        return
    ours = set(booking_set.workspaces)
    known = activations(table)
    if any(one.set == booking_set.hash for one in known):
        return
    known = [one for one in known if ours & set(one.workspaces)]
    first = 1 if not known else 1 + max(await _highest_run(log), *(a.from_run - 1 for a in known))
    await activate(log, booking_set, from_run=first, clock=clock, who=who)


async def activate(
    log: Log, booking_set: BookingSet, *, from_run: int, clock: Clock, who: str
) -> None:
    """Let readers show a set from a run on, also one that is over: it was filled with this set as
    well, if the log still has its events. Sets without contents in a run are never shown for it.

    Raises
    ------
    ConfigurationError
        If the run cannot be.
    """
    if from_run < 1:
        msg = f"set {booking_set.hash} cannot be shown from run {from_run}: runs begin at 1"
        raise ConfigurationError(msg)
    activation = Activation(
        set=booking_set.hash,
        workspaces=booking_set.workspaces,
        from_run=from_run,
        who=who,
        when=clock.wall(),
    )
    key = f"activation/{from_run}/{booking_set.hash}".encode()
    await log.send([outgoing(BOOKINGS, 0, activation, key)])


def activations(table: Mapping[bytes, Record]) -> list[Activation]:
    """What was said of which set is shown, in `dqm.bookings` read as a table."""
    messages = (decoded(record) for record in table.values())
    return [message for message in messages if isinstance(message, Activation)]


async def _highest_run(log: Log) -> int:
    """Highest run that sources have spoken of, as far as the log remembers; 0 if none.

    Imported runs do not count: they are long over, or of another detector. Nor do runs of which
    only conditions came: files tell of whole years, and of runs that may never be sent.
    """
    highest, imported = 0, set[tuple[int, str]]()
    async for record in read_to_end(log, CONDITIONS):
        message = decoded(record)
        if isinstance(message, RunStart) and "imported" in message.marks:
            imported.add((message.run, message.source))
        elif isinstance(message, RunEnd) and (message.run, message.source) in imported:
            continue
        elif isinstance(message, RunStart | RunEnd):
            highest = max(highest, message.run)
    for record in (await latest_by_key(log, CHECKPOINTS)).values():
        message = decoded(record)
        if isinstance(message, SourceCheckpoint):
            highest = max(highest, message.run)
    return highest


def decoded(record: Record) -> Message | None:
    """The message of a record; None for what is none."""
    try:
        return CODEC.decode(record.headers, record.value)
    except MessageError:
        return None
