"""How a whole system stands, from its log alone: topics, services, lag, open LSs, missing sources.

Pure: bounds of partitions and heartbeats in, a report out. Whoever reads the log can make it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from dqmstream.identity import kind_of_service
from dqmstream.messages.booking import Activation
from dqmstream.messages.operations import Dead, Heartbeat
from dqmstream.messages.topics import DISPLAYS, EVENTS, HISTOGRAMS, dead_topic
from dqmstream.transport.record import Bounds, TopicPartition
from services.gateway.pulse import Beat
from services.status.statuses import (
    DeadStatus,
    LineStatus,
    OpenStatus,
    PositionStatus,
    ServiceStatus,
    StatusReport,
    TopicStatus,
)

__all__ = ["analysed_in_force", "status_report"]

_NEEDED: Final = ("filler", "comparator", "recorder", "gateway")
_READ_BY: Final = (("filler", EVENTS), ("analyser", EVENTS), ("comparator", HISTOGRAMS))
"""Topics of which every partition must have a reader of a kind, where that kind is needed."""
_NEWS: Final = 600.0
"""Seconds after which a silent service is no news: others have taken over, or are missed."""
_DEAD: Final = dead_topic("")
_DETAIL: Final = 500
"""Characters of what is wrong with a dead record: details may quote what came."""


def status_report(
    *,
    now: int,
    log: str,
    bounds: Mapping[TopicPartition, Bounds],
    newest: Mapping[TopicPartition, int],
    beats: Sequence[Beat],
    absent: Sequence[str] = (),
    analysed: Collection[str] = (),
    dead: Mapping[TopicPartition, Dead] | None = None,
) -> StatusReport:
    """The report.

    Parameters
    ----------
    now
        Wall clock, nanoseconds since 1970.
    log
        Identity of the log.
    bounds
        Of all partitions.
    newest
        When the newest record of a partition was appended, where it is known.
    beats
        Newest heartbeat of each service of each process, with its age.
    absent
        Topics that should be there and are not.
    analysed
        Workspaces in force that an analyser fills.
    dead
        The newest dead letter of each partition of a dead topic.
    """
    positions = [position for beat in beats for position in _positions(beat.heartbeat, bounds)]
    owners = _owners(beats)
    missing = sorted({name for beat in owners.values() for name in beat.heartbeat.missing})
    return StatusReport(
        now=now,
        log=log,
        problems=tuple(_problems(beats, bounds, missing, absent, analysed)),
        topics=tuple(_topics(bounds, newest, now)),
        services=tuple(_service(beat, positions) for beat in beats),
        positions=tuple(positions),
        open=tuple(_open(owners, now)),
        missing=tuple(missing),
        dead=tuple(_dead(bounds, newest, dead or {})),
    )


def analysed_in_force(
    activations: Sequence[Activation], analysed: Mapping[str, bool]
) -> frozenset[str]:
    """Workspaces that an analyser fills, of sets that are shown and were not replaced since.

    Parameters
    ----------
    analysed
        By workspace, whether it has an analysis.
    """
    found: set[str] = set()
    replaced: set[str] = set()
    for one in sorted(activations, key=lambda each: (each.from_run, each.when), reverse=True):
        # A set that shares workspaces with a later one is the one before it.
        if not replaced & set(one.workspaces):
            found.update(name for name in one.workspaces if analysed.get(name))
        replaced.update(one.workspaces)
    return frozenset(found)


def _topics(
    bounds: Mapping[TopicPartition, Bounds], newest: Mapping[TopicPartition, int], now: int
) -> Iterator[TopicStatus]:
    for name in sorted({topic for topic, _ in bounds}):
        places = [place for place in bounds if place[0] == name]
        records = sum(bounds[place].end - bounds[place].start for place in places)
        if name.endswith(_DEAD) and not records:
            continue
        stamp = max((newest[place] for place in places if place in newest), default=None)
        yield TopicStatus(
            name=name,
            partitions=len(places),
            records=records,
            newest=stamp,
            age=None if stamp is None else _age(stamp, now),
        )


def _dead(
    bounds: Mapping[TopicPartition, Bounds],
    newest: Mapping[TopicPartition, int],
    letters: Mapping[TopicPartition, Dead],
) -> Iterator[DeadStatus]:
    for topic in sorted({topic for topic, _ in letters}):
        places = [place for place in bounds if place[0] == topic]
        records = sum(bounds[place].end - bounds[place].start for place in places)
        if not records:
            continue  # what was there has expired
        last = max(
            (place for place in letters if place[0] == topic), key=lambda p: newest.get(p, 0)
        )
        letter = letters[last]
        yield DeadStatus(
            topic=letter.topic,
            records=records,
            when=newest.get(last),
            partition=letter.partition,
            offset=letter.offset,
            reason=letter.reason,
            detail=letter.detail[:_DETAIL],
        )


def _positions(
    heartbeat: Heartbeat, bounds: Mapping[TopicPartition, Bounds]
) -> Iterator[PositionStatus]:
    for place, position in sorted(heartbeat.positions.items()):
        topic, _, number = place.rpartition("/")
        if not number.isdigit() or (topic, int(number)) not in bounds:
            continue
        end = bounds[topic, int(number)].end
        yield PositionStatus(
            process=heartbeat.process,
            service=heartbeat.service,
            topic=topic,
            partition=int(number),
            position=position,
            end=end,
            lag=max(0, end - position),
        )


def _service(beat: Beat, positions: Iterable[PositionStatus]) -> ServiceStatus:
    heartbeat = beat.heartbeat
    lags = [
        each.lag
        for each in positions
        if (each.process, each.service) == (heartbeat.process, heartbeat.service)
    ]
    return ServiceStatus(
        process=heartbeat.process,
        service=heartbeat.service,
        state=beat.state,
        age=beat.age,
        run=heartbeat.run,
        lumisection=heartbeat.lumisection,
        lag=sum(lags) if lags else None,
        memory=heartbeat.memory,
        counts=heartbeat.counts,
        waits_for=heartbeat.waits_for,
        lines=tuple(
            LineStatus(when=each.when, level=each.level, text=each.text) for each in heartbeat.lines
        ),
    )


def _owners(beats: Iterable[Beat]) -> dict[int, Beat]:
    """Who spoke last of each partition of events: a zombie's view of it is not shown."""
    owners: dict[int, Beat] = {}
    for beat in sorted(beats, key=lambda each: each.heartbeat.when):
        for place in beat.heartbeat.positions:
            topic, _, number = place.rpartition("/")
            if (
                topic == EVENTS
                and number.isdigit()
                and kind_of_service(beat.heartbeat.service) == "filler"
            ):
                owners[int(number)] = beat
    return owners


