"""Payloads of many events to arrays, product by product."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from dqmstream.sources.cms.decoding.branch import Branch, Decoded

if TYPE_CHECKING:
    from dqmstream.sources.cms.classes.tables import Tables

__all__ = ["PayloadDecoder"]


class PayloadDecoder:
    """Takes the wanted members of the wanted products out of payloads.

    Parameters
    ----------
    branches
        As `read_branches` gives them, or in any other order.
    wanted
        Members by index of their branch: dotted paths through the members of classes, pointers
        included, as the class tables name them (`momentum_.fCoordinates.fX`,
        `tracks_.holder_.ref_.index_`); members of bases stand without a prefix. Names in between
        may be left out where only one member fits (`momentum_.fX`, `paths_`). A product that is a
        plain number has `value`. A class that is nothing but one vector of another (as
        FEDRawDataCollection) is taken as that vector: its objects are the elements.
    tables
        Class tables; None: those that come with the library.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        wanted: Mapping[int, Collection[str]],
        *,
        tables: "Tables | None" = None,
    ) -> None:
        self._branches = tuple(branches)
        self._wanted = dict(wanted)
        self._tables = tables

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        """Products of all events, in their order. Whatever the bytes are, nothing raises.

        Parameters
        ----------
        payloads
            Expanded payloads, one for each event.
        """
        return Decoded({}, Counter(), Counter())
