"""The files of an archive: their columns, and the README that explains them."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

__all__ = ["README", "SCHEMAS"]


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "contents": _schema(
        set=pa.string(),
        workspace=pa.string(),
        path=pa.string(),
        lumisection=pa.int32(),
        late=pa.bool_(),
        cells=pa.list_(pa.int64()),
        number=pa.float64(),
        text=pa.string(),
        invalid=pa.string(),
    ),
    "elements": _schema(
        set=pa.string(),
        workspace=pa.string(),
        path=pa.string(),
        kind=pa.string(),
        planes=pa.int32(),
        extents=pa.list_(pa.int32()),
        bits=pa.int32(),
        square_bits=pa.int32(),
        declaration=pa.string(),
    ),
    "lumisections": _schema(
        set=pa.string(),
        lumisection=pa.int32(),
        closed=pa.bool_(),
        complete=pa.bool_(),
        whole=pa.bool_(),
        late_segments=pa.int32(),
        published=pa.timestamp("ns", "UTC"),
        seen=pa.int64(),
        selected=pa.int64(),
        dropped=pa.int64(),
        late_seen=pa.int64(),
        account=pa.string(),
        late_account=pa.string(),
    ),
    "conditions": _schema(
        lumisection=pa.int32(),
        run_type=pa.string(),
        fill=pa.int64(),
        beam_mode=pa.string(),
        luminosity=pa.float64(),
        pileup=pa.float64(),
        prescale_index=pa.int64(),
        dcs=pa.string(),
    ),
    "reports": _schema(
        set=pa.string(),
        lumisection=pa.int32(),
        workspace=pa.string(),
        scope=pa.string(),
        complete=pa.bool_(),
        path=pa.string(),
        qtname=pa.string(),
        algorithm=pa.string(),
        outcome=pa.string(),
        report=pa.string(),
    ),
}
"""Columns of each Parquet file, by its name without `.parquet`."""

README: Final = """# Run {run}

Data quality monitoring of one run, as plain Parquet (zstd) and JSON. Any Parquet reader will do.

| file | a row is |
|---|---|
| `run.json` | the run: type, fill, first and last lumisection (LS), sources, marks |
| `elements.parquet` | one MonitorElement of one workspace: kind, axes, how it was filled |
| `contents.parquet` | one MonitorElement in one LS |
| `lumisections.parquet` | one LS: which events are in it, whether all are |
| `conditions.parquet` | what is known of one LS besides its events |
| `reports.parquet` | what one quality test said of one MonitorElement |

Rows belong together by `set` (the bookings that were filled together), `workspace`, `path` and
`lumisection`. A lumisection is 23.31 s of data taking, numbered from 1 in a run.

## contents.parquet

| column | type | meaning |
|---|---|---|
| `set`, `workspace`, `path` | string | which MonitorElement |
| `lumisection` | int32 | which LS; null in `late` rows and of a summed run: the sum of all |
| `late` | bool | came after its LS had closed, and is in no other row |
| `cells` | list of int64 | the cells, see below; null for scalars and texts |
| `number`, `text` | double, string | the value of a scalar or text; null if it has none |
| `invalid` | string | why it was not filled in this LS; null if it was |

`cells` has `planes` planes one after the other, each in C order over the axes, whose lengths are
`extents` in `elements.parquet` (flow bins included); then two counters: entries with a NaN, and
entries whose weight or value was outside of its declared range. Planes are 1 (counts), or 3
(entries, sum, sum of squares): divide the sum by 2**`bits` and the sum of squares by
2**`square_bits`; for a profile sums are of its values, for a weighted histogram of weights.

Regular, variable and integer axes have an underflow bin first and an overflow bin last; a category
axis has one bin for all other codes last. Axes stand in `declaration` (JSON), outermost first.

```python
import json
import numpy as np
import pyarrow.parquet as pq

elements = pq.read_table("elements.parquet").to_pandas().set_index("path")
rows = pq.read_table("contents.parquet", filters=[("path", "==", path), ("late", "==", False)])
element = elements.loc[path]
cells = np.stack(rows.to_pandas()["cells"])                     # LSs x cells
planes = cells[:, :-2].reshape(len(cells), element.planes, *element.extents)
counts = planes[:, 0]                                           # LSs x bins, flow included
axes = json.loads(element.declaration)["axes"]
```

## lumisections.parquet

`closed`: every part of it was; `complete`: besides, every chunk of events that any source
announced is in; `whole`: no input had expired unread. `seen`, `selected` and `dropped` count
events; `account` and `late_account` (JSON) say more: refused, missing, duplicates, sources.
`published` is when its newest contents were made.

## conditions.parquet

`luminosity` in /cm2/s, `pileup` in interactions per crossing, `dcs` a JSON object of detector: on.

## reports.parquet

`outcome` is GOOD, WARNING, BAD, INSUFFICIENT, INVALID, ERROR, DISABLED, STALE or NOT_RUN; only
GOOD is good. `scope` is `lumisection`, or `run` for the run up to this LS. `report` has all of it
(JSON).
"""
