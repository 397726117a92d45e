"""What is changed of a run when it is played again, and what never is."""

import asyncio
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.clock import SettableClock
from dqmstream.errors import ConfigurationError
from dqmstream.messages.events import LumisectionEnd, RunEnd
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.producing import ProducerProgress, ProducerSettings, produce
from dqmstream.producing.disturbed import produce_disturbed
from dqmstream.producing.pace import Pace
from playback.recordings.from_log import record_log
from playback.replaying import ChangedRun, Changes, LoopedRuns, Steering, parse_changes
from playback.replaying.control import answering, ask
from tests.event_files import chunks_of
from tests.recorded import PARTITIONS, SmallRun, small_log

RANGES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 3)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=3,
)


def test_changes_are_read_as_they_are_written() -> None:
    changes = parse_changes(
        holes=["3,7-9", "12-"],
        late=["bu2+1.5", "cms-a+b+30"],
        repeated=["all*3"],
        renamed=["streamLookArea=streamDQM"],
    )
    holes = [number for number in range(1, 15) if changes.is_hole(number)]
    assert holes == [3, 7, 8, 9, 12, 13, 14]
    assert changes.late == {"bu2": 1.5, "cms-a+b": 30.0}
    assert [changes.sent(number) for number in (1, 99)] == [3, 3]
    assert changes.renamed == {"streamLookArea": "streamDQM"}
    assert Changes().sent(4) == 1


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"holes": ["x"]}, "hole 'x': expected LSs as 3, 7-9 or 12-"),
        ({"holes": ["9-7"]}, "expected LSs as"),
        ({"holes": ["0"]}, "expected LSs as"),
        ({"late": ["bu2"]}, r"expected SOURCE\+SECONDS"),
        ({"late": ["bu2+-3"]}, r"expected SOURCE\+SECONDS"),
        ({"late": ["bu2+nan"]}, r"expected SOURCE\+SECONDS"),
        ({"repeated": ["3*1"]}, "with 2 to 10 times"),
        ({"repeated": ["3*2", "4*3"]}, "one number of times"),
        ({"renamed": ["a"]}, "expected OLD=NEW"),
        ({"renamed": ["a=b\n"]}, "printable"),
    ],
)
def test_what_is_written_wrongly_is_refused(written: dict[str, list[str]], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_changes(**written)


def test_sources_that_are_not_played_or_would_have_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'b' is not played: expected one of a"):
        Changes(late={"b": 1.0}).check(["a"])
    with pytest.raises(ConfigurationError, match="two sources would be 'b'"):
        Changes(renamed={"a": "b"}).check(["a", "b"])


@settings(max_examples=30)
@given(RANGES, st.floats(0, 100), st.integers(1, 2**31) | st.none())
def test_chunks_numbers_and_counts_are_never_changed(
    holes: list[tuple[int, int]], late: float, run: int | None
) -> None:
    """Only run, name and pace are; LSs that are holes are left out whole."""
    changes = Changes(holes=tuple(holes), late={"small": late}, renamed={"small": "other"})
    source = SmallRun()
    played = ChangedRun(source, changes, run=run)
    before, after = chunks_of(source), chunks_of(played)
    assert set(after) == {number for number in before if not changes.is_hole(number)}
    for number, chunks in after.items():
        assert [one.body for one in chunks] == [one.body for one in before[number]]
        assert [(one.seen, one.selected, one.dropped) for one in chunks] == [
            (one.seen, one.selected, one.dropped) for one in before[number]
        ]
    assert (played.name, played.run) == ("other", run or 7)
    assert ("re-timed" in played.marks) == (played.run != 7)
    assert (played.incarnation == source.incarnation) == (not holes)


@settings(max_examples=30)
@given(RANGES, st.floats(0, 100))
def test_event_times_do_not_depend_on_holes_and_come_late_by_as_much(
    holes: list[tuple[int, int]], late: float
) -> None:
    """What comes after a hole comes when it would have come without."""
    played = ChangedRun(SmallRun(), Changes(holes=tuple(holes), late={"small": late}))
    begins = 20.0 * (played.first_lumisection - 1)
    for one in played.lumisections(0):
        for number, chunk in enumerate(one.chunks()):
            expected = 20.0 * (one.lumisection - 1) + 4.0 * (number + 1) + late
            assert begins + chunk.at == pytest.approx(expected)
        begins += one.seconds


def test_holes_at_the_beginning_make_a_run_that_begins_later() -> None:
    played = ChangedRun(SmallRun(), parse_changes(holes=["1-2"]))
    assert played.first_lumisection == 3
    assert list(chunks_of(played)) == [3, 4, 5]
    with pytest.raises(ConfigurationError, match="nothing is left"):
        ChangedRun(SmallRun(), parse_changes(holes=["1-"]))


def test_runs_count_up_from_the_first_and_begin_again() -> None:
    looped = LoopedRuns(
        [[SmallRun(7)], [SmallRun(9)]], Changes(), first=100, count=5, steering=Steering()
    )
    played = [(one.run, one.source.run) for (one,) in looped]
    assert played == [(100, 7), (101, 9), (102, 7), (103, 9), (104, 7)]
    once = LoopedRuns([[SmallRun(7)]], Changes(), first=None, count=1, steering=Steering())
    assert [(one.run, one.marks) for (one,) in once] == [(7, ("simulated",))]


def test_chunks_are_sent_twice_of_sources_that_only_a_later_run_has() -> None:
    runs = [[SmallRun(7)], [SmallRun(9), SmallRun(9, name="late")]]
    changes = parse_changes(repeated=["all*3"], renamed=["late=other"])
    looped = LoopedRuns(runs, changes, first=None, count=2, steering=Steering())
    assert {name: one.times(4) for name, one in looped.disturbed().items()} == {
        SmallRun(7).name: 3,
        "other": 3,
    }
    usual = LoopedRuns(runs, Changes(), first=None, count=2, steering=Steering())
    assert usual.disturbed() == {}


async def test_chunks_sent_twice_and_holes_end_up_in_the_log_as_they_should(
    tmp_path: Path,
) -> None:
    """Nobody says anything of a hole: no chunk, no LumisectionEnd; repeats bear the same ids."""
    clock = SettableClock()
    log = await small_log(clock)
    played = ChangedRun(SmallRun(), parse_changes(holes=["2"], repeated=["all*3"]), run=50)
    progress = ProducerProgress()
    await produce_disturbed(
        log,
        played,
        troubles=played,
        clock=clock,
        settings=ProducerSettings(),
        progress=progress,
    )
    ends: set[int] = set()
    last: set[int] = set()
    batches = 0
    async with log.reader({(EVENTS, number): 0 for number in range(PARTITIONS)}) as reader:
        while records := await reader.read(timeout=0):
            for record in records:
                message = CODEC.decode(record.headers, record.value)
                batches += type(message).__name__ == "EventBatch"
                if isinstance(message, LumisectionEnd):
                    ends.add(message.lumisection)
                if isinstance(message, RunEnd):
                    last.add(message.last_lumisection)
    assert (ends, last, batches) == ({1, 3, 4, 5}, {5}, 3 * 5)
    recording = await record_log(log, tmp_path / "recording", seconds=20.0)
    chunks = await asyncio.to_thread(chunks_of, recording.sources[0])
    assert {n: [c.body for c in of] for n, of in chunks.items()} == {
        n: [c.body for c in of] for n, of in (chunks_of(SmallRun()) | {2: []}).items()
    }


class _Waited(Pace):
    """One that tells that an event of the current LS is waited for."""

    def __init__(self, clock: SettableClock, speed: float) -> None:
        super().__init__(clock, speed)
        self.begun = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        self.begun.set()
        await super().wait(seconds)

    def next_lumisection(self, seconds: float) -> None:
        super().next_lumisection(seconds)
        self.begun.clear()


async def test_a_command_ends_the_run_with_the_current_lumisection_and_loses_nothing() -> None:
    """The rest of the LS is sent at once; what the log has of it is whole."""
    clock = SettableClock()  # it stands still: without commands nothing would ever be sent
    log = await small_log(clock)
    steering = Steering()
    played = ChangedRun(SmallRun(), Changes(), steering=steering)
    pace = _Waited(clock, 1.0)
    steering.begin(7, "small", pace)
    progress = ProducerProgress()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce(log, played, clock=clock, progress=progress, pace=pace))
        async with asyncio.timeout(90):
            await pace.begun.wait()
            await asyncio.sleep(0.05)
            assert (progress.lumisection, progress.chunks) == (None, 0)
            steering.next_lumisection()
            while progress.lumisection != 1:  # noqa: ASYNC110 what a producer tells is no event
                await asyncio.sleep(0.01)
            await pace.begun.wait()  # else nothing of LS 2 is played yet, and the run ends before
            await asyncio.sleep(0.05)
            assert (progress.lumisection, progress.chunks) == (1, 2)
            steering.next_run()
    assert (progress.lumisection, progress.chunks) == (2, 5)
    assert steering.commands == {"next-run": 1, "next-lumisection": 1}


