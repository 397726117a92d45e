"""Whom a source waits for."""

from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.producing.peers import Peers
from dqmstream.producing.settings import lumisections_apart


def stands(source: str, lumisection: int, *, run: int = 7, ended: bool = False) -> SourceCheckpoint:
    return SourceCheckpoint(
        source=source, run=run, incarnation="one", lumisection=lumisection, ended=ended
    )


def test_the_slowest_source_counts() -> None:
    peers = Peers(7, ["a", "b"], patience=10, now=0)
    peers.note(stands("a", 5), 1)
    assert peers.slowest(1) == 0
    peers.note(stands("b", 3), 2)
    assert peers.slowest(2) == 3


def test_other_runs_and_sources_do_not_matter() -> None:
    peers = Peers(7, ["a"], patience=10, now=0)
    peers.note(stands("a", 5, run=8), 1)
    peers.note(stands("c", 1), 1)
    assert peers.slowest(1) == 0


def test_a_source_that_ended_is_not_waited_for() -> None:
    peers = Peers(7, ["a", "b"], patience=10, now=0)
    peers.note(stands("a", 2, ended=True), 0)
    peers.note(stands("b", 4), 0)
    assert peers.slowest(0) == 4
    peers.note(stands("b", 9, ended=True), 0)
    assert peers.slowest(0) is None


def test_a_silent_source_is_not_waited_for_until_it_speaks_again() -> None:
    peers = Peers(7, ["a", "b"], patience=10, now=0)
    peers.note(stands("a", 5), 8)
    assert peers.slowest(10) == 0
    assert peers.slowest(10.1) == 5
    assert peers.slowest(18.1) is None
    peers.note(stands("b", 1), 19)
    assert peers.slowest(19) == 1


def test_nobody_else_means_no_waiting() -> None:
    peers = Peers(7, [], patience=10, now=0)
    assert not peers
    assert peers.slowest(0) is None


def test_sources_stay_less_than_half_of_the_open_lumisections_apart() -> None:
    for most in range(1, 100):
        apart = lumisections_apart(most)
        assert apart < most / 2 <= apart + 1
