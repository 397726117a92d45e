"""Filling one workspace from a batch of columns: expressions, then one call of the kernel."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns
from dqmstream.booking.program import Failure, Program, failure_of
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.arrays import column_table, row_table
from dqmstream.kernels.filling import fill
from dqmstream.kernels.plan import plan_of
from dqmstream.kernels.values import ValueReader

__all__ = ["WorkspaceFiller"]

Array = NDArray[Any]
_Results = Sequence[Array | Failure]

_EVERY: Final = np.empty(0, np.int64)


class WorkspaceFiller:
    """Fills all elements of one workspace. Holds no state between batches.

    Parameters
    ----------
    layout
        Of a checked booking.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._program = Program()
        self._plan = plan_of(layout, self._program)
        self._values = ValueReader(layout, self._program)

    def __reduce__(self) -> tuple[type["WorkspaceFiller"], tuple[Layout]]:
        # Programs and plans are made again, as in any other process.
        return WorkspaceFiller, (self.layout,)

    def fill(self, contents: Contents, columns: Columns, *, source: str, number: int) -> None:
        """Add one chunk to `contents`, in place.

        An element whose expressions have no value in this batch gets nothing of it and becomes
        invalid with the reason, but for one that needs columns of other sources of the run; the
        others are filled.

        Parameters
        ----------
        contents
            Of this filler's layout.
        columns
            The chunk's events.
        source, number
            Which chunk it is: `last` values and texts are the last by them.
        """
        results = self._program.run(columns)
        failed = self._failures(results)
        for element, reason in self._values.read(contents, columns, results, source, number):
            contents.mark_invalid(element, reason)
        for row, failure in failed.items():
            if not failure.elsewhere:
                contents.mark_invalid(self._plan.elements[row], failure.reason)
        self._count(contents.cells, results, failed)

    def _failures(self, results: _Results) -> dict[int, Failure]:
        """Rows of the plan that cannot be filled, and why."""
        if not any(isinstance(result, Failure) for result in results):
            return {}
        failed: dict[int, Failure] = {}
        for row, needs in enumerate(self._plan.needs):
            if failure := failure_of([results[slot] for slot in needs]):
                failed[row] = failure
        return failed

    def _count(
        self, cells: NDArray[np.int64], results: _Results, failed: dict[int, Failure]
    ) -> None:
        plan = self._plan
        fills = np.delete(plan.fills, list(failed)) if failed else plan.fills
        columns = column_table([_values(results[slot], np.float64) for slot in plan.columns])
        rows = row_table([_values(results[slot], np.int64) for slot in plan.rows])
        fill(cells, fills, plan.axes, plan.edges, columns.rows, rows.rows, _EVERY)


def _values(result: Array | Failure, dtype: type[np.generic]) -> Array:
    """The array, or an empty one: no row of the plan that is filled reads a failure."""
    return np.empty(0, dtype) if isinstance(result, Failure) else result
