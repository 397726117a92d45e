"""Event files as tables: ROOT trees, Parquet and CSV, one row for each event.

What a file calls its columns becomes what bookings call them by one rule (`naming`):

- `MET_pt`, one number or boolean or text a row, stays `MET_pt`;
- `Muon_pt`, a list in each row, beside a counter `nMuon`, becomes the member `pt` of the collection
  `Muon`, so `Muon.pt`. Of several counters that fit, the longest name wins;
- a list of records `Muon` (Parquet), with fields `pt` and `eta`, is the collection `Muon` as it is;
- any other list `weights` becomes a collection of its own with one member, `weights.value`;
- characters that no identifier has become `_`.

Rows belong to the (run, lumisection) that their key columns say, wherever they stand: a first pass
reads the keys alone (`index`), then each lumisection is read in the order of its rows. A file is
never in memory whole: blocks of bounded size are (`blocks`).
"""

from dqmstream.sources.tables.opening import find_tables
from dqmstream.sources.tables.selection import TableSelection
from dqmstream.sources.tables.settings import KeyNames, TableSettings
from dqmstream.sources.tables.source import TableSource, table_sources

__all__ = [
    "KeyNames",
    "TableSelection",
    "TableSettings",
    "TableSource",
    "find_tables",
    "table_sources",
]
