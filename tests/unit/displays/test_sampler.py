"""Which events are shown: never more than the rate, never larger than the limit, by the rules."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dqmstream.booking.columns import Columns
from dqmstream.displays.chunk import MOST_EVENTS
from dqmstream.displays.fitting import SMALLEST, size_of
from dqmstream.displays.sampler import FRESH_SECONDS, Sampler, SamplerSettings
from dqmstream.errors import ConfigurationError
from dqmstream.messages.display import EventDisplay
from tests.unit.displays.events import MENU, begins, chunk, columns, track

WALL = 1_700_000_000_000_000_000

EVENTS = st.lists(
    st.tuples(st.integers(0, 60), st.lists(st.integers(0, 3), max_size=3, unique=True)),
    max_size=6,
)
STEPS = st.lists(st.tuples(st.floats(0, 3), st.one_of(st.none(), EVENTS)), max_size=25)
RULES = st.lists(
    st.sampled_from(
        ["every:1", "every:3@0.7", "path:HLT_*Mu*@0.5", "path:*", "rare", "rare@0.25", "every:7"]
    ),
    min_size=1,
    max_size=4,
)


def play(settings: SamplerSettings, steps: Any) -> list[tuple[float, EventDisplay]]:
    """What a sampler shows when chunks come and time goes on."""
    sampler, now, number = Sampler(settings), 0.0, 0
    sampler.begin(begins())
    shown = []
    for wait, events in steps:
        now += wait
        if events:
            made = columns(
                [[track(1.0 + i) for i in range(n)] for n, _ in events],
                [p for _, p in events],
                first=1000 * number + 1,
            )
            sampler.take(chunk(number=number, events=len(events)), made, heard=WALL, now=now)
            number += 1
        if (display := sampler.next(now, WALL)) is not None:
            shown.append((now, display))
    return shown


@given(STEPS, RULES, st.floats(0.1, 20), st.integers(SMALLEST, 20_000))
def test_rate_and_size_are_kept_by_all_rules_together_and_by_each(
    steps: Any, rules: list[str], rate: float, limit: int
) -> None:
    shown = play(SamplerSettings(rate=rate, limit=limit, rules=tuple(rules)), steps)
    for (before, _), (after, _) in itertools.pairwise(shown):
        assert after - before >= (1 / rate) * (1 - 1e-9)
    assert all(size_of(display) <= limit for _, display in shown)
    for rule in {rule for rule in rules if "@" in rule and rules.count(rule) == 1}:
        own = [now for now, display in shown if display.rule == rule]
        apart = 1 / float(rule.partition("@")[2])
        assert all(b - a >= apart * (1 - 1e-9) for a, b in itertools.pairwise(own))


@given(STEPS, RULES)
def test_what_a_rule_picks_is_what_it_asks_for(steps: Any, rules: list[str]) -> None:
    place, at = 0, {}
    for number, events in enumerate(filter(None, (events for _, events in steps))):
        for index, (many, passed) in enumerate(events):
            at[1000 * number + 1 + index] = (place, [MENU[p] for p in passed])
            place += many > 0
    for _, display in play(SamplerSettings(rate=5, rules=tuple(rules)), steps):
        order, passed = at[display.event]
        assert display.rule in rules
        assert display.layers
        assert list(display.paths) == passed
        if display.rule.startswith("every"):
            assert order % int(display.rule.partition(":")[2].partition("@")[0]) == 0
        if display.rule.startswith("path:HLT_*Mu*"):
            assert "HLT_IsoMu24" in display.paths
        if display.rule == "path:*":
            assert display.paths


@given(STEPS, RULES)
def test_equal_chunks_at_equal_times_give_equal_events_and_none_twice(
    steps: Any, rules: list[str]
) -> None:
    settings = SamplerSettings(rate=5, rules=tuple(rules))
    first, second = play(settings, steps), play(settings, steps)
    assert first == second
    numbers = [display.event for _, display in first]
    assert len(numbers) == len(set(numbers))


def test_events_of_one_chunk_follow_each_other_at_the_rate_until_they_are_old() -> None:
    sampler = Sampler(SamplerSettings(rate=1, rules=("every:1",)))
    made = columns([[track(1.0)]] * 100, [[0]] * 100)
    sampler.take(chunk(events=100), made, heard=WALL, now=0.0)
    numbers = [display.event for t in range(100) if (display := sampler.next(t / 2, WALL))]
    assert numbers == list(range(1, int(FRESH_SECONDS) + 2))


def test_an_event_that_is_unlike_the_others_is_found_and_the_reason_said() -> None:
    sampler = Sampler(SamplerSettings(rules=("rare",)))
    sampler.begin(begins())
    tracks = [[track(1.0)] * 3 for _ in range(100)]
    tracks[70] = [track(1.0)] * 40
    passed = [[0] for _ in range(100)]
    passed[10] = [0, 3]
    passed[11] = [0, 3]
    sampler.take(chunk(events=100), columns(tracks, passed), heard=WALL, now=0.0)
    found = [sampler.next(float(t), WALL) for t in range(4)]
    said = [(display.event, display.why) for display in found if display]
    assert said == [
        (71, "32 to 63 tracks in 1 of 100 events"),
        (11, "HLT_PFJet500 in 2 of 100 events"),
        (12, "HLT_PFJet500 in 2 of 100 events"),
    ]


def test_before_enough_events_were_seen_nothing_is_rare() -> None:
    sampler = Sampler(SamplerSettings(rules=("rare",)))
    sampler.take(
        chunk(events=20), columns([[track(1.0)]] * 20, [[i % 4] for i in range(20)]), heard=0, now=0
    )
    assert sampler.next(0.0, WALL) is None


def test_what_is_rare_is_told_run_by_run() -> None:
    sampler = Sampler(SamplerSettings(rules=("rare",)))
    for run, path in ((1, 0), (2, 1)):
        made = columns([[track(1.0)]] * 100, [[path]] * 100)
        sampler.take(chunk(run=run, events=100), made, heard=0, now=0.0)
    assert sampler.next(0.0, WALL) is None


def test_of_a_huge_chunk_only_the_first_events_are_looked_at() -> None:
    sampler = Sampler(SamplerSettings(rules=("path:HLT_Ele32",)))
    sampler.begin(begins())
    passed: list[list[int]] = [[] for _ in range(MOST_EVENTS + 1)]
    passed[MOST_EVENTS] = [2]
    made = columns([[track(1.0)] for _ in passed], passed)
    sampler.take(chunk(events=len(passed)), made, heard=0, now=0.0)
    assert sampler.next(0.0, WALL) is None


def test_it_is_looked_for_chunks_twice_as_often_as_events_are_shown_and_no_more() -> None:
    sampler = Sampler(SamplerSettings(rate=2, rules=("path:HLT_Ele32",)))
    sampler.look(10.0)
    assert sampler.take(chunk(), columns([[]], [[]]), heard=0, now=10.0)
    assert sampler.next(10.0, WALL) is None
    assert sampler.due == 10.25


def test_a_source_that_draws_nothing_is_opened_once_and_hides_nobody() -> None:
    sampler = Sampler(SamplerSettings(rules=("every:1",)))
    blank = Columns(events=1, values={"event": np.array([7])}, collections={}, texts={})
    drawn, dull = chunk(), structs.replace(chunk(), source="dull")
    assert sampler.wants(dull)
    assert sampler.take(drawn, columns([[track(1.0)]], [[]]), heard=0, now=0.0)
    assert not sampler.take(dull, blank, heard=0, now=0.0)
    assert not sampler.wants(dull)
    assert sampler.wants(drawn)
    assert not sampler.wants(chunk(events=0))
    shown = sampler.next(0.0, WALL)
    assert shown is not None
    assert shown.event == 1


def test_paths_without_a_name_are_numbered_and_what_data_are_is_said() -> None:
    sampler = Sampler(SamplerSettings(rules=("every:1",)))
    sampler.begin(begins(labels={}, marks=("re-timed", "never heard of")))
    sampler.take(chunk(), columns([[track(1.0)]], [[2, 5]]), heard=WALL, now=0.0)
    display = sampler.next(0.0, WALL)
    assert display is not None
    assert (display.paths, display.paths_passed) == (("path 2", "path 5"), 2)
    assert display.marks == ("re-timed",)
    assert (display.orbit, display.bunch_crossing) == (None, 1237)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 0.0}, "above 0"),
        ({"rate": float("nan")}, "above 0"),
        ({"limit": 100}, "at least 4096"),
        ({"rules": ()}, "no display rule"),
        ({"rules": ("any",)}, "expected every:N"),
        ({"rules": ("every:0",)}, "whole number from 1"),
        ({"rules": ("every:²",)}, "whole number from 1"),
        ({"rules": ("every",)}, "whole number from 1"),
        ({"rules": ("path:a b",)}, "expected a path of letters"),
        ({"rules": ("rare:3",)}, "takes nothing"),
        ({"rules": ("rare@0",)}, "expected 0.0001 to 1000"),
        ({"rules": ("rare@often",)}, "expected 0.0001 to 1000"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_expected(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        SamplerSettings(**settings)
