"""What a run comes to, counted while it is recorded, so that lists of runs read few rows of each.

All of it adds up: LSs by their worst outcome, of each workspace and set; events and LSs that are
not where they should be, of each set (under workspace ""); luminosity (under set ""). What replaces
something takes away first what that had counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Insert, Row, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from dqmstream.fold.merged_account import MergedAccount
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from dqmstream.quality.summary import worst_of
from dqmstream.store.bodies import unpack
from dqmstream.store.database import insert_rows
from dqmstream.store.tables import CONDITIONS, LUMISECTIONS, REPORTS, TALLIES

__all__ = [
    "LUMINOSITY",
    "Place",
    "RunTally",
    "Tallies",
    "account_counts",
    "conditions_counts",
    "count_again",
    "tallies_of",
]

LUMINOSITY: Final = 1_000_000
"""What luminosity is counted in: parts of 1 /pb, so that sums are exact."""

_ROWS: Final = 1_000
_ACCOUNT: Final = msgspec.json.Decoder(MergedAccount)
_COUNTS: Final = msgspec.json.Decoder(dict[Outcome, int])
_REPORT_KEYS: Final = ("run", "lumisection", "workspace", "scope", "set")
_LUMISECTION_KEYS: Final = ("set", "run", "lumisection")


class Place(NamedTuple):
    """What something is counted for."""

    run: int
    set: str = ""
    workspace: str = ""


class RunTally(NamedTuple):
    """What is counted of a run: by set and workspace, and by name. Sums of what LSs add."""

    counts: Mapping[tuple[str, str], Mapping[str, int]]

    def outcomes(self, set: str, workspace: str) -> dict[Outcome, int]:
        """LSs of a workspace by the worst outcome of the tests on each alone."""
        found = self.counts.get((set, workspace), {})
        return {Outcome(name): count for name, count in found.items()}

    def account(self, set: str) -> Mapping[str, int]:
        """Events and LSs of a set, by name: see `account_counts`."""
        return self.counts.get((set, ""), {})

    def luminosity(self, name: str) -> float | None:
        """`delivered` or `recorded`, in /pb; None if it is known of no LS."""
        found = self.counts.get(("", ""), {})
        return found[name] / LUMINOSITY if found.get(f"{name}_known") else None


class Tallies:
    """What a transaction adds, written when it ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: dict[Place, Counter[str]] = {}

    def note_reports(self, row: Mapping[str, Any]) -> None:
        """A row of `reports` is about to be written."""
        place = Place(row["run"], row["set"], row["workspace"])
        self._replace(place, _held(self._connection, _REPORTS_OF, row), row, _of_reports)

    def note_account(self, row: Mapping[str, Any]) -> None:
        """A row of `lumisections` is about to be written."""
        place = Place(row["run"], row["set"])
        self._replace(place, _held(self._connection, _LUMISECTION_OF, row), row, _of_account)

    def note_conditions(self, conditions: Conditions) -> None:
        """Conditions are about to be written."""
        place = {"run": conditions.run, "lumisection": conditions.lumisection}
        held = _held(self._connection, _CONDITIONS_OF, place)
        added = self._at(Place(conditions.run))
        added.update(conditions_counts(conditions))
        if held is not None:
            added.subtract(conditions_counts(unpack(Conditions, held["schema"], held["body"])))

    def write(self) -> None:
        """Add it to what the store has counted."""
        _add(self._connection, self._added)
        self._added = {}

    def _replace(
        self, place: Place, held: Mapping[str, Any] | None, row: Mapping[str, Any], count: Any
    ) -> None:
        added = self._at(place)
        added.update(count(row))
        if held is not None:
            added.subtract(count(held))

    def _at(self, place: Place) -> Counter[str]:
        return self._added.setdefault(place, Counter())


def tallies_of(connection: Connection, runs: Sequence[int]) -> dict[int, RunTally]:
    """What is counted of runs; of those of which nothing is, nothing."""
    c = TALLIES.c
    query = select(TALLIES).where(c.run.in_(runs), c.count != 0)
    found: dict[int, dict[tuple[str, str], dict[str, int]]] = {run: {} for run in runs}
    for row in connection.execute(query):
        counts = found[row.run].setdefault((row.set, row.workspace), {})
        counts[row.name] = row._mapping[c.count]
    return {run: RunTally(of_run) for run, of_run in found.items()}


