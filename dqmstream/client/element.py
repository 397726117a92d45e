"""A MonitorElement as a gateway gave it: its bins, and what they cover."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import boost_histogram as bh
    import hist
    import pandas as pd

__all__ = ["Axis", "Element"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis: `regular`, `variable`, `integer` or `category`.

    `edges` is float64[bins + 1], `labels` names the bins if they have names, `codes` are those of a
    category axis. Cells with flow have one more at either end; of a category axis one at the end.
    """

    type: str
    label: str = ""
    unit: str = ""
    edges: Floats
    labels: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """From the words a gateway has for an axis."""
        return cls(
            type=words["type"],
            label=words.get("label") or "",
            unit=words.get("unit") or "",
            edges=_edges(words),
            labels=tuple(words.get("labels") or ()),
            codes=tuple(words.get("codes") or ()),
        )

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def inside(self) -> slice:
        """The bins among the cells with flow."""
        return slice(0, -1) if self.type == "category" else slice(1, -1)

    def to_boost(self) -> Any:
        """As an axis of boost-histogram; its name and unit as metadata."""
        import boost_histogram as bh  # noqa: PLC0415 heavy

        match self.type:
            case "regular":
                return bh.axis.Regular(
                    len(self.edges) - 1, self.edges[0], self.edges[-1], metadata=self.title
                )
            case "variable":
                return bh.axis.Variable(self.edges, metadata=self.title)
            case "integer":
                low, high = int(self.edges[0]), int(self.edges[-1])
                return bh.axis.Integer(low, high, metadata=self.title)
            case _:
                codes = self.codes or tuple(range(len(self.edges) - 1))
                return bh.axis.IntCategory(codes, metadata=self.title)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Element:
    """One element over some lumisections.

    Parameters
    ----------
    path, workspace, title, description
        What it is.
    kind, storage
        `histogram`, `profile`, `scalar` or `text`; what its bins hold: `count`, `weighted`,
        `profile`, or `value` of those without bins.
    axes
        Of histograms and profiles.
    run, lumisections
        What is covered: how many LSs, `first` to `last` of them.
    closed, complete, whole
        Whether all LSs are: no more comes on time; every chunk is accounted for; nothing had
        expired before it was read.
    entries, nan, outside
        Totals: in all cells, and what no cell holds.
    value
        Of a scalar or text.
    invalid
        Why it could not be filled, empty if it could.
    about
        All else the gateway says: marks, late events, as of when.
    """

    path: str
    workspace: str
    title: str
    description: str = ""
    kind: str
    storage: str
    axes: tuple[Axis, ...] = ()
    run: int
    first: int
    last: int
    lumisections: int
    closed: bool
    complete: bool
    whole: bool
    entries: int
    nan: int = 0
    outside: int = 0
    value: float | str | None = None
    invalid: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """`counts` int64, and of weighted ones and profiles `values` and `errors` float64: shaped as
    the axes, flow included."""

    @classmethod
    def of(
        cls,
        words: Mapping[str, Any],
        *,
        about: Mapping[str, Any],
        cells: Mapping[str, NDArray[Any]],
    ) -> Self:
        """From the words a gateway has for an element, its window and its totals."""
        return cls(
            path=words["path"],
            workspace=words["workspace"],
            title=words["title"],
            description=words["description"],
            kind=words["kind"],
            storage=words["storage"],
            axes=tuple(Axis.of(axis) for axis in words["axes"]),
            run=words["run"],
            first=words["first"],
            last=words["last"],
            lumisections=words["lumisections"],
            closed=words["closed"],
            complete=words["complete"],
            whole=words["whole"],
            entries=words["entries"],
            nan=words["nan"],
            outside=words["outside"],
            value=words["value"],
            invalid=words["invalid"],
            about=about,
            cells=cells,
        )

    # -------------------------------------------------------------------- numbers

    def values(self, *, flow: bool = False) -> NDArray[Any]:
        """Counts, sums of weights, or means (NaN where a bin is empty); shape of the axes."""
        return self._part("counts" if self.storage == "count" else "values", flow=flow)

    def counts(self, *, flow: bool = False) -> NDArray[np.int64]:
        """Entries of each bin."""
        return self._part("counts", flow=flow)

    def errors(self, *, flow: bool = False) -> Floats:
        """Standard errors: root of the counts, of the sums of squared weights, of the means."""
        if self.storage == "count":
            return np.sqrt(self.counts(flow=flow))
        return self._part("errors", flow=flow)

    def variances(self, *, flow: bool = False) -> Floats:
        """Squares of `errors`."""
        return self.errors(flow=flow) ** 2

    def edges(self, axis: int = 0) -> Floats:
        """Edges of the bins of an axis."""
        return self.axes[axis].edges

    def centres(self, axis: int = 0) -> Floats:
        """Middles of the bins of an axis."""
        edges = self.axes[axis].edges
        return (edges[:-1] + edges[1:]) / 2

    def mean(self, axis: int = 0) -> float:
        """Mean along an axis, of what is in its bins, each at its middle; NaN without entries."""
        weights = self.counts() if self.storage == "profile" else self.values()
        others = tuple(number for number in range(weights.ndim) if number != axis)
        along = weights.sum(axis=others)
        centres = self.edges(axis)[:-1] if self.axes[axis].type == "integer" else self.centres(axis)
        return float(np.average(centres, weights=along)) if along.sum() else float("nan")

    # ---------------------------------------------------------- for other libraries

    def to_boost(self) -> "bh.Histogram[Any]":
        """A boost-histogram, flow included: storage Int64, Weight or Mean."""
        import boost_histogram as bh  # noqa: PLC0415 heavy

        made: bh.Histogram[Any] = self._filled(bh.Histogram, bh.storage)
        return made

    def to_hist(self) -> "hist.Hist[Any]":
        """A `hist.Hist`, which draws itself in a notebook. Needs the extra `analysis`."""
        import hist  # noqa: PLC0415 optional

        made: hist.Hist[Any] = hist.Hist(self.to_boost())
        made.name, made.label = self.path, self.title
        for axis, ours in zip(made.axes, self.axes, strict=True):
            axis.label = ours.title
        return made

    def to_numpy(self) -> tuple[NDArray[Any], ...]:
        """Values, then the edges of each axis, as `numpy.histogram` gives them."""
        return (self.values(), *(axis.edges for axis in self.axes))

    def to_pandas(self) -> "pd.DataFrame":
        """One row for each bin: ends or name of the bin, and its numbers. Needs `analysis`."""
        import pandas as pd  # noqa: PLC0415 optional

        grids = np.indices(self.values().shape).reshape(len(self.axes), -1)
        columns: dict[str, Any] = {}
        for number, (axis, at) in enumerate(zip(self.axes, grids, strict=True)):
            name = axis.label or f"axis{number}"
            columns |= {f"{name} from": axis.edges[:-1][at], f"{name} to": axis.edges[1:][at]}
            if axis.labels:
                columns[name] = np.array(axis.labels, object)[at]
        columns |= {"value": self.values().ravel(), "error": self.errors().ravel()}
        columns["entries"] = self.counts().ravel()
        return pd.DataFrame(columns)

    def _part(self, name: str, *, flow: bool) -> NDArray[Any]:
        if name not in self.cells:
            msg = f"{self.path} is a {self.kind}: it has a value, and no bins"
            raise TypeError(msg)
        cells = self.cells[name]
        return cells if flow else cells[tuple(axis.inside for axis in self.axes)]

    def _filled(self, make: Any, storage: Any) -> Any:
        axes = [axis.to_boost() for axis in self.axes]
        if self.storage == "count":
            made = make(*axes, storage=storage.Int64())
            made.view(flow=True)[...] = self.counts(flow=True)
            return made
        values, variances = self.values(flow=True), self.variances(flow=True)
        if self.storage == "weighted":
            made = make(*axes, storage=storage.Weight())
            view = made.view(flow=True)
            view["value"], view["variance"] = values, variances
            return made
        counts = self.counts(flow=True)
        made = make(*axes, storage=storage.Mean())
        view = made.view(flow=True)
        view["count"], view["value"] = counts, np.nan_to_num(values)
        # The error of a mean is spread / sqrt(n); the sum of squared deltas is n spread^2.
        view["_sum_of_deltas_squared"] = np.nan_to_num(variances) * counts**2
        return made

    def _repr_html_(self) -> str:
        """For notebooks: the histogram as `hist` draws it where it is installed, and its words."""
        words = f"<p>{escape(str(self))}</p>"
        if not 1 <= len(self.axes) <= 2:
            return words
        try:
            drawn = self.to_hist()._repr_html_()
        except ImportError:
            return words
        return f"<figure>{drawn}<figcaption>{escape(str(self))}</figcaption></figure>"

    def __repr__(self) -> str:
        return f"<Element {self}>"

    def __str__(self) -> str:
        covers = f"LS {self.first}" if self.first == self.last else f"LS {self.first}-{self.last}"
        state = "closed" if self.closed else "open"
        trust = "" if self.complete else ", incomplete"
        what = f"{self.entries} entries" if self.axes else f"{self.value}"
        return f"{self.path}: {what} in run {self.run} {covers} ({state}{trust})"


def _edges(words: Mapping[str, Any]) -> Floats:
    if words.get("edges") is not None:
        return np.asarray(words["edges"], np.float64)
    if words["type"] == "category":
        return np.arange(len(words["codes"]) + 1, dtype=np.float64)
    bins = words["bins"]
    return np.linspace(words["lower"], words["upper"], bins + 1)
