"""Products of real events as columns, and what stands beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns, decode_batch, encode_batch
from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.products import ProductPlan, products_of

__all__ = ["FILES", "Read", "RealFile", "read_products"]

FILES: Final = {
    "A": "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "B": "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "C": "run392642_ls0174_streamDQMOnlineScouting_pid1152594.dat",
}


class RealFile(NamedTuple):
    """A file of which all columns were made."""

    branches: tuple[Branch, ...]
    plan: ProductPlan
    payloads: list[bytes]
    bunch_crossings: NDArray[np.int32]
    orbits: NDArray[np.int64]
    numbers: list[int]
    decoded: Decoded
    columns: Columns

    def built(self, payloads: list[bytes]) -> Columns:
        decoded = PayloadDecoder(self.branches, self.plan.wanted).decode(payloads)
        return _columns(self.plan, decoded, self.bunch_crossings)

    def member(self, name: str) -> NDArray[Any]:
        """All values of a member, integers and floats in 64 bits."""
        collection, _, member = name.partition(".")
        values = self.columns.collections[collection].members[member]
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)

    def total(self, name: str) -> float:
        return float(self.member(name).sum())

    def counts(self, name: str) -> NDArray[np.int64]:
        """Objects of each event."""
        return np.diff(self.columns.collections[name].offsets)

    def of_event(self, number: int, collection: str) -> int:
        return int(self.counts(collection)[self.numbers.index(number)])


def _columns(plan: ProductPlan, decoded: Decoded, bunch_crossings: NDArray[np.int32]) -> Columns:
    events = bunch_crossings.size
    made = plan.build(decoded, bunch_crossing=bunch_crossings, events=events)
    batch = pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))
    return decode_batch(encode_batch(batch), selected=events)


def read_products(path: Path) -> RealFile:
    """All columns of a file; of FEDs 1404 and 813 are expected."""
    file = StreamerFile(path)
    events = list(file.events())
    assert file.init is not None
    branches = read_branches(file.init.payload)
    offered = products_of(branches)
    plan = offered.plan(offered.columns, feds=[1404, 813])
    payloads = [event.payload or b"" for event in events]
    found = [event.auxiliary for event in events if event.auxiliary]
    assert len(found) == len(events)
    crossings = np.array([one.bunch_crossing for one in found], np.int32)
    decoded = PayloadDecoder(branches, plan.wanted).decode(payloads)
    return RealFile(
        branches=branches,
        plan=plan,
        payloads=payloads,
        bunch_crossings=crossings,
        orbits=np.array([one.orbit for one in found], np.int64),
        numbers=[one.event for one in found],
        decoded=decoded,
        columns=_columns(plan, decoded, crossings),
    )


Read = Callable[[str], RealFile]
