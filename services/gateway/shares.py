"""What memory has of a window, and which LSs it lacks: the store has those."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dqmstream.histograms.contents import Contents
from services.gateway.closed_total import NotInMemoryError
from services.gateway.past import Sight
from services.gateway.records import LumisectionRecord
from services.gateway.truth import serves
from services.gateway.windows import Window
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["NO_STORE", "Share", "held_of", "share_of"]

NO_STORE: Final = "this gateway has no store"


class Share(NamedTuple):
    """What memory has of a window, and the LSs it lacks."""

    contents: Contents
    numbers: list[int]
    lacking: list[int]


def share_of(
    part: WorkspaceRun | None, sight: Sight, window: Window, *, has_store: bool
) -> Share | None:
    """The sum over what memory holds of a window; None if the run is not live.

    Raises
    ------
    NotInMemoryError
        If LSs have left memory, and there is no store that could have them.
    """
    if part is None:
        return None
    wanted = sight.covered.numbers
    if all(serves(part.records.get(n), sight.records[n]) for n in wanted):
        try:
            contents, covered = part.window(window)
        except NotInMemoryError as error:
            if not has_store:
                msg = f"{error}; {NO_STORE}"
                raise NotInMemoryError(msg) from error
        else:
            if covered.numbers == wanted:
                return Share(contents, list(wanted), [])
    held = held_of(part, wanted, sight.records)
    total = Contents.total(part.layout, (part.of_lumisection(number) for number in held))
    return Share(total, held, sorted(set(wanted) - set(held)))


def held_of(
    part: WorkspaceRun, numbers: Sequence[int], shown: Mapping[int, LumisectionRecord]
) -> list[int]:
    """Those LSs, rising, whose contents memory has by themselves, no worse than they are shown."""
    held = set(part.in_memory())
    return [n for n in sorted(numbers) if n in held and serves(part.records[n], shown[n])]
