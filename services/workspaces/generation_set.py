"""The set of a generation of posted workspaces, and when nothing of it is left to fill."""

from collections.abc import Iterable, Mapping, Sequence

from dqmstream.booking_set import BookingSet
from dqmstream.configuration.workspaces_by_run import Generation
from dqmstream.errors import BookingError, MessageError
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.workspaces.toml import booking_of

__all__ = ["activation_of", "generation_set", "is_over", "posted_booking"]


def posted_booking(text: str, name: str) -> Booking:
    """The booking of a workspace that can be posted.

    Raises
    ------
    BookingError
        If it cannot be read, or an analysis fills it.
    """
    booking = booking_of(text, name)
    if booking.analysis:
        msg = (
            f"{name}: workspace {booking.workspace!r} is filled by an analysis, which is code: "
            "only workspaces of expressions can be posted"
        )
        raise BookingError(msg)
    return booking


def generation_set(generation: Generation, fold: FoldSettings) -> BookingSet:
    """What the fillers of a generation fill.

    Raises
    ------
    BookingError
        If a text cannot be read by this release, or none is in force.
    """
    bookings = [
        posted_booking(text, f"posted workspace {name!r}")
        for name, text in generation.texts.items()
    ]
    return BookingSet(bookings, fold, posted=generation.key)


def activation_of(generation: Generation, chosen: BookingSet) -> Activation:
    """From which run on readers show a generation: whoever makes it makes the same."""
    return Activation(
        set=chosen.hash,
        workspaces=chosen.workspaces,
        from_run=generation.after_run + 1,
        who=generation.version.who,
        when=generation.version.when,
    )


def is_over(
    runs: Iterable[int],
    next_starts: Sequence[int],
    checkpoints: Mapping[int, FillerCheckpoint | None],
) -> bool:
    """Whether all runs of a generation that another one followed are filled to their end.

    Parameters
    ----------
    runs
        That are decided to be of it.
    next_starts
        Of the generation that followed: all runs of this one have begun before, or are decided.
    checkpoints
        The newest of each partition in its set.
    """
    needed = list(runs)
    for partition, start in enumerate(next_starts):
        checkpoint = checkpoints.get(partition)
        if checkpoint is None or checkpoint.offset < start:
            return False
        try:
            state = ControlState.decode(checkpoint.state)
        except MessageError:
            return False
        if not all(_is_closed(state, run) for run in needed):
            return False
    return True


def _is_closed(state: ControlState, run: int) -> bool:
    if run in state.runs:
        return state.runs[run].closed
    if run in state.frozen:
        return state.frozen[run].closed
    return state.has_forgotten(run)
