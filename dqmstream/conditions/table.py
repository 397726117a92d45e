"""Conditions of many LSs: by run and LS, each field from the first file that says it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from dqmstream.conditions.oms import RunFacts
from dqmstream.identity import content_hash
from dqmstream.messages.operations import Conditions

__all__ = ["ConditionsTable", "joined"]

_FIELDS: Final = tuple(
    name for name in Conditions.__struct_fields__ if name not in {"run", "lumisection", "dcs"}
)


def joined(first: Conditions, second: Conditions) -> tuple[Conditions, tuple[str, ...]]:
    """What both say of one LS; where they differ the first is right, and the fields are named."""
    known: dict[str, Any] = {}
    differing = []
    for name in _FIELDS:
        old, new = getattr(first, name), getattr(second, name)
        if new in {None, "", old}:
            continue
        if old in {None, ""}:
            known[name] = new
        else:
            differing.append(name)
    differing += [
        f"dcs.{part}" for part, on in second.dcs.items() if first.dcs.get(part, on) is not on
    ]
    if second.dcs:
        known["dcs"] = second.dcs | first.dcs
    return msgspec.structs.replace(first, **known), tuple(differing)


class ConditionsTable:
    """Conditions by run and LS.

    Attributes
    ----------
    rejected
        Rows that could not be used, by reason.
    contradictions
        Fields of which two files say different things, by name: the first file is believed.
    """

    def __init__(self, rows: Iterable[Conditions] = ()) -> None:
        self._runs: dict[int, dict[int, Conditions]] = {}
        self.rejected: Counter[str] = Counter()
        self.contradictions: Counter[str] = Counter()
        for row in rows:
            self.add(row)

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def __iter__(self) -> Iterator[Conditions]:
        """By run, then LS."""
        for run in self.runs:
            yield from self.of_run(run).values()

    @property
    def runs(self) -> tuple[int, ...]:
        """Numbers of the runs, rising."""
        return tuple(sorted(self._runs))

    def of_run(self, run: int) -> Mapping[int, Conditions]:
        """Conditions of a run by LS, rising; nothing of a run that is not there."""
        return dict(sorted(self._runs.get(run, {}).items()))

    def add(self, row: Conditions) -> None:
        """Take one LS in."""
        held = self._runs.setdefault(row.run, {})
        before = held.get(row.lumisection)
        if before is None:
            held[row.lumisection] = row
            return
        held[row.lumisection], differing = joined(before, row)
        self.contradictions.update(differing)

    def describe_runs(self, runs: Mapping[int, RunFacts]) -> None:
        """Give LSs the fill, run type and energy of their run, where nothing is known of it.

        A run may go on into the next fill: what is said of an LS outweighs what is said of its run.
        """
        for number, facts in runs.items():
            held = self._runs.get(number, {})
            for lumisection, row in held.items():
                held[lumisection] = msgspec.structs.replace(
                    row,
                    fill=facts.fill if row.fill is None else row.fill,
                    run_type=row.run_type or facts.run_type,
                    energy=facts.energy if row.energy is None else row.energy,
                )

    def describe_fills(self, energies: Mapping[int, float]) -> None:
        """Give LSs the energy [GeV] of their fill, where none is known."""
        for held in self._runs.values():
            for lumisection, row in held.items():
                energy = None if row.fill is None else energies.get(row.fill)
                if row.energy is None and energy is not None:
                    held[lumisection] = msgspec.structs.replace(row, energy=energy)

    def within(self, first: int, last: int) -> "ConditionsTable":
        """Those of the runs from `first` to `last`."""
        chosen = ConditionsTable()
        chosen._runs = {n: rows for n, rows in self._runs.items() if first <= n <= last}
        chosen.rejected, chosen.contradictions = self.rejected, self.contradictions
        return chosen

    def fingerprint(self, run: int) -> str:
        """Hash of all that is known of a run."""
        return content_hash(list(self.of_run(run).values()))
