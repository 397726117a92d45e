"""The hub: whatever happens, a client that follows the rules holds what the server holds."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.gateway.hub import Hub, HubLimits, LimitError
from services.gateway.state import State

CHANNELS = ("a", "b", "c")


class Follower:
    """A client by the book, as the page is: snapshots, changes, overlaps, gaps."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.id = hub.join()
        self.held: dict[str, dict[str, Any]] = {}
        self.gaps = 0

    def follow(self, raw: bytes) -> None:
        message = orjson.loads(raw)
        name = message["channel"]
        if message["type"] == "snapshot":
            self.held[name] = message
            return
        mine = self.held.get(name)
        if mine is None or message["sequence"] <= mine["sequence"]:
            return
        if message["base"] != mine["sequence"]:
            self.gaps += 1
            del self.held[name]
            self.hub.resync(self.id, name)
            return
        mine["header"] |= message.get("header", {})
        for array, change in message.get("arrays", {}).items():
            for at, to in zip(change["at"], change["to"], strict=True):
                mine["arrays"][array][at] = to
        mine["rows"] |= message.get("rows", {})
        for key in message.get("gone", []):
            del mine["rows"][key]
        mine["sequence"] = message["sequence"]

    def take(self) -> bool:
        update = self.hub.take(self.id)
        if update is None:
            return False
        self.follow(update.message)
        return True

    def take_all(self) -> None:
        while self.take():
            pass


def as_json(state: State) -> dict[str, Any]:
    options = orjson.OPT_SERIALIZE_NUMPY
    body = {"header": state.header, "arrays": state.arrays, "rows": state.rows}
    return orjson.loads(orjson.dumps(body, option=options))


def plot(*values: float, entries: int = 0, **rows: int) -> State:
    return State(
        header={"entries": entries, "run": 1}, arrays={"values": np.array(values)}, rows=rows
    )


def test_a_new_client_begins_with_a_snapshot_and_goes_on_with_changes():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    assert hub.publish("a", plot(0.0, 0.0, 0.0, 0.0, 0.0)) == (me.id,)
    first = orjson.loads(hub.take(me.id).message)
    hub.publish("a", plot(0.0, 7.0, 0.0, 0.0, 0.0, entries=7))
    second = orjson.loads(hub.take(me.id).message)
    assert first["type"] == "snapshot"
    assert second == {
        "type": "change",
        "channel": "a",
        "base": first["sequence"],
        "sequence": second["sequence"],
        "header": {"entries": 7},
        "arrays": {"values": {"at": [1], "to": [7.0]}},
    }


def test_a_stalled_client_catches_up_with_one_snapshot_and_costs_one_slot():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(*[0.0] * 10))
    me.take_all()
    for number in range(1, 100):
        hub.publish("a", plot(float(number), *[0.0] * 9))
        assert hub.waiting(me.id) == 1
    assert orjson.loads(hub.take(me.id).message)["type"] == "snapshot"
    assert hub.take(me.id) is None


def test_a_client_that_keeps_up_is_not_delayed_by_one_that_does_not():
    hub = Hub()
    stalled, quick = Follower(hub), Follower(hub)
    for each in (stalled, quick):
        hub.subscribe(each.id, "s", ["a"])
    for number in range(50):
        state = plot(float(number), *[0.0] * 9)
        hub.publish("a", state)
        quick.take_all()
        assert quick.held["a"]["arrays"] == as_json(state)["arrays"]


def test_a_change_that_overlaps_a_snapshot_is_dropped():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(*[0.0] * 9))
    me.take_all()
    hub.publish("a", plot(1.0, *[0.0] * 8))
    late = hub.take(me.id)
    hub.resync(me.id, "a")
    me.take_all()
    me.follow(late.message)
    assert me.gaps == 0
    assert me.held["a"]["arrays"]["values"][0] == 1.0


def test_a_lost_change_is_a_gap_and_a_resync_heals_it():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(*[0.0] * 9))
    me.take_all()
    hub.publish("a", plot(1.0, *[0.0] * 8))
    assert hub.take(me.id) is not None  # lost on the way
    hub.publish("a", plot(1.0, 2.0, *[0.0] * 7))
    me.take_all()
    assert me.gaps == 1
    assert me.held["a"]["arrays"]["values"][:2] == [1.0, 2.0]


def test_a_channel_left_by_all_and_watched_again_starts_from_nothing_with_a_higher_number():
    hub = Hub()
    first, second = Follower(hub), Follower(hub)
    hub.subscribe(first.id, "s", ["a"])
    hub.publish("a", plot(1.0))
    first.take_all()
    before = first.held["a"]["sequence"]
    hub.leave(first.id)
    assert hub.watched == frozenset()
    hub.subscribe(second.id, "s", ["a"])
    assert hub.stateless == {"a"}
    assert hub.take(second.id) is None
    hub.publish("a", plot(1.0))
    second.take_all()
    assert second.held["a"]["sequence"] > before


def test_an_update_says_how_fresh_the_events_are_that_it_brings():
    hub = Hub()
    me, late = Follower(hub), Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", State(header={"n": 1}, heard=10))
    assert hub.take(me.id).heard == 0, "what a client begins with may be old"
    hub.publish("a", State(header={"n": 2}, heard=20))
    hub.subscribe(late.id, "s", ["a"])
    assert hub.take(me.id).heard == 20
    assert hub.take(late.id).heard == 0
    hub.publish("a", State(header={"n": 3}, heard=20))
    assert hub.take(me.id).heard == 0, "it brought no events"


