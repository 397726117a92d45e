"""The status of a system: what is said of topics, services, open LSs, and what to look at."""

import io
from typing import Any

import pytest
from rich.console import Console

from dqmstream.clock import SettableClock
from dqmstream.errors import LogUnavailableError
from dqmstream.messages.booking import Activation, Analysis, Booking
from dqmstream.messages.operations import Dead, Heartbeat, LogLine, OpenLumisection
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    BOOKINGS,
    DISPLAYS,
    EVENTS,
    HEARTBEATS,
    HISTOGRAMS,
    TOPICS,
    dead_topic,
)
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Bounds, Log, Outgoing, TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.gateway.pulse import Beat, Pulse
from services.status.reader import StatusReader
from services.status.report import analysed_in_force, status_report
from services.status.statuses import StatusReport
from services.status.table import duration, status_tables

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
BOUNDS = {
    (EVENTS, 0): Bounds(10, 110),
    (EVENTS, 1): Bounds(0, 50),
    (HISTOGRAMS, 0): Bounds(0, 20),
    (dead_topic(EVENTS), 0): Bounds(0, 0),
}
POSITIONS = {
    "filler-0": {f"{EVENTS}/0": 100, f"{EVENTS}/1": 50},
    "comparator": {f"{HISTOGRAMS}/0": 20},
    "recorder": {f"{HISTOGRAMS}/0": 17},
    "gateway": {f"{HISTOGRAMS}/0": 20},
}


def heartbeat(service: str, *, age: float = 1.0, process: str = "p", **fields: Any) -> Heartbeat:
    fields.setdefault("positions", POSITIONS.get(service, {}))
    fields.setdefault("state", "ready")
    when = NOW - round(age * SECOND)
    return Heartbeat(process=process, service=service, when=when, **fields)


def open_on(partition: int, lumisection: int = 7, **fields: Any) -> OpenLumisection:
    return OpenLumisection(run=1, lumisection=lumisection, segment=0, partition=partition, **fields)


def beats_of(heartbeats: list[Heartbeat]) -> list[Beat]:
    pulse = Pulse(15.0)
    for each in heartbeats:
        pulse.take(each)
    return pulse.beats(NOW)


def report(*changed: Heartbeat, **given: Any) -> StatusReport:
    """Of a system that works, but for the services whose heartbeats are given."""
    names = {(each.process, each.service) for each in changed}
    rest = [heartbeat(service) for service in POSITIONS if ("p", service) not in names]
    fields: dict[str, Any] = {
        "now": NOW,
        "log": "log",
        "bounds": BOUNDS,
        "newest": {(EVENTS, 0): NOW - 3 * SECOND, (EVENTS, 1): NOW - 5 * SECOND},
        "beats": beats_of([*rest, *changed]),
    }
    return status_report(**fields | given)


def test_a_system_that_works_has_nothing_to_look_at():
    assert report().problems == ()


def test_topics_say_how_many_records_and_how_old_the_newest_is():
    topics = {topic.name: topic for topic in report().topics}
    assert topics.keys() == {EVENTS, HISTOGRAMS}, "a dead topic without letters is left out"
    assert (topics[EVENTS].partitions, topics[EVENTS].records, topics[EVENTS].age) == (2, 150, 3.0)
    assert topics[HISTOGRAMS].newest is None


def test_dead_letters_are_shown():
    bounds = BOUNDS | {(dead_topic(EVENTS), 0): Bounds(0, 2)}
    assert dead_topic(EVENTS) in {topic.name for topic in report(bounds=bounds).topics}


def test_lag_is_by_partition_and_by_service():
    told = report()
    lags = {(each.service, each.topic, each.partition): each.lag for each in told.positions}
    assert lags["filler-0", EVENTS, 0] == 10
    assert lags["filler-0", EVENTS, 1] == 0
    assert {each.service: each.lag for each in told.services} == {
        "filler-0": 10,
        "comparator": 0,
        "recorder": 3,
        "gateway": 0,
    }


def test_positions_in_topics_that_nobody_knows_are_left_out():
    strange = heartbeat("gateway", positions={"other/0": 3, "dqm.events/x": 1, "dqm.events/9": 1})
    assert not [each for each in report(strange).positions if each.service == "gateway"]


def test_silence_is_a_problem_and_long_silence_is_the_lack_of_a_service():
    assert report(heartbeat("recorder", age=40)).problems == (
        "no recorder is ready",
        "recorder of p has been silent for 40 s",
    )
    assert report(heartbeat("recorder", age=900)).problems == ("no recorder is ready",)


def test_a_partition_without_filler_is_a_problem():
    half = heartbeat("filler-0", positions={f"{EVENTS}/0": 100})
    assert report(half).problems == (f"no filler reads {EVENTS} partition 1",)


def test_a_topic_that_is_not_there_is_a_problem():
    assert report(absent=[BOOKINGS]).problems == (f"topic {BOOKINGS} does not exist",)


