"""The account of an LS: which chunks of which source were filled, summed over partitions.

It is the same for all workspaces of a set, so it is kept once.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramSet
from dqmstream.store.bodies import pack, unpack
from dqmstream.store.database import upsert
from dqmstream.store.tables import ACCOUNTS, LUMISECTIONS
from dqmstream.store.tallies import Tallies

__all__ = ["note_account"]

_NOTHING: Final = Layout(Booking(workspace="", elements=()))
_NO_CELLS: Final = Contents.empty(_NOTHING).encode()
_ACCOUNTS_OF: Final = select(ACCOUNTS.c.schema, ACCOUNTS.c.body).where(
    ACCOUNTS.c.set == bindparam("of_set"),
    ACCOUNTS.c.run == bindparam("of_run"),
    ACCOUNTS.c.lumisection == bindparam("of_lumisection"),
)


def note_account(connection: Connection, piece: HistogramSet, tallies: Tallies) -> None:
    """Keep the account of a closed set if it is news, and what the LS's accounts say together.

    `tallies` counts what they say.

    Raises
    ------
    MessageError
        With reason `differing_partitions` if the LS is stored with another number of partitions.
    """
    bare = _without_contents(piece)
    # A set without elements: the readers' merge then sums accounts, and nothing else.
    merger = Merger(lambda _: _NOTHING)
    for kept in _accounts(connection, piece):
        merger.apply(kept)
    try:
        key = merger.apply(bare)
    except WindowError as error:
        raise MessageError("differing_partitions", str(error)) from error
    if key is None:
        doubted = _doubted(merger, bare)
        if doubted is None:
            return
        key, bare = doubted
    names = ("set", "run", "lumisection", "segment", "partition")
    place = {name: getattr(piece, name) for name in names}
    upsert(connection, ACCOUNTS, [pack(bare) | place])
    row = _lumisection(merger.merged(key))
    tallies.note_account(row)
    upsert(connection, LUMISECTIONS, [row])


def _doubted(merger: Merger, piece: HistogramSet) -> tuple[SetKey, HistogramSet] | None:
    """The whole account that stays before one of a newer epoch, with what that one has lost."""
    key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
    place = (piece.segment, piece.partition)
    held = {(one.segment, one.partition): one for one in merger.pieces(key)}[place]
    if piece.whole or held.epoch >= piece.epoch:
        return None
    account = msgspec.structs.replace(held.account, expired=piece.account.expired)
    return key, msgspec.structs.replace(held, whole=False, account=account)


def _without_contents(piece: HistogramSet) -> HistogramSet:
    return msgspec.structs.replace(
        piece,
        workspace="",
        booking="",
        writer="",
        cells=_NO_CELLS,
        scalars={},
        invalid={},
        part=0,
        parts=1,
    )


def _accounts(connection: Connection, piece: HistogramSet) -> list[HistogramSet]:
    place = {"of_set": piece.set, "of_run": piece.run, "of_lumisection": piece.lumisection}
    rows = connection.execute(_ACCOUNTS_OF, place).all()
    return [unpack(HistogramSet, row.schema, row.body) for row in rows]


def _lumisection(merged: Merged) -> dict[str, Any]:
    return {
        "set": merged.key.set,
        "run": merged.key.run,
        "lumisection": merged.key.lumisection,
        "closed": merged.closed,
        "complete": merged.complete,
        "whole": merged.whole,
        "late_segments": merged.late_segments,
        "published": merged.published,
        "account": msgspec.json.encode(merged.account).decode(),
        "late_account": msgspec.json.encode(merged.late_account).decode(),
    }