def test_a_state_that_shows_nothing_new_is_not_sent():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(1.0, float("nan"), x=1))
    me.take_all()
    assert hub.publish("a", plot(1.0, float("nan"), x=1)) == ()
    assert hub.take(me.id) is None


@pytest.mark.parametrize(
    "after",
    [plot(1.0, 2.0, 3.0), State(header={"other": 1}), plot(9.0, 9.0)],
    ids=["other shape", "other header keys", "all cells changed"],
)
def test_what_a_change_cannot_say_in_less_comes_as_a_snapshot(after):
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(1.0, 2.0))
    me.take_all()
    hub.publish("a", after)
    assert orjson.loads(hub.take(me.id).message)["type"] == "snapshot"


def test_two_subscriptions_to_one_channel_are_one_slot_until_both_are_gone():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a", "b"])
    hub.subscribe(me.id, "t", ["a"])
    assert set(hub.held(me.id)) == {"a", "b"}
    hub.unsubscribe(me.id, "s")
    assert set(hub.held(me.id)) == {"a"}
    assert hub.unsubscribe(me.id, "t")
    assert not hub.unsubscribe(me.id, "t")
    assert hub.watched == frozenset()


def test_more_than_the_limits_is_refused_and_changes_nothing():
    hub = Hub(HubLimits(clients=1, subscriptions=2, channels=3))
    me = Follower(hub)
    with pytest.raises(LimitError, match="1 clients"):
        hub.join()
    hub.subscribe(me.id, "s", ["a"])
    with pytest.raises(LimitError, match="4 plots"):
        hub.subscribe(me.id, "s", ["a", "b", "c", "d"])
    hub.subscribe(me.id, "t", ["b"])
    with pytest.raises(LimitError, match="3 subscriptions"):
        hub.subscribe(me.id, "u", ["c"])
    assert set(hub.held(me.id)) == {"a", "b"}


def test_the_channel_that_has_waited_longest_is_taken_first():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a", "b"])
    hub.publish("b", plot(1.0))
    hub.publish("a", plot(1.0))
    hub.publish("b", plot(2.0))
    assert orjson.loads(hub.take(me.id).message)["channel"] == "b"
    assert orjson.loads(hub.take(me.id).message)["channel"] == "a"


states = st.builds(
    plot,
    *[st.integers(0, 2).map(float)] * 4,
    entries=st.integers(0, 2),
    x=st.integers(0, 1),
) | st.builds(plot, st.integers(0, 2).map(float), y=st.integers(0, 1))


class Interleavings(RuleBasedStateMachine):
    """Publishing, joining, stalling, losing, leaving, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(HubLimits(clients=4))
        self.truth: dict[str, State] = {}
        self.clients: list[Follower] = []

    @precondition(lambda self: len(self.clients) < 4)
    @rule(channels=st.sets(st.sampled_from(CHANNELS)))
    def join(self, channels):
        client = Follower(self.hub)
        self.clients.append(client)
        self.hub.subscribe(client.id, "s", channels)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def leave(self, data):
        client = data.draw(st.sampled_from(self.clients))
        self.clients.remove(client)
        self.hub.leave(client.id)
        self.forget_unwatched()

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), channels=st.sets(st.sampled_from(CHANNELS)))
    def subscribe(self, data, channels):
        client = data.draw(st.sampled_from(self.clients))
        self.hub.subscribe(client.id, "s", channels)
        for name in set(client.held) - channels:
            del client.held[name]
        self.forget_unwatched()

    @rule(channel=st.sampled_from(CHANNELS), state=states)
    def publish(self, channel, state):
        watched = channel in self.hub.watched
        self.hub.publish(channel, state)
        if watched:
            self.truth[channel] = state

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), steps=st.integers(1, 3))
    def take(self, data, steps):
        client = data.draw(st.sampled_from(self.clients))
        for _ in range(steps):
            client.take()

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def lose(self, data):
        self.hub.take(data.draw(st.sampled_from(self.clients)).id)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), channel=st.sampled_from(CHANNELS))
    def resync(self, data, channel):
        client = data.draw(st.sampled_from(self.clients))
        assert self.hub.resync(client.id, channel) == (channel in self.hub.held(client.id))

    def forget_unwatched(self):
        self.truth = {name: s for name, s in self.truth.items() if name in self.hub.watched}

    @invariant()
    def slots_are_bounded_by_what_is_watched(self):
        for client in self.clients:
            assert self.hub.waiting(client.id) <= len(self.hub.held(client.id))

    def teardown(self):
        for client in self.clients:
            # One more change on every channel shows any gap; then all must be level.
            for name in self.hub.watched:
                state = plot(5.0, 5.0, 5.0, 5.0, entries=client.id)
                self.hub.publish(name, state)
                self.truth[name] = state
        for client in self.clients:
            client.take_all()
            for name in self.hub.held(client.id):
                held = client.held[name]
                assert {key: held[key] for key in ("header", "arrays", "rows")} == as_json(
                    self.truth[name]
                )


Interleavings.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestInterleavings = Interleavings.TestCase


@given(before=states, after=states)
def test_before_and_change_make_after(before, after):
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    for state in (before, after):
        hub.publish("a", state)
        me.take_all()
    assert {key: me.held["a"][key] for key in ("header", "arrays", "rows")} == as_json(after)