def test_missing_sources_are_named_once():
    told = report(heartbeat("filler-0", missing=("b", "a")))
    assert told.missing == ("a", "b")
    assert told.problems == ("source a is missing", "source b is missing")


def test_an_open_lumisection_is_one_over_its_partitions():
    one = heartbeat(
        "filler-0",
        positions={f"{EVENTS}/0": 100},
        open=(open_on(0, since=NOW - 9 * SECOND, awaiting=("b",)),),
    )
    two = heartbeat(
        "filler-1",
        positions={f"{EVENTS}/1": 50},
        open=(open_on(1, since=NOW - 12 * SECOND, awaiting=("a", "b")), open_on(1, 8)),
    )
    first, second = report(one, two).open
    assert (first.lumisection, first.partitions, first.age) == (7, (0, 1), 12.0)
    assert first.awaiting == ("a", "b")
    assert (second.lumisection, second.partitions, second.age) == (8, (1,), None)


def test_what_a_zombie_holds_open_is_not_shown():
    zombie = heartbeat("filler-0", age=30, process="old", open=(open_on(0, 3), open_on(1, 3)))
    owner = heartbeat("filler-0", open=(open_on(0, 9),), positions=POSITIONS["filler-0"])
    assert [each.lumisection for each in report(zombie, owner).open] == [9]


def test_an_analyser_is_missed_where_a_workspace_needs_it():
    assert report(analysed=["spot", "drift"]).problems == (
        "no analyser is ready: nobody fills drift, spot",
    )
    both = {f"{EVENTS}/0": 100, f"{EVENTS}/1": 50}
    assert report(heartbeat("analyser", positions=both), analysed=["spot"]).problems == ()
    idle = heartbeat("analyser", positions={})
    assert report(idle).problems == ()
    assert report(idle, analysed=["spot"]).problems == (
        f"no analyser reads {EVENTS} partition 0, 1",
    )


def test_what_an_analyser_has_lost_is_a_problem():
    both = {f"{EVENTS}/0": 100, f"{EVENTS}/1": 50}
    lossy = heartbeat("analyser", positions=both, counts={"lost": 2, "expired": 70})
    assert report(lossy).problems == (
        "analyser of p lost 2 LSs that are never analysed: see its log",
        "analyser of p lost 70 records unread: see its log",
    )


def test_a_display_is_missed_where_there_was_one():
    shown = BOUNDS | {(DISPLAYS, 0): Bounds(3, 9)}
    assert report(bounds=shown).problems == ("no display is ready: no new events are shown",)
    assert report(heartbeat("display"), bounds=shown).problems == ()
    assert report(bounds=BOUNDS | {(DISPLAYS, 0): Bounds(9, 9)}).problems == ()


def activation(workspaces: str, from_run: int) -> Activation:
    names = tuple(workspaces.split())
    return Activation(set=workspaces, workspaces=names, from_run=from_run, who="me", when=from_run)


def test_workspaces_count_as_analysed_while_their_set_is_shown():
    analysed = {"spot": True, "pixel": False, "drift": True}
    first, other = activation("pixel spot", 1), activation("drift", 2)
    assert analysed_in_force([first, other], analysed) == {"spot", "drift"}
    assert analysed_in_force([first, other, activation("pixel", 5)], analysed) == {"drift"}
    assert analysed_in_force([], analysed) == frozenset()


# --------------------------------------------------------------------- reader


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
async def log(clock: SettableClock) -> MemoryLog:
    made = MemoryLog(clock)
    await made.ensure_topics(
        [
            TopicSpec(name=name, partitions=2 if name == EVENTS else 1)
            for name in TOPICS
            if name != BOOKINGS
        ]
    )
    return made


async def put(log: Log, topic: str, partition: int, message: Message | None = None) -> None:
    headers, value = CODEC.encode(message) if message else ((), b"x")
    await log.send(
        [Outgoing(topic=topic, partition=partition, key=b"k", headers=headers, value=value)]
    )


async def test_a_report_is_read_off_the_log(log, clock):
    reader = StatusReader(log, clock)
    await put(log, EVENTS, 0)
    clock.advance(4)
    await put(log, EVENTS, 1)
    await put(log, HEARTBEATS, 0)  # no message of ours
    await put(log, HEARTBEATS, 0, heartbeat("filler-0", age=-4, positions={f"{EVENTS}/0": 0}))
    told = await reader.report()
    topics = {topic.name: topic for topic in told.topics}
    assert (topics[EVENTS].records, topics[EVENTS].age) == (2, 0.0)
    assert (topics[HEARTBEATS].records, topics[HISTOGRAMS].newest) == (2, None)
    assert [(each.service, each.state, each.lag) for each in told.services] == [
        ("filler-0", "ready", 1)
    ]
    assert f"topic {BOOKINGS} does not exist" in told.problems


