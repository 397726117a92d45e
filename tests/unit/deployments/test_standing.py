"""Deployments are a fold over steps, in any order they are read in, whoever decides at once."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.configuration.history import History
from dqmstream.deployments.description import Described
from dqmstream.deployments.standing import Standing, folded, refusal, taken
from dqmstream.deployments.step import KIND, Action, Step
from dqmstream.messages.configuration import ConfigurationVersion

ACTIONS: tuple[Action, ...] = ("plan", "run", "promote", "drop", "rollback")
NAMES = ("a", "b", "c")
steps = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(NAMES))


def described(release: str) -> Described:
    return Described(release=release, set=release, workspaces={})


class Deploying:
    """Steps taken one after another, each as a version of the history that stands on the topic."""

    def __init__(self) -> None:
        self.history = History(KIND)
        self.moment = 0

    def take(self, action: Action, name: str, **fields: Any) -> ConfigurationVersion:
        """Take a step, whether it is allowed or not."""
        self.moment += 1
        if action == "plan":
            fields.setdefault("described", described(f"{name}{self.moment}"))
        text = Step(deployment=name, action=action, **fields).text()
        version = ConfigurationVersion(
            kind=KIND,
            number=self.history.number + 1,
            text=text,
            hash=f"{self.moment:016x}",
            who="expert",
            why=f"step {self.moment}",
            when=self.moment,
        )
        assert self.history.take(version)
        return version

    @property
    def standing(self) -> Standing:
        return folded(self.history.versions)


class Model:
    """The same in the simplest words: a dictionary of states and a list of what was in force."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.line: list[str] = []

    def take(self, action: str, name: str) -> bool:
        """Take a step if it may be taken."""
        state = self.state.get(name)
        if action == "plan" and state in (None, "planned", "dropped", "rolled_back"):
            self.state[name] = "planned"
        elif action == "run" and state in ("planned", "running"):
            self.state[name] = "running"
        elif action == "promote" and state in ("planned", "running"):
            if self.line:
                self.state[self.line[-1]] = "superseded"
            self.line.append(name)
            self.state[name] = "promoted"
        elif action == "drop" and state in ("planned", "running"):
            self.state[name] = "dropped"
        elif action == "rollback" and state == "promoted" and len(self.line) > 1:
            self.state[self.line.pop()] = "rolled_back"
            self.state[self.line[-1]] = "promoted"
        else:
            return False
        return True


@given(st.lists(steps, max_size=25), st.randoms())
def test_deployments_stand_as_a_simple_model_says(
    given_steps: list[tuple[Action, str]], order: random.Random
) -> None:
    """A step that is not allowed says why, and changes nothing but the record."""
    deploying, model = Deploying(), Model()
    for action, name in given_steps:
        before = deploying.standing
        said = refusal(before, action, name)
        allowed = model.take(action, name)
        assert bool(said) is not allowed
        version = deploying.take(action, name)
        after = deploying.standing
        assert (version.number in after.void) is not allowed
        if not allowed:
            assert (after.deployments, after.line) == (before.deployments, before.line)
        assert {one.name: one.state for one in after.deployments.values()} == model.state
        assert list(after.line) == model.line
        promoted = [one for one in after.deployments.values() if one.state == "promoted"]
        assert promoted == ([after.current] if after.current else [])
        assert taken(before, version) == after
    # However they are read, and however often, it is the same standing.
    versions = list(deploying.history.versions)
    assert folded(order.sample(versions * 2, len(versions) * 2)) == deploying.standing


@given(st.lists(steps, max_size=15))
def test_rolling_back_a_promotion_deploys_what_was_deployed_before(
    given_steps: list[tuple[Action, str]],
) -> None:
    deploying = Deploying()
    for action, name in given_steps:
        deploying.take(action, name)
    before = deploying.standing
    deploying.take("plan", "new")
    deploying.take("promote", "new")
    deploying.take("rollback", "new")
    after = deploying.standing
    if before.current is None:
        assert after.current is not None  # there is nothing to go back to
        assert after.current.name == "new"
    else:
        assert after.hash == before.hash
        assert after.line == before.line


def test_of_two_who_promote_at_once_the_second_changes_nothing_and_is_told_so() -> None:
    deploying = Deploying()
    for name in ("a", "b"):
        deploying.take("plan", name)
    here, there = Deploying(), Deploying()
    for one, moment, action in ((here, 10, "promote"), (there, 11, "drop")):
        for version in deploying.history.versions:
            one.history.take(version)
        one.moment = moment
        one.take(action, "a")
    both = [*here.history.versions, *there.history.versions]
    for order in (both, both[::-1]):
        standing = folded(order)
        assert standing.deployments["a"].state == "promoted"
        assert standing.void == (3,)


def test_a_plan_replaces_a_plan_and_what_is_deployed_is_not_planned_again() -> None:
    deploying = Deploying()
    deploying.take("plan", "a", described=described("1"))
    deploying.take("plan", "a", described=described("2"), summary="# a")
    assert deploying.standing.deployments["a"].described.release == "2"
    deploying.take("promote", "a")
    said = refusal(deploying.standing, "plan", "a")
    assert said == (
        "plan a: it is promoted, expected one that is dropped or not planned or planned or "
        "rolled back"
    )
    assert refusal(deploying.standing, "rollback", "a").endswith("nothing was deployed before it")


@pytest.mark.parametrize("text", ["", "{}", '{"deployment": "a", "action": "bless"}', "[[x]]"])
def test_a_step_that_this_release_does_not_know_is_void(text: str) -> None:
    """It was taken by a newer release."""
    version = ConfigurationVersion(
        kind=KIND, number=1, text=text, hash="0", who="me", why="so", when=1
    )
    assert folded([version]) == Standing(void=(1,))
    other = ConfigurationVersion(
        kind="quality_tests", number=1, text=text, hash="0", who="me", why="so", when=1
    )
    assert folded([other]) == Standing()
