"""Versions of layouts: nothing that was written is lost, and all readers say the same."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.layouts import versions as module
from dqmstream.layouts.versions import (
    LayoutConflictError,
    LayoutVersions,
    NoLayoutError,
    is_deleted,
    key_of,
    name_of,
)
from dqmstream.messages.configuration import ConfigurationVersion

SAID = {"who": "expert", "why": "because"}
NAME = "Shift/Pixel"


def put(
    known: LayoutVersions, text: str, based_on: int | None, when: int = 1, **more: bool
) -> ConfigurationVersion:
    return known.put(NAME, text, based_on=based_on, when=when, **SAID, **more)


def written(known: LayoutVersions, text: str, when: int = 1) -> ConfigurationVersion:
    newest = known.newest(NAME)
    version = put(known, text, None if newest is None else newest.number, when)
    assert known.take(version)
    return version


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc"), st.integers(-2, 0)),
        st.tuples(st.just("delete"), st.just(""), st.integers(-2, 0)),
        st.tuples(st.just("restore"), st.just(""), st.integers(0, 8)),
    ),
    max_size=14,
)


@given(STEPS, st.booleans())
def test_versions_are_as_a_list_of_what_was_said(
    steps: list[tuple[str, str, int]], shipped: bool
) -> None:
    """The model: a list of contents, None for none, True for what is shipped."""
    known = LayoutVersions()
    model: list[str | bool | None] = [True if shipped else None]
    for when, (what, text, number) in enumerate(steps):
        base, newest = len(model) - 1 + number, model[-1]
        said = {"when": when, **SAID}
        try:
            if what == "put":
                version = known.put(NAME, text, based_on=base, shipped=shipped, **said)
                if newest == text:
                    assert version.number == len(model) - 1
                    continue
                assert number == 0
                content: str | bool | None = text
            elif what == "delete":
                version = known.deleted(NAME, based_on=base, shipped=shipped, **said)
                assert number == 0
                assert newest is not None
                content = None
            else:
                version = known.restored(NAME, number, shipped=shipped, **said)
                content = model[number]
                assert content is not None
                assert content != newest
        except LayoutConflictError:
            assert number != 0 or what == "restore"
            continue
        except NoLayoutError:
            if what == "restore":
                assert len(model) == 1 or number >= len(model) or model[number] is None
            else:
                assert newest is None
            continue
        assert version.number == len(model)
        assert known.take(version)
        model.append(content)
    for number, content in list(enumerate(model))[1:]:
        kept = known.get(NAME, number)
        assert kept is not None
        assert is_deleted(kept) == (content is None)
        assert (kept.restores == 0) == (content is True)
        assert kept.text == (content if isinstance(content, str) else "")


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=20), st.randoms())
def test_of_puts_of_the_same_version_one_wins_and_every_other_writer_knows(
    turns: list[tuple[int, bool]], order: random.Random
) -> None:
    """Three gateways write at will, and read the log now and then; the log has an order."""
    log: list[ConfigurationVersion] = []
    gateways, read = [LayoutVersions() for _ in range(3)], [0, 0, 0]
    won = 0
    for when, (who, reads) in enumerate(turns):
        known = gateways[who]
        if reads:
            while read[who] < len(log):
                known.take(log[read[who]])
                read[who] += 1
        newest = known.newest(NAME)
        version = put(known, f"text {when}", None if newest is None else newest.number, when)
        log.append(version)
        # What the desk does: it reads until its own has come, and looks who was first.
        while read[who] < len(log):
            known.take(log[read[who]])
            read[who] += 1
        won += known.get(NAME, version.number) == version
    again = LayoutVersions()
    for version in log:
        again.take(version)
    assert len(again.of(NAME)) == won
    assert [one.number for one in again.of(NAME)] == list(range(1, won + 1))
    # A reader that begins anew, and meets some records twice in their order, says the same.
    twice, start = LayoutVersions(), order.randint(0, len(log))
    for version in [*log, *log[start:]]:
        twice.take(version)
    assert list(twice.of(NAME)) == list(again.of(NAME))
    for known, place in zip(gateways, read, strict=True):
        for version in log[place:]:
            known.take(version)
        assert list(known.of(NAME)) == list(again.of(NAME))


def test_a_change_of_another_version_than_stands_is_refused_with_who_was_first() -> None:
    known = LayoutVersions()
    written(known, "a")
    written(known, "b")
    for base in (None, 0, 1, 3):
        with pytest.raises(LayoutConflictError, match="version 2 was written by expert") as found:
            put(known, "c", base)
        assert found.value.newest == known.newest(NAME)
    assert put(known, "b", 1) == known.newest(NAME), "what says the same was not lost"
    assert put(known, "c", 2).number == 3


def test_a_shipped_layout_is_covered_deleted_and_brought_back() -> None:
    known = LayoutVersions()
    with pytest.raises(LayoutConflictError, match="a shipped one is there"):
        put(known, "a", None, shipped=True)
    known.take(put(known, "a", 0, shipped=True))
    known.take(known.deleted(NAME, based_on=1, when=2, shipped=True, **SAID))
    assert known.take(put(known, "b", None, when=3, shipped=True)), "nobody is in the way now"
    back = known.restored(NAME, 0, when=4, shipped=True, **SAID)
    assert (back.number, back.restores, back.text) == (4, 0, "")
    assert not is_deleted(back)
    with pytest.raises(NoLayoutError, match="it has no version 0"):
        known.restored(NAME, 0, when=4, **SAID)
    with pytest.raises(NoLayoutError, match="version 2 deleted it; there are: 1, 3"):
        known.restored(NAME, 2, when=4, **SAID)


def test_old_versions_go_and_their_keys_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VERSIONS", 3)
    known = LayoutVersions()
    for number in range(1, 8):
        version = put(known, f"{number}", number - 1 or None, when=number)
        excess = known.in_excess(version)
        assert [key.split("/")[3] for key in excess] == ([f"{number - 3}"] if number > 3 else [])
        known.take(version)
        for key in excess:
            assert known.drop(key)
            assert not known.drop(key)
    assert [one.number for one in known.of(NAME)] == [5, 6, 7]
    assert known.bytes == 3
    with pytest.raises(NoLayoutError, match="version 4 is not kept, or never was"):
        known.restored(NAME, 4, when=9, **SAID)


def test_of_too_many_names_those_go_that_were_deleted_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 3)
    known = LayoutVersions()
    for when, name in enumerate("abc"):
        known.take(known.put(name, "text", based_on=None, when=when, **SAID))
    new = known.put("d", "text", based_on=None, when=9, **SAID)
    with pytest.raises(ConfigurationError, match="there are 3 layouts, expected at most 3"):
        known.in_excess(new)
    for when, name in ((5, "b"), (6, "a")):
        known.take(known.deleted(name, based_on=1, when=when, **SAID))
    for key in known.in_excess(new):
        known.drop(key)
    assert list(known.names) == ["a", "c"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=30))
def test_texts_never_take_more_than_they_may_and_no_newest_version_goes(
    puts: list[tuple[str, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_BYTES", 60)
        known, last = LayoutVersions(), dict[str, str]()
        for when, (name, size) in enumerate(puts):
            newest = known.newest(name)
            base = None if newest is None else newest.number
            version = known.put(name, f"{when:04}" + "." * size, based_on=base, when=when, **SAID)
            try:
                excess = known.in_excess(version)
            except ConfigurationError:
                kept = sum(len(text) for other, text in last.items() if other != name)
                assert kept + len(version.text) > 60, "there was room without versions of before"
                continue
            known.take(version)
            last[name] = version.text
            for key in excess:
                known.drop(key)
            assert known.bytes == sum(len(v.text) for n in known.names for v in known.of(n)) <= 60
            for other, text in last.items():
                assert getattr(known.newest(other), "text", None) == text


def test_a_version_that_lost_goes_with_the_next_one() -> None:
    """Else it would count, were the one that won against it gone one day."""
    known = LayoutVersions()
    first, second = put(known, "a", None), put(known, "b", None, when=2)
    assert known.take(first)
    assert not known.take(second)
    assert known.in_excess(put(known, "c", 1)) == [key_of(second)]
    known.drop(key_of(second))
    assert known.in_excess(put(known, "c", 1)) == []


def test_other_kinds_of_configuration_are_none_of_it() -> None:
    known = LayoutVersions()
    other = ConfigurationVersion(kind="alarm_rules", number=1, text="", hash="", when=1, **SAID)
    assert name_of(other) is None
    assert not known.take(other)
    assert not known.drop("alarm_rules/1/0123/1")
    assert not known.names
