"""The store as the recorder sees it: one writer, one transaction for each batch of the log."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, inspect, select, text

from dqmstream.errors import LogIdentityError, MessageError
from dqmstream.messages.struct import Message
from dqmstream.store import schema
from dqmstream.store.answers import Hole
from dqmstream.store.compaction import ChunkSettings, compact, due_chunks
from dqmstream.store.database import Database, upsert
from dqmstream.store.known import Known
from dqmstream.store.listings import lumisections
from dqmstream.store.listings.runs import SPOKEN_OF
from dqmstream.store.pruning import Pruned, Pruner, Spared
from dqmstream.store.recording import Recorded, Recording
from dqmstream.store.retention import Retention
from dqmstream.store.tables import HOLES, LOG, POSITIONS, REMOVED, RUNS

__all__ = ["Refused", "StoreWriter"]

_REMOVALS: Final = select(func.max(REMOVED.c.id))
_SCHEMA: Final = text("SELECT version_num FROM alembic_version")
Positions = Mapping[tuple[str, int], int]


class Refused(NamedTuple):
    """A message the store cannot hold: its place in what was given to `write`, and why."""

    place: int
    reason: str
    detail: str


class StoreWriter:
    """Records batches of messages, each together with the positions after it.

    Blocking; to be used by one thread at a time.

    Parameters
    ----------
    url
        `sqlite:///file` or `postgresql+driver://...`; made, or brought up to this release's schema,
        as a `Store` is.
    log
        Identity of the log that is recorded.
    chunks
        Default: `ChunkSettings()`.

    Raises
    ------
    LogIdentityError
        If the store holds the history of another log.
    StoreError
        If the store is of a newer release, and this one cannot record into it; if it has to be
        brought up by `dqmstream store migrate`; or if it cannot be opened.
    """

    def __init__(self, url: str, *, log: str, chunks: ChunkSettings | None = None) -> None:
        self._chunks = chunks or ChunkSettings()
        self._database = Database(url, writing=True)
        self._known = Known()
        self._removals: int | None = None
        self._schema: str | None = None
        try:
            with self._database.transaction() as connection:
                # Before it is brought up: the store of another system is not ours to change.
                if inspect(connection).has_table(LOG.name):
                    self._require_log(connection, log)
            schema.bring_up(self._database, "record")
            with self._database.transaction() as connection:
                self._schema = schema.standing(connection)
                if not self._require_log(connection, log):
                    connection.execute(insert(LOG), {"identity": log})
        except BaseException:
            self.close()
            raise

    def _require_log(self, connection: Connection, log: str) -> bool:
        """Whether the store holds the history of this log; False if of none yet."""
        found = connection.execute(select(LOG.c.identity)).scalar_one_or_none()
        if found is not None and found != log:
            msg = (
                f"store {self._database.name} holds the history of log {found}, this is log {log}: "
                "record it in another store, or put the log back that belongs to this one"
            )
            raise LogIdentityError(msg)
        return found is not None

    def positions(self) -> dict[tuple[str, int], int]:
        """Next offset by (topic, partition), for those that were read before."""
        with self._database.transaction() as connection:
            rows = connection.execute(select(POSITIONS)).all()
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def write(
        self,
        messages: Sequence[Message],
        positions: Positions,
        holes: Sequence[Hole] = (),
        *,
        offsets: Sequence[int] | None = None,
    ) -> Recorded | tuple[Refused, ...]:
        """Record messages and positions, all or nothing.

        Parameters
        ----------
        messages
            In the order of the log.
        positions
            Next offset of each partition that was read, after these messages.
        holes
            Offsets that expired before they could be read.
        offsets
            Of each message in its partition; without them nobody can say later as of which offset
            contents were known.

        Returns
        -------
        Recorded or tuple of Refused
            What has changed; or, if messages were refused, which: then nothing has, and the
            others are to be written without them.

        Raises
        ------
        StoreError
            If the database is full, busy or away, or has got a schema with which this release
            cannot go on: nothing has changed, and the same call may be made again.
        """
        known: Sequence[int | None] = [None] * len(messages) if offsets is None else offsets
        try:
            with self._database.transaction() as connection:
                self._require_schema(connection)
                recording = self._recording(connection)
                for message, offset in zip(messages, known, strict=True):
                    recording.take(message, offset)
                recorded = recording.finish()
                _write_positions(connection, positions, holes)
        except MessageError:
            self._known.forget()
            return self._refused(messages)
        except BaseException:
            self._known.forget()
            raise
        return recorded

    def _require_schema(self, connection: Connection) -> None:
        """Another release may have brought the store up, or taken it back, since it was opened."""
        found = connection.execute(_SCHEMA).scalar_one_or_none()
        if found != self._schema:
            schema.require_fit(self._database, connection, "record")
            self._schema = found

    def _refused(self, messages: Sequence[Message]) -> tuple[Refused, ...]:
        """Which messages are refused, the others being taken; leaves nothing behind.

        Each has a savepoint of its own here, and only here: what is refused half-way must not
        make the next one be refused.
        """
        refused = []
        try:
            with self._database.transaction() as connection:
                recording = self._recording(connection)
                for place, message in enumerate(messages):
                    try:
                        with connection.begin_nested():
                            recording.take(message)
                    except MessageError as error:
                        self._known.forget()
                        refused.append(Refused(place, error.reason, error.detail))
                connection.rollback()
        finally:
            self._known.forget()
        return tuple(refused)

    def _recording(self, connection: Connection) -> Recording:
        removals = connection.execute(_REMOVALS).scalar_one()
        if removals != self._removals:
            # Series that retention has summed or removed, in whatever process, are other ones now.
            self._known.forget()
            self._removals = removals
        return Recording(connection, self._known, self._chunks)

    def compact(self, busy: frozenset[int] = frozenset()) -> int:
        """Fold the tail into chunks where it is due, each chunk in a transaction of its own.

        Parameters
        ----------
        busy
            Series that LSs have just come for (`Recorded.series`).

        Returns
        -------
        int
            Number of chunks written.
        """
        with self._database.transaction() as connection:
            self._require_schema(connection)
            due = due_chunks(connection, self._chunks.lag, busy)
        for chunk in due:
            with self._database.transaction() as connection:
                self._require_schema(connection)
                layout = self._known.layout(connection, chunk.series.booking)
                if layout is not None:  # as it is while the foreign key of `series` holds
                    compact(connection, chunk, layout)
        return len(due)

    def prune(self, policy: Retention, now: int) -> tuple[tuple[Pruned, ...], tuple[Spared, ...]]:
        """Remove what a policy says, each run in a transaction of its own; see `Pruner.prune`."""
        with self._database.transaction() as connection:
            self._require_schema(connection)
        return Pruner(self._database).prune(policy, now)

    def newest_run(self) -> int:
        """Highest run that more than conditions are stored of, 0 before there is one."""
        with self._database.transaction() as connection:
            newest = select(func.max(RUNS.c.run)).where(SPOKEN_OF)
            return connection.execute(newest).scalar_one() or 0

    def missing(self, first_run: int) -> dict[tuple[str, int], tuple[int, ...]]:
        """By (set, run), LSs between stored ones that are not closed, from a run on."""
        with self._database.transaction() as connection:
            return lumisections.missing(connection, first_run, 2**63 - 1)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def _write_positions(connection: Connection, positions: Positions, holes: Sequence[Hole]) -> None:
    rows = [
        {"topic": topic, "partition": partition, "next_offset": offset}
        for (topic, partition), offset in positions.items()
    ]
    upsert(connection, POSITIONS, rows)
    upsert(
        connection,
        HOLES,
        [
            {
                "topic": hole.topic,
                "partition": hole.partition,
                "first": hole.first,
                "next_offset": hole.next_offset,
                "noticed": hole.noticed,
            }
            for hole in holes
        ],
    )
