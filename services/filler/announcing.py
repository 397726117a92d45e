"""Announcing a set: its bookings, and from which run on readers show it."""

from collections.abc import Mapping, Sequence

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.booking import Activation
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Record
from dqmstream.transport.outgoing import outgoing
from services.runs_begun import highest_run

__all__ = [
    "activate",
    "activations",
    "announce",
    "decoded",
    "next_run",
    "publish_activation",
]


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
    first = await next_run(log, [one for one in known if ours & set(one.workspaces)])
    await activate(log, booking_set, from_run=first, clock=clock, who=who)


async def next_run(log: Log, known: Sequence[Activation]) -> int:
    """The run from which on another set may be shown, so that no run changes what it shows
    half-way: 1 if none of these workspaces ever was.

    Parameters
    ----------
    known
        Activations of sets with any of its workspaces.
    """
    return 1 if not known else 1 + max(await highest_run(log), *(a.from_run - 1 for a in known))


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
    await publish_activation(log, activation)


async def publish_activation(log: Log, activation: Activation) -> None:
    """Say on `dqm.bookings` from which run on a set is shown."""
    key = f"activation/{activation.from_run}/{activation.set}".encode()
    await log.send([outgoing(BOOKINGS, 0, activation, key)])


def activations(table: Mapping[bytes, Record]) -> list[Activation]:
    """What was said of which set is shown, in `dqm.bookings` read as a table."""
    messages = (decoded(record) for record in table.values())
    return [message for message in messages if isinstance(message, Activation)]


def decoded(record: Record) -> Message | None:
    """The message of a record; None for what is none."""
    try:
        return CODEC.decode(record.headers, record.value)
    except MessageError:
        return None
