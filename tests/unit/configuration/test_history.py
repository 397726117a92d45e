"""Versions of configuration: the last one is in force, and going back goes back."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.configuration.history import History
from dqmstream.errors import ConfigurationError

SAID = {"who": "expert", "why": "because"}


class Made:
    """A history, and what is in force by a list of what was put in force: the model."""

    def __init__(self) -> None:
        self.history = History("quality_tests")
        self.taken = []
        self.moment = 0

    def activate(self, text: str) -> None:
        self.moment += 1
        self.take(self.history.next_version(text, when=self.moment, **SAID))

    def roll_back(self, to: int | None = None) -> None:
        self.moment += 1
        self.take(self.history.rolled_back(to=to, when=self.moment, **SAID))

    def take(self, version) -> None:
        assert self.history.take(version)
        self.taken.append(version)

    @property
    def text(self) -> str | None:
        return None if self.history.active is None else self.history.active.text


@given(st.lists(st.one_of(st.just("back"), st.integers(0, 3)), max_size=20))
def test_going_back_undoes_the_last_activation_again_and_again(steps: list) -> None:
    made = Made()
    stack: list[str | None] = [None]
    for number, step in enumerate(steps):
        if step == "back":
            if len(stack) == 1:
                with pytest.raises(ConfigurationError):
                    made.roll_back()
                continue
            made.roll_back()
            stack.pop()
        else:
            text = f"{step}.{number}"
            made.activate(text)
            stack.append(text)
        assert made.text == stack[-1]


@given(st.lists(st.integers(0, 12), max_size=12), st.randoms())
def test_any_version_can_be_put_in_force_again(numbers: list[int], order: random.Random) -> None:
    made, texts = Made(), {0: None}
    for text in ("a", "b", "c"):
        made.activate(text)
        texts[made.history.number] = text
    for number in numbers:
        before = made.text
        if number not in texts or texts[number] == before:
            with pytest.raises(ConfigurationError):
                made.roll_back(number)
            continue
        made.roll_back(number)
        texts[made.history.number] = made.text
        assert made.text == texts[number]
    # However they come, and however often, they are the same history.
    again = History("quality_tests")
    for version in order.sample(made.taken * 2, len(made.taken) * 2):
        again.take(version)
    assert list(again.versions) == list(made.history.versions) == made.taken
    assert again.active == made.history.active


def test_what_is_in_force_is_not_activated_again() -> None:
    made = Made()
    made.activate("a")
    with pytest.raises(ConfigurationError, match="version 1 in force says the same"):
        made.activate("a")
    with pytest.raises(ConfigurationError, match="expected at most 1048576"):
        made.activate("#" * (1 << 20) + "#")


@given(
    st.lists(st.one_of(st.sampled_from(["a", "b", "c"]), st.integers(0, 6)), max_size=12),
    st.one_of(st.sampled_from(["a", "b", "c"]), st.integers(0, 6)),
)
def test_only_what_the_last_decision_was_is_taken_for_it(steps: list, wanted: str | int) -> None:
    """Asked again, it changes nothing: what is in force by it is what would be by a new one."""
    made = Made()
    texts: dict[int, str | None] = {0: None}
    for step in steps:
        with suppress(ConfigurationError):
            made.activate(step) if isinstance(step, str) else made.roll_back(step)
            texts[made.history.number] = made.text
    asked = {"text": wanted} if isinstance(wanted, str) else {"to": wanted}
    again = made.history.asked_again(**SAID, **asked)
    if again is not None:
        assert again == made.taken[-1]
        assert made.text == (wanted if isinstance(wanted, str) else texts[wanted])
        assert made.history.asked_again(who="another", why=SAID["why"], **asked) is None
        assert made.history.asked_again(who=SAID["who"], why="more", **asked) is None
    elif isinstance(wanted, str):
        assert made.text != wanted
    assert made.history.asked_again(**SAID) is None


def test_versions_of_other_kinds_are_not_taken() -> None:
    made, other = Made(), History("alarm_rules")
    assert not made.history.take(other.next_version("x", when=1, **SAID))
    assert made.history.number == 0


def test_of_two_versions_made_at_once_all_readers_take_the_same() -> None:
    first, second = Made(), Made()
    first.activate("a")
    second.moment = 5
    second.activate("b")
    for order in ((first, second), (second, first)):
        history = History("quality_tests")
        for one in order:
            history.take(one.taken[0])
        assert history.active is not None
        assert history.active.text == "b"
        assert history.next_version("c", when=9, **SAID).number == 2
