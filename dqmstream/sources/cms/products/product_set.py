"""The columns that the products of a file can be, and plans of making those that are asked for."""

from collections.abc import Collection as Names
from collections.abc import Sequence

from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.products.naming import Offer, offers_of
from dqmstream.sources.cms.products.plan import ProductPlan

__all__ = ["ProductSet", "products_of"]


class ProductSet:
    """What branches offer.

    Parameters
    ----------
    offers
        One for each column.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = tuple(offers)
        self._columns = frozenset(name for offer in self.offers for name in offer.columns)

    @property
    def columns(self) -> frozenset[str]:
        """All that can be asked for, as `required_columns` names it: `tracks`, `tracks.pt`."""
        return self._columns

    def plan(self, columns: Names[str], *, feds: Names[int] = ()) -> ProductPlan:
        """How to make the asked columns; names that no product has are left out.

        Parameters
        ----------
        columns
            As `required_columns` names them; of a collection alone, of which only the number of
            objects counts, the first member is made.
        feds
            Ids that each event should have, for `fed_missing`.
        """
        return ProductPlan(self.offers, columns, feds)


def products_of(branches: Sequence[Branch]) -> ProductSet:
    """The columns of products, from the branches of a file in the order of its INIT."""
    return ProductSet(offers_of(branches))
