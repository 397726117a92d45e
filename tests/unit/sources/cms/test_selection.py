"""Selection at the source: HLT paths as CMSSW's SelectEvents means them, and the prescale."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.selection import HltSelection, kept_by_prescale
from dqmstream.sources.cms.states import EXCEPTION, FAIL, PASS, READY, pack_states

MENU = ("HLT_ZeroBias_v6", "HLT_ZeroBias_part0_v1", "HLT_Mu20_v1", "AlCa_Pi0_v1")


def accepts(paths: Sequence[str], *states: int) -> bool:
    """Whether an event of these states is selected by these entries."""
    return HltSelection(paths=tuple(paths)).on_menu(MENU).accepts(pack_states(states))


@pytest.mark.parametrize(
    ("paths", "states", "expected"),
    [
        ([], (FAIL, FAIL, FAIL, FAIL), True),
        (["*"], (FAIL, FAIL, FAIL, FAIL), False),
        (["*"], (FAIL, FAIL, FAIL, PASS), True),
        (["HLT_Mu20_v1"], (PASS, PASS, FAIL, PASS), False),
        (["HLT_Mu20_v1"], (FAIL, FAIL, PASS, FAIL), True),
        (["HLT_Mu20_v1"], (FAIL, FAIL, EXCEPTION, FAIL), False),
        (["HLT_Mu??_v*"], (FAIL, FAIL, PASS, FAIL), True),
        (["HLT_Mu?_v*"], (FAIL, FAIL, PASS, FAIL), False),
        (["HLT_Mu*", "AlCa_*"], (FAIL, FAIL, FAIL, PASS), True),
        (["!HLT_Mu20_v1"], (FAIL, FAIL, FAIL, FAIL), True),
        (["!HLT_Mu20_v1"], (FAIL, FAIL, READY, FAIL), False),
        (["!HLT_Mu20_v1"], (FAIL, FAIL, EXCEPTION, FAIL), False),
        (["!HLT_ZeroBias*"], (FAIL, FAIL, PASS, PASS), True),
        (["!HLT_ZeroBias*"], (PASS, FAIL, FAIL, FAIL), False),
        (["!HLT_ZeroBias*"], (READY, FAIL, FAIL, FAIL), False),
        (["HLT_Mu*", "!HLT_ZeroBias*"], (PASS, FAIL, PASS, FAIL), True),
        (["HLT_Mu*", "!HLT_ZeroBias*"], (PASS, FAIL, FAIL, FAIL), False),
    ],
)
def test_an_event_is_selected_when_any_entry_is_met(
    paths: list[str], states: tuple[int, ...], expected: bool
) -> None:
    """A name is met by a pass; a negated one by failing, of all paths when it matches several."""
    assert accepts(paths, *states) is expected


def test_entries_that_match_nothing_are_told_and_never_met() -> None:
    """A menu may lack a path; an event must not be selected because of that."""
    menu = HltSelection(paths=("HLT_Gone_v1", "!HLT_Lost*", "HLT_Mu*")).on_menu(MENU)
    assert menu.unmatched == ("HLT_Gone_v1", "!HLT_Lost*")
    assert not menu.accepts(pack_states([FAIL] * 4))


@pytest.mark.parametrize("entry", ["", "!", "HLT A", "HLT_[ab]", "exception@HLT_A", "!!HLT_A"])
def test_an_entry_that_is_no_path_name_stops_the_start(entry: str) -> None:
    """Configuration errors are not left to be found by the first event."""
    with pytest.raises(ConfigurationError, match="HLT path"):
        HltSelection(paths=(entry,))


@pytest.mark.parametrize("prescale", [0, -1])
def test_a_prescale_below_one_stops_the_start(prescale: int) -> None:
    """There is no such prescale."""
    with pytest.raises(ConfigurationError, match="prescale"):
        HltSelection(prescale=prescale)


def slow_accepts(entries: Sequence[str], states: Sequence[int]) -> bool:
    """The same rule, path by path."""
    for entry in entries:
        pattern = entry.removeprefix("!").replace("*", ".*").replace("?", ".")
        matched = [s for name, s in zip(MENU, states, strict=True) if re.fullmatch(pattern, name)]
        if entry.startswith("!"):
            if matched and all(state == FAIL for state in matched):
                return True
        elif PASS in matched:
            return True
    return not entries


ENTRIES = st.lists(
    st.builds(
        str.__add__, st.sampled_from(["", "!"]), st.sampled_from([*MENU, "*", "HLT_*", "*_v1"])
    ),
    max_size=3,
)


@given(ENTRIES, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_bit_masks_decide_as_the_rule_path_by_path(entries: list[str], states: list[int]) -> None:
    """The fast decision over all paths at once equals the slow one."""
    assert accepts(entries, *states) is slow_accepts(entries, states)


@given(st.integers(0, 2**64 - 1))
def test_prescale_one_keeps_every_event(event: int) -> None:
    """Without a prescale nothing is lost."""
    assert kept_by_prescale(event, 1)


@pytest.mark.parametrize("step", [1, 8, 100, 4096])
def test_a_prescale_keeps_its_share_of_any_regular_numbers(step: int) -> None:
    """One in ten, also when a machine gets every hundredth event number."""
    kept = sum(kept_by_prescale(number, 10) for number in range(0, 20_000 * step, step))
    # 2000 expected with a standard deviation of 42: five of them.
    assert abs(kept - 2000) < 212


def test_the_prescale_is_pinned() -> None:
    """Which events are kept is part of what a recording is: it must not change by release."""
    assert [n for n in range(40) if kept_by_prescale(n, 8)] == [6, 29, 33, 38]
