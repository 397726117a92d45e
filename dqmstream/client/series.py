"""One element lumisection by lumisection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dqmstream.client.element import Axis, Element

if TYPE_CHECKING:
    import awkward as ak
    import pandas as pd

__all__ = ["Series"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One element over many LSs, as arrays whose first axis are the LSs.

    Parameters
    ----------
    path, title, run, storage, axes
        As of `Element`.
    lumisections, closed, complete
        int64[n], bool[n], bool[n].
    cells
        `counts`, and of weighted ones and profiles `values` and `errors`: [n, ...], flow included.
    about
        All else the gateway says.
    """

    path: str
    title: str
    run: int
    storage: str
    axes: tuple[Axis, ...]
    lumisections: NDArray[np.int64]
    closed: NDArray[np.bool_]
    complete: NDArray[np.bool_]
    cells: Mapping[str, NDArray[Any]] = field(repr=False)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.lumisections)

    def values(self, *, flow: bool = False) -> NDArray[Any]:
        """Counts, sums of weights, or means: [n, ...]."""
        return self._part("counts" if self.storage == "count" else "values", flow=flow)

    def counts(self, *, flow: bool = False) -> NDArray[np.int64]:
        """Entries: [n, ...]."""
        return self._part("counts", flow=flow)

    def __getitem__(self, index: int) -> Element:
        """The element in one LS."""
        number = int(self.lumisections[index])
        cells = {name: cells[index] for name, cells in self.cells.items()}
        return Element(
            path=self.path,
            workspace=str(self.about.get("workspace", "")),
            title=self.title,
            kind=str(self.about.get("kind", "histogram")),
            storage=self.storage,
            axes=self.axes,
            run=self.run,
            first=number,
            last=number,
            lumisections=1,
            closed=bool(self.closed[index]),
            complete=bool(self.complete[index]),
            whole=bool(self.about.get("whole", False)),
            entries=int(cells["counts"].sum()),
            about=self.about,
            cells=cells,
        )

    def to_awkward(self) -> "ak.Array":
        """Records of LS, whether it is closed, and its values."""
        import awkward as ak  # noqa: PLC0415 heavy

        return ak.zip(
            {
                "lumisection": self.lumisections,
                "closed": self.closed,
                "values": ak.from_regular(self.values()),
            },
            depth_limit=1,
        )

    def to_pandas(self) -> "pd.DataFrame":
        """One row for each LS, one column for each bin (of one axis). Needs `analysis`."""
        import pandas as pd  # noqa: PLC0415 optional

        values = self.values()
        flat = values.reshape(len(values), -1)
        names: Any = range(flat.shape[1])
        if len(self.axes) == 1:
            names = self.axes[0].labels or self.axes[0].edges[:-1]
        index = pd.Index(self.lumisections, name="lumisection")
        return pd.DataFrame(flat, index=index, columns=pd.Index(names, name=self.title))

    def _part(self, name: str, *, flow: bool) -> NDArray[Any]:
        cells = self.cells[name]
        return cells if flow else cells[(slice(None), *(axis.inside for axis in self.axes))]
