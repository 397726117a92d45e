"""Which posted workspaces hold for a run is one answer, for whoever asks, whenever."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.configuration.history import History
from dqmstream.configuration.workspaces_by_run import WorkspacesByRun, kind_of_workspace
from dqmstream.messages.configuration import ConfigurationVersion, RunSeen

NAMES = ("a", "b")


def read(messages: Sequence[object]) -> WorkspacesByRun:
    found = WorkspacesByRun()
    for offset, message in enumerate(messages):
        found.take(offset, message)
    return found


def posted(
    number: int, *, name: str = "a", after: int = 0, restores: int | None = None, text: str = ""
) -> ConfigurationVersion:
    return ConfigurationVersion(
        kind=kind_of_workspace(name),
        number=number,
        text="" if restores == 0 else text or f"text {number}",
        hash=f"{number:016x}",
        who="expert",
        why="for the test",
        when=number,
        restores=restores,
        after_run=after,
        starts=(number,),
    )


def seen(run: int, who: str = "filler") -> RunSeen:
    return RunSeen(run=run, who=who)


def number_of(found: WorkspacesByRun, run: int) -> int | None:
    generation = found.of(run)
    return None if generation is None else generation.number


def test_a_version_holds_for_runs_that_begin_after_it_and_not_for_the_one_going_on() -> None:
    found = read([posted(1, after=5), seen(5), seen(6)])
    assert [number_of(found, run) for run in (4, 5, 6, 7)] == [None, None, 1, 1]
    assert found.texts == {"a": "text 1"}


def test_a_run_that_was_met_keeps_its_version_whatever_comes_later() -> None:
    """The version was written as if run 6 had not begun, but a filler had met it before."""
    found = read([posted(1, after=4), seen(6), posted(2, after=5)])
    assert number_of(found, 6) == 1
    assert number_of(found, 7) == 2


def test_a_run_that_a_filler_meets_late_has_the_version_of_when_it_began() -> None:
    """The filler lagged behind: run 6 had begun when the second version was written."""
    found = read([posted(1, after=5), posted(2, after=6), seen(6, "late"), seen(7)])
    assert [number_of(found, run) for run in (6, 7)] == [1, 2]


def test_rolled_back_to_nothing_the_next_run_has_none_of_it() -> None:
    found = read([posted(1, after=5), seen(6), posted(2, after=6, restores=0), seen(7)])
    of_next = found.of(7)
    assert of_next is not None
    assert (of_next.number, dict(of_next.texts)) == (2, {})
    assert number_of(found, 6) == 1


def test_workspaces_are_rolled_back_one_by_one() -> None:
    messages = [
        posted(1, name="a"),
        posted(1, name="b"),
        posted(2, name="a", restores=0),
    ]
    texts = [dict(one.texts) for one in read(messages).generations]
    assert texts == [{"a": "text 1"}, {"a": "text 1", "b": "text 1"}, {"b": "text 1"}]


def test_other_kinds_of_configuration_and_repeats_change_nothing() -> None:
    other = ConfigurationVersion(
        kind="quality_tests", number=1, text="x", hash="0", who="w", why="why", when=1
    )
    first = posted(1)
    found = read([other, first, first, None, seen(1), seen(1, "other")])
    assert len(found.generations) == 1
    assert not found.take(1, posted(2))
    assert len(found.generations) == 1


def test_only_generations_that_a_run_may_be_of_are_unfinished() -> None:
    messages: list[object] = [posted(1, after=5), seen(6)]
    messages += [posted(number, after=6) for number in range(2, 7)]
    assert [one.number for one in read(messages).unfinished(9)] == [1, 6]
    messages.append(posted(7, after=9))
    assert [one.number for one in read(messages).unfinished(9)] == [1, 6, 7]
    assert [one.number for one in read(messages).unfinished(2)] == [6, 7]


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from(NAMES), st.integers(0, 3)),
        st.tuples(st.just("back"), st.sampled_from(NAMES), st.integers(0, 3)),
        st.tuples(st.just("meet"), st.integers(1, 9), st.integers(0, 2)),
        st.tuples(st.just("begin"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


def topic(steps: Sequence[Any]) -> list[object]:
    """A topic as gateways and fillers could have written it: `begin` starts the next run, `behind`
    says how many runs a gateway has not seen yet."""
    messages: list[object] = []
    histories = {name: History(kind_of_workspace(name)) for name in NAMES}
    highest = 1
    for number, (what, which, extra) in enumerate(steps, start=1):
        if what == "begin":
            highest += 1
            continue
        if what == "meet":
            if which <= highest:
                messages.append(seen(which, f"filler-{extra}"))
            continue
        history = histories[which]
        if what == "back" and history.active is None:
            continue
        version = (
            history.next_version(f"text {number}", who="e", why="why", when=number)
            if what == "post"
            else history.rolled_back(who="e", why="why", when=number)
        )
        known = max(0, highest - extra)
        fields = {name: getattr(version, name) for name in version.__struct_fields__}
        version = ConfigurationVersion(**(fields | {"after_run": known, "starts": (number,)}))
        history.take(version)
        messages.append(version)
    return messages


@given(Steps)
def test_what_is_decided_of_a_run_never_changes(steps: Sequence[Any]) -> None:
    """Whoever has read more of the topic, or reads it anew after being killed, finds the same."""
    messages = topic(steps)
    found, decided = WorkspacesByRun(), dict[int, int | None]()
    for offset, message in enumerate(messages):
        found.take(offset, message)
        for run in range(1, 12):
            if found.is_decided(run):
                assert decided.setdefault(run, number_of(found, run)) == number_of(found, run)
    anew = read(messages)
    for run, number in decided.items():
        assert number_of(anew, run) == number


@given(Steps, st.data())
def test_reading_records_again_changes_nothing(steps: Sequence[Any], data: st.DataObject) -> None:
    messages = topic(steps)
    found = WorkspacesByRun()
    for offset, message in enumerate(messages):
        found.take(offset, message)
        again = data.draw(st.integers(0, offset))
        assert not found.take(again, messages[again])
    whole = read(messages)
    assert found.generations == whole.generations
    assert [found.of(run) for run in range(1, 12)] == [whole.of(run) for run in range(1, 12)]


@given(Steps)
def test_a_run_never_has_a_version_that_was_written_when_it_had_begun(steps: Sequence[Any]) -> None:
    found = read(topic(steps))
    for run in range(1, 12):
        generation = found.of(run)
        assert generation is None or generation.after_run < run


@given(Steps)
def test_every_run_that_can_be_of_a_generation_is_of_an_unfinished_one(
    steps: Sequence[Any],
) -> None:
    found = read(topic(steps))
    numbers = {one.number for one in found.unfinished(100)}
    assert {number_of(found, run) for run in range(1, 12)} - {None} <= numbers


@given(Steps)
def test_what_is_in_force_is_what_the_histories_say(steps: Sequence[Any]) -> None:
    found = read(topic(steps))
    active = {
        name: history.active.text
        for name, history in found.histories.items()
        if history.active is not None
    }
    assert found.texts == active


@pytest.mark.parametrize("kind", ["workspaces/", "workspaces", "workspace/a"])
def test_a_version_without_a_workspace_is_of_another_kind(kind: str) -> None:
    version = ConfigurationVersion(
        kind=kind, number=1, text="x", hash="0", who="w", why="why", when=1
    )
    assert not read([version]).generations