def _open(owners: Mapping[int, Beat], now: int) -> Iterator[OpenStatus]:
    found: dict[tuple[int, int, int], list[tuple[int, int, tuple[str, ...]]]] = {}
    for partition, beat in owners.items():
        for each in beat.heartbeat.open:
            if each.partition == partition:
                key = (each.run, each.lumisection, each.segment)
                found.setdefault(key, []).append((partition, each.since, each.awaiting))
    for (run, lumisection, segment), pieces in sorted(found.items()):
        since = min((since for _, since, _ in pieces if since), default=0)
        yield OpenStatus(
            run=run,
            lumisection=lumisection,
            segment=segment,
            partitions=tuple(sorted(partition for partition, _, _ in pieces)),
            since=since,
            age=_age(since, now) if since else None,
            awaiting=tuple(sorted({name for _, _, names in pieces for name in names})),
        )


def _problems(
    beats: Sequence[Beat],
    bounds: Mapping[TopicPartition, Bounds],
    missing: Iterable[str],
    absent: Iterable[str],
    analysed: Collection[str],
) -> Iterator[str]:
    yield from (f"topic {name} does not exist" for name in absent)
    ready = [beat.heartbeat for beat in beats if beat.state == "ready"]
    kinds = {kind_of_service(heartbeat.service) for heartbeat in ready}
    yield from (f"no {kind} is ready" for kind in _NEEDED if kind not in kinds)
    if analysed and "analyser" not in kinds:
        yield f"no analyser is ready: nobody fills {', '.join(sorted(analysed))}"
    for each in ready:
        if kind_of_service(each.service) == "analyser":
            yield from _unanalysed(each)
    # A system may do without one; whether this one does is told by the events there are.
    shown = bounds.get((DISPLAYS, 0))
    if shown is not None and shown.end > shown.start and "display" not in kinds:
        yield "no display is ready: no new events are shown"
    for beat in beats:
        if beat.state == "stale" and beat.age < _NEWS:
            name = f"{beat.heartbeat.service} of {beat.heartbeat.process}"
            yield f"{name} has been silent for {beat.age:.0f} s"
    for kind, topic in _READ_BY:
        read = {
            p for each in ready if kind_of_service(each.service) == kind for p in each.positions
        }
        places = sorted(place for place in bounds if place[0] == topic)
        unread = [str(number) for _, number in places if f"{topic}/{number}" not in read]
        if kind in kinds and unread and (kind != "analyser" or analysed):
            yield f"no {kind} reads {topic} partition {', '.join(unread)}"
    yield from (f"source {name} is missing" for name in missing)


def _unanalysed(analyser: Heartbeat) -> Iterator[str]:
    """What an analyser has lost since it started."""
    for name, what in (("lost", "LSs that are never analysed"), ("expired", "records unread")):
        if number := analyser.counts.get(name, 0):
            yield f"{analyser.service} of {analyser.process} lost {number} {what}: see its log"


def _age(stamp: int, now: int) -> float:
    return max(0.0, (now - stamp) / 1e9)
