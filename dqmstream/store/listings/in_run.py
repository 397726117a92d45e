"""What is known of a run beside its contents: conditions of its LSs, how it was judged."""

from typing import Final

from sqlalchemy import Connection, bindparam, select

from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.store.bodies import unpack
from dqmstream.store.tables import CONDITIONS, REPORTS

__all__ = ["conditions", "newest_reports"]

_R: Final = REPORTS.c
_OF_WORKSPACE: Final = (
    _R.run == bindparam("of_run"),
    _R.set == bindparam("of_set"),
    _R.workspace == bindparam("of_workspace"),
)
# The key begins with run and LS: the newest row is found from the end of the run's.
_NEWEST: Final = (
    select(_R.lumisection).where(*_OF_WORKSPACE).order_by(_R.lumisection.desc()).limit(1)
)
_REPORTS_AT: Final = select(_R.schema, _R.body).where(
    *_OF_WORKSPACE, _R.lumisection == _NEWEST.scalar_subquery()
)
_C: Final = CONDITIONS.c
_CONDITIONS_OF: Final = (
    select(_C.lumisection, _C.schema, _C.body)
    .where(_C.run == bindparam("of_run"))
    .order_by(_C.lumisection)
)


def newest_reports(
    connection: Connection, set: str, run: int, workspace: str
) -> tuple[QualityReports, ...]:
    """All reports of a workspace at the newest LS of a run that has any: on that LS, and on windows
    that end with it, as the whole run."""
    place = {"of_set": set, "of_run": run, "of_workspace": workspace}
    rows = connection.execute(_REPORTS_AT, place)
    return tuple(unpack(QualityReports, row.schema, row.body) for row in rows)


def conditions(connection: Connection, run: int) -> dict[int, Conditions]:
    """Conditions by LS, rising, also of LSs of which nothing else is stored."""
    rows = connection.execute(_CONDITIONS_OF, {"of_run": run})
    return {row.lumisection: unpack(Conditions, row.schema, row.body) for row in rows}