def account_counts(
    account: MergedAccount, late: MergedAccount, closed: bool, complete: bool, whole: bool
) -> dict[str, int]:
    """What one LS adds: events and chunks, and whether something of it is lacking, by its name."""
    refused = Counter(account.refused) + Counter(late.refused)
    return {
        "lumisections": 1,
        "seen": account.seen,
        "selected": account.selected,
        "dropped": account.dropped,
        "late_events": late.seen,
        "open": int(not closed),
        "incomplete": int(closed and not complete),
        "holes": int(not whole),
        **{f"missing:{source}": 1 for source in account.missing},
        **{f"refused:{reason}": count for reason, count in refused.items()},
    }


def conditions_counts(told: Conditions) -> dict[str, int]:
    """What the conditions of one LS add: luminosity in parts of `LUMINOSITY`, where it is known."""
    found: dict[str, int] = {}
    for name, value in (("delivered", told.delivered), ("recorded", told.recorded)):
        if value is not None:
            found |= {name: round(value * LUMINOSITY), f"{name}_known": 1}
    return found


def count_again(connection: Connection, run: int | None = None) -> None:
    """Count anew what is stored of a run, or of all."""
    added: dict[Place, Counter[str]] = {}
    for place, counts in _all_counts(connection, run):
        added.setdefault(place, Counter()).update(counts)
    emptied = delete(TALLIES)
    connection.execute(emptied if run is None else emptied.where(TALLIES.c.run == run))
    insert_rows(connection, TALLIES, _rows(added))


def _all_counts(
    connection: Connection, run: int | None
) -> Iterator[tuple[Place, Mapping[str, int]]]:
    r, lumi, known = REPORTS.c, LUMISECTIONS.c, CONDITIONS.c
    # Few ways in which the reports of an LS come out are many LSs.
    reports = select(r.run, r.set, r.workspace, r.scope, r.outcomes, func.count().label("times"))
    reports = reports.group_by(r.run, r.set, r.workspace, r.scope, r.outcomes)
    for row in _read(connection, reports, r.run, run):
        counts = {name: n * row["times"] for name, n in _of_reports(row).items()}
        yield Place(row["run"], row["set"], row["workspace"]), counts
    names = ("set", "run", "closed", "complete", "whole", "account", "late_account")
    accounts = select(*(lumi[name] for name in names))
    for row in _read(connection, accounts, lumi.run, run):
        yield Place(row["run"], row["set"]), _of_account(row)
    for row in _read(connection, select(known.run, known.schema, known.body), known.run, run):
        told = unpack(Conditions, row["schema"], row["body"])
        yield Place(row["run"]), conditions_counts(told)


def _read(connection: Connection, query: Any, column: Any, run: int | None) -> Iterator[Any]:
    chosen = query if run is None else query.where(column == run)
    for row in connection.execute(chosen, execution_options={"yield_per": _ROWS}):
        yield row._mapping


def _of_reports(row: Mapping[str, Any]) -> dict[str, int]:
    """One LS, by the worst outcome of the tests on it alone; what is said of windows is not it."""
    if row["scope"] != "lumisection":
        return {}
    return {worst_of(_COUNTS.decode(row["outcomes"])).value: 1}


def _of_account(row: Mapping[str, Any]) -> dict[str, int]:
    account, late = _ACCOUNT.decode(row["account"]), _ACCOUNT.decode(row["late_account"])
    return account_counts(account, late, row["closed"], row["complete"], row["whole"])


def _add(connection: Connection, added: Mapping[Place, Mapping[str, int]]) -> None:
    rows = _rows(added)
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


@cache
def _adding(dialect: str) -> Insert:
    # Building the statement takes many times what running it does.
    insert = postgresql.insert(TALLIES) if dialect == "postgresql" else sqlite.insert(TALLIES)
    key = [column.name for column in TALLIES.primary_key]
    total = {"count": TALLIES.c.count + insert.excluded.count}
    return insert.on_conflict_do_update(index_elements=key, set_=total)


def _rows(added: Mapping[Place, Mapping[str, int]]) -> list[dict[str, Any]]:
    return [
        {**place._asdict(), "name": name, "count": count}
        for place, counts in added.items()
        for name, count in counts.items()
        if count
    ]


def _held(connection: Connection, query: Any, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row that is there under a key."""
    row: Row[Any] | None = connection.execute(query, {f"of_{n}": v for n, v in key.items()}).first()
    return None if row is None else dict(row._mapping)


def _one_of(table: Any, names: Iterable[str]) -> Any:
    return select(table).where(*(table.c[name] == bindparam(f"of_{name}") for name in names))


_REPORTS_OF: Final = _one_of(REPORTS, _REPORT_KEYS).with_only_columns(
    REPORTS.c.scope, REPORTS.c.outcomes
)
_LUMISECTION_OF: Final = _one_of(LUMISECTIONS, _LUMISECTION_KEYS)
_CONDITIONS_OF: Final = _one_of(CONDITIONS, ("run", "lumisection"))