async def test_reports_follow_the_log_but_not_more_than_once_a_second(log, clock):
    reader = StatusReader(log, clock)
    first = await reader.report()
    await put(log, EVENTS, 0)
    assert await reader.report() is first
    clock.advance(2)
    await put(log, HEARTBEATS, 0, heartbeat("gateway", age=-2))
    second = await reader.report()
    assert {topic.name: topic.age for topic in second.topics}[EVENTS] == 2.0
    clock.advance(20)
    third = await reader.report()
    assert [each.state for each in third.services] == ["stale"]
    assert {topic.name: topic.age for topic in third.topics}[EVENTS] == 22.0


async def test_a_set_with_an_analysis_wants_an_analyser(log, clock):
    await log.ensure_topics([TopicSpec(name=BOOKINGS, partitions=1, compacted=True)])
    reader = StatusReader(log, clock)
    wanted = "no analyser is ready: nobody fills spot"
    analysis = Analysis(name="a.module:Spot", columns=("x",))
    await put(log, BOOKINGS, 0, Booking(workspace="spot", elements=(), analysis=analysis))
    assert wanted not in (await reader.report()).problems
    clock.advance(2)
    await put(log, BOOKINGS, 0, activation("spot", 1))
    assert wanted in (await reader.report()).problems
    clock.advance(2)
    await put(log, BOOKINGS, 0, Booking(workspace="spot", elements=()))
    assert wanted not in (await reader.report()).problems


async def test_a_log_that_is_away_is_said_to_be(log, clock, monkeypatch):
    """As the error it is: whoever watches shows the sentence, and asks again."""

    async def bounds(topic: str, partition: int) -> Bounds:
        msg = f"the bounds of {topic} partition {partition} are not known"
        raise LogUnavailableError(msg)

    monkeypatch.setattr(log, "bounds", bounds)
    with pytest.raises(LogUnavailableError, match="are not known"):
        await StatusReader(log, clock).report()


async def test_the_newest_dead_letter_of_a_topic_is_told_with_its_reason(log, clock):
    reader = StatusReader(log, clock)
    assert (await reader.report()).dead == ()
    clock.advance(2)
    for offset, reason in ((3, "old"), (9, "new")):
        letter = Dead(topic=EVENTS, partition=0, offset=offset, reason=reason, detail="x" * 9_000)
        await put(log, dead_topic(EVENTS), 0, letter)
    (told,) = (await reader.report()).dead
    assert (told.topic, told.records, told.offset, told.reason) == (EVENTS, 2, 9, "new")
    assert len(told.detail) == 500


def test_dead_letters_that_have_expired_are_told_no_more():
    place = (dead_topic(EVENTS), 0)
    letter = Dead(topic=EVENTS, partition=0, offset=3, reason="old", detail="")
    for start, told in ((1, 1), (2, 0)):
        given = report(bounds=BOUNDS | {place: Bounds(start, 2)}, dead={place: letter})
        assert [each.records for each in given.dead] == [1] * told


def test_the_last_warnings_of_a_service_are_told():
    line = LogLine(when=NOW, level="warning", text="chunk refused LS=3")
    told = report(heartbeat("filler-0", lines=(line,)))
    (filler,) = [each for each in told.services if each.service == "filler-0"]
    assert [each.model_dump() for each in filler.lines] == [
        {"when": NOW, "level": "warning", "text": "chunk refused LS=3"}
    ]


async def test_reading_a_status_writes_nothing(log, clock):
    async def ends() -> list[int]:
        return [(await log.bounds(topic, 0)).end for topic in TOPICS if topic != BOOKINGS]

    before = await ends()
    await StatusReader(log, clock).report()
    assert await ends() == before


# --------------------------------------------------------------------- tables


def drawn(told: StatusReport, width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(status_tables(told))
    return console.export_text()


def test_the_tables_say_what_a_shifter_needs():
    filler = heartbeat(
        "filler-0",
        run=1,
        lumisection=7,
        memory=325_000_000,
        open=(open_on(0, since=NOW - 90 * SECOND, awaiting=("b", "c")),),
        missing=("b",),
    )
    text = drawn(report(filler, heartbeat("recorder", age=40)))
    assert "source b is missing" in text
    assert "recorder of p has been silent for 40 s" in text
    assert "325 MB" in text
    assert "b (missing), c" in text
    assert "90 s" in text
    assert "150" in text


def test_a_system_at_rest_says_so():
    text = drawn(report())
    assert "nothing to look at" in text
    assert "no lumisection is open" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.04, "0.0 s"), (9.9, "9.9 s"), (45, "45 s"), (600, "10 min"), (7300, "2 h")],
)
def test_durations_are_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_a_report_survives_its_json():
    told = report(heartbeat("filler-0", open=(open_on(0),), missing=("b",)))
    assert StatusReport.model_validate_json(told.model_dump_json()) == told