async def test_commands_come_by_a_socket_of_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "socket"
    steering = Steering()

    def answer(command: str) -> object:
        try:
            return ask(path, command)
        except ConfigurationError as error:
            return str(error)

    assert "no replay answers" in str(await asyncio.to_thread(answer, "status"))
    async with answering(path, steering, lambda: {"run": 5}):
        assert stat.S_IMODE((await asyncio.to_thread(path.stat)).st_mode) == 0o600
        assert await asyncio.to_thread(answer, "next-run") == {"run": 5}
        assert await asyncio.to_thread(answer, "next-lumisection") == {"run": 5}
        assert steering.commands == {"next-run": 1, "next-lumisection": 1}
        said = str(await asyncio.to_thread(answer, "explode"))
        assert "expected next-run, next-lumisection, status" in said
        for raw in (b"\xff\xff\n", b"{}\n", b"x" * 10_000 + b"\n", b""):
            reply = await asyncio.to_thread(_raw, path, raw)
            assert b"expected" in reply or not reply
        assert await asyncio.to_thread(answer, "status") == {"run": 5}
        with pytest.raises(ConfigurationError, match="another replay answers"):
            async with answering(path, steering, dict):
                pass
        assert await asyncio.to_thread(answer, "status") == {"run": 5}
    assert "no replay answers" in str(await asyncio.to_thread(answer, "status"))


async def test_a_socket_that_a_dead_replay_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with answering(path, Steering(), lambda: {"run": 1}):
        assert await asyncio.to_thread(ask, path, "status") == {"run": 1}


def _raw(path: Path, raw: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(4096)
        except OSError:
            return b""
