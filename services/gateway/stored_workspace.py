"""One workspace of a stored run, as judging it again reads it: LS by LS, and summed. Blocking."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from dqmstream.errors import NotStoredError, RemovedError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Scope
from dqmstream.quality.held import ClosedLumisection
from dqmstream.quality.inputs import Accepted, Past, digest_of
from services.gateway.archive import Archive, Shelf
from services.gateway.records import LumisectionRecord

__all__ = ["StoredWorkspace"]

_KEPT_BYTES: Final = 128 << 20


class StoredWorkspace:
    """A workspace of a run under the set that readers show.

    Parameters
    ----------
    archive, shelf
        The store, and what it lists of the run.
    """

    def __init__(self, archive: Archive, shelf: Shelf, run: int, name: str) -> None:
        self.run = run
        self.name = name
        self.set = shelf.sets[name]
        self.layout: Layout = shelf.layouts[name]
        self.records = shelf.records_of(name)
        self.closed = sorted(number for number, one in self.records.items() if one.closed)
        """Its closed LSs, rising."""
        self._archive = archive
        self._shelf = shelf
        self._kept: OrderedDict[int, ClosedLumisection] = OrderedDict()
        self._bytes = 0

    def record(self, lumisection: int) -> LumisectionRecord:
        """What is listed of an LS that is stored."""
        return self.records[lumisection]

    def conditions(self, lumisection: int) -> Conditions | None:
        """What is known of an LS besides."""
        return self._shelf.conditions.get(lumisection)

    def lumisection(self, number: int) -> ClosedLumisection:
        """One LS; NotStoredError or another StoreError if it is gone."""
        held = self._kept.get(number)
        if held is not None:
            self._kept.move_to_end(number)
            return held
        contents = self._read([number])
        found = ClosedLumisection(contents, self.records[number].complete, (), digest_of(contents))
        self._kept[number] = found
        self._bytes += contents.cells.nbytes
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.contents.cells.nbytes
        return found

    def contents(self, scope: Scope, numbers: Sequence[int]) -> Contents:
        """What the comparator judges of these LSs: one, or the sum of a window.

        Raises
        ------
        StoreError, WindowError
            If one of them is gone, or they cannot be summed.
        """
        if scope == "lumisection":
            return self.lumisection(numbers[0]).contents
        summed = self._read(numbers)
        invalid = {
            index: self._first_reason(index, numbers) or why
            for index, why in summed.invalid.items()
        }
        return Contents(self.layout, summed.cells, invalid=invalid)

    def past(
        self, lumisection: int, among: Callable[[int], bool] = lambda _number: True
    ) -> Callable[[int, Accepted], Sequence[Past]]:
        """LSs before an LS for tests that look at them, of those that `among` lets through."""

        def past(count: int, accepted: Accepted) -> list[Past]:
            found = list[Past]()
            for number in reversed(self.closed):
                if len(found) == count:
                    break
                row = self.conditions(number)
                if number >= lumisection or not among(number) or not accepted(row):
                    continue
                one = self.lumisection(number)
                found.append(
                    Past(
                        lumisection=number,
                        contents=one.contents,
                        digest=one.digest,
                        luminosity=None if row is None else row.recorded,
                    )
                )
            return found[::-1]

        return past

    def _read(self, numbers: Sequence[int]) -> Contents:
        found = self._archive.workspace_window(self._shelf, self.run, self.name, numbers)
        if gone := sorted(set(numbers) - set(found.lumisections)):
            msg = f"run {self.run} workspace {self.name!r}: LSs {gone} are no longer stored"
            raise NotStoredError(msg)
        return found.contents

    def _first_reason(self, index: int, numbers: Sequence[int]) -> str:
        """Why an element of a sum is invalid, in the words of the comparator's sums; empty if of
        the LSs their sum alone is left."""
        path = self.layout.elements[index].element.path
        try:
            trend = self._archive.element_trend(self._shelf, self.run, self.name, path, numbers)
        except RemovedError:
            return ""
        first = min(trend.invalid)
        return f"LS {first}: {trend.invalid[first]}"
