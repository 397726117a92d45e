"""Publishing an import: bookings, what is shown, who began and ended, and the sets themselves.

Of each LS only what the log does not hold yet is sent, so the same import again sends nothing;
after one that died on its way it sends what is missing, be it only that a source has ended.
Another content of an LS gets a higher epoch, for its history has changed. Epochs of imports are
seconds since 1970: they rise even after the log has let go of the sets before.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError
from dqmstream.fold.sets import MAX_BLOCK, split
from dqmstream.identity import compact_ranges, content_hash, stable_hash
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import BOOKINGS, CONDITIONS, EVENTS, HISTOGRAMS
from dqmstream.sources.histograms.reading import HistogramFile
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.outgoing import outgoing
from services.filler.announcing import activations
from services.importing.collecting import Collected, CollectedRun
from services.importing.known import (
    Ended,
    KnownPieces,
    fingerprint,
    known_ends,
    known_pieces,
)

__all__ = ["RunReport", "publish"]

_BATCH_BYTES = 8 << 20


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import brought to a run, in LSs: `sent` ones, of which `replaced` had other contents
    before, and `unchanged` ones that the log held already."""

    run: int
    set: str
    lumisections: int
    whole_run: bool
    histograms: int
    sent: int
    replaced: int
    unchanged: int
    notes: dict[str, int]


async def publish(
    log: Log, collected: Collected, *, clock: Clock, who: str, replace: bool = False
) -> list[RunReport]:
    """Send an import, once.

    Parameters
    ----------
    who
        Name in the activation.
    replace
        Show it also for runs of which other histograms were imported under this workspace.

    Raises
    ------
    ConfigurationError
        If it would hide histograms of the same workspace and run.
    LogError
        If the log refuses it.
    """
    known = await known_pieces(log, collected.workspace)
    hidden = _refuse_hiding(collected, known, replace=replace)
    ended = await known_ends(log, {run.run for run in collected.runs})
    await _announce(log, collected, hidden, clock=clock, who=who)
    return [
        await _send_run(log, run, collected, known, ended, clock=clock) for run in collected.runs
    ]


def _refuse_hiding(collected: Collected, known: KnownPieces, *, replace: bool) -> set[int]:
    """Runs in which the import takes the place of another one."""
    filled = [run.run for run in collected.runs if known.filled.get(run.run)]
    if filled:
        msg = (
            f"workspace {collected.workspace!r} was filled here in run {compact_ranges(filled)}: "
            "an import would hide that; give it a name of its own (--workspace)"
        )
        raise ConfigurationError(msg)
    other = [run.run for run in collected.runs if known.imported.get(run.run, set()) - {run.set}]
    if other and not replace:
        msg = (
            f"other histograms were imported as workspace {collected.workspace!r} in run "
            f"{compact_ranges(other)}: name another workspace (--workspace), or show these in "
            "their place (--replace)"
        )
        raise ConfigurationError(msg)
    return set(other)


async def _announce(
    log: Log, collected: Collected, hidden: set[int], *, clock: Clock, who: str
) -> None:
    """Bookings before anything that needs them; each set from its first run on, and from each run
    on of which another import is shown."""
    table = await latest_by_key(log, BOOKINGS)
    first: dict[str, int] = {}
    for run in collected.runs:
        key = f"booking/{content_hash(run.booking)}".encode()
        if run.set not in first and key not in table:
            await log.send([outgoing(BOOKINGS, 0, run.booking, key)])
        first.setdefault(run.set, run.run)
    decided = {(one.set, one.from_run) for one in activations(table)}
    shown = {
        (name, number)
        for name, number in first.items()
        if not any(of == name and from_run <= number for of, from_run in decided)
    }
    shown |= {(run.set, run.run) for run in collected.runs if run.run in hidden}
    for name, number in sorted(shown):
        activation = Activation(
            set=name,
            workspaces=(collected.workspace,),
            from_run=number,
            who=who,
            when=clock.wall(),
        )
        key = f"activation/{number}/{name}".encode()
        await log.send([outgoing(BOOKINGS, 0, activation, key)])


async def _send_run(
    log: Log,
    run: CollectedRun,
    collected: Collected,
    known: KnownPieces,
    ended: set[Ended],
    *,
    clock: Clock,
) -> RunReport:
    fresh: list[HistogramSet] = []
    replaced = 0
    for piece in run.pieces:
        held = known.held.get((piece.set, piece.run, piece.lumisection))
        if held is not None and held.fingerprint == fingerprint(piece):
            continue
        replaced += held is not None
        wall = clock.wall()
        epoch = max(wall // 1_000_000_000, 0 if held is None else held.epoch + 1)
        fresh.append(msgspec.structs.replace(piece, epoch=epoch, published=wall))
    files = [
        file for file in run.files if fresh or (run.run, file.source, file.incarnation) not in ended
    ]
    if files:
        await log.send(_starts(log, run, files, collected, clock))
        await _send_pieces(log, fresh)
        await log.send(_ends(log, run, files))
    return RunReport(
        run=run.run,
        set=run.set,
        lumisections=sum(piece.lumisection > 0 for piece in run.pieces),
        whole_run=any(piece.lumisection == 0 for piece in run.pieces),
        histograms=run.histograms,
        sent=len(fresh),
        replaced=replaced,
        unchanged=len(run.pieces) - len(fresh),
        notes=run.notes,
    )


async def _send_pieces(log: Log, pieces: Sequence[HistogramSet]) -> None:
    block = min(MAX_BLOCK, log.max_message_bytes(HISTOGRAMS) // 2)
    batch: list[Outgoing] = []
    for piece in pieces:
        partition = stable_hash(piece.workspace) % log.partitions(HISTOGRAMS)
        key = piece.workspace.encode()
        batch += [outgoing(HISTOGRAMS, partition, part, key) for part in split(piece, block)]
        if sum(message.size() for message in batch) > _BATCH_BYTES:
            await log.send(batch)
            batch = []
            await asyncio.sleep(0)
    if batch:
        await log.send(batch)


def _starts(
    log: Log,
    run: CollectedRun,
    files: Sequence[HistogramFile],
    collected: Collected,
    clock: Clock,
) -> list[Outgoing]:
    """For readers only: no fold is to wait for these sources, so `dqm.events` hears nothing."""
    return [
        outgoing(
            CONDITIONS,
            0,
            RunStart(
                run=run.run,
                source=file.source,
                incarnation=file.incarnation,
                rereadable=True,
                partitions=log.partitions(EVENTS),
                first_lumisection=run.pieces[0].lumisection,
                run_type="",
                marks=collected.marks[file.source],
                started=clock.wall(),
            ),
            str(run.run).encode(),
        )
        for file in files
    ]


def _ends(log: Log, run: CollectedRun, files: Sequence[HistogramFile]) -> list[Outgoing]:
    return [
        outgoing(
            CONDITIONS,
            0,
            RunEnd(
                run=run.run,
                source=file.source,
                incarnation=file.incarnation,
                rereadable=True,
                partitions=log.partitions(EVENTS),
                last_lumisection=run.pieces[-1].lumisection,
            ),
            str(run.run).encode(),
        )
        for file in files
    ]
