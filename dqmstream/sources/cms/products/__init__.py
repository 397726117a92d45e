"""Decoded products of CMS events as columns that bookings read.

`tracks.pt` is worked out of raw members of `reco::Track`; which ones, and how, a table says for
each collection: one module for each noun. `docs/event-payload.md` shows all of them.
"""

from dqmstream.sources.cms.products.known import COLLECTIONS
from dqmstream.sources.cms.products.plan import ProductPlan
from dqmstream.sources.cms.products.product_set import ProductSet, products_of

__all__ = ["COLLECTIONS", "ProductPlan", "ProductSet", "products_of"]
