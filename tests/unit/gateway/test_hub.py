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
from tests.unit.gateway.states import applied

CHANNELS = ("a", "b", "c")


class Follower:
    """A client by the book, as the page is: snapshots, changes, overlaps, gaps."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.id = hub.join()
        self.held: dict[str, dict[str, Any]] = {}
        self.names: dict[int, str] = {}
        self.gaps = 0

    def follow(self, raw: bytes) -> None:
        message = orjson.loads(raw)
        if message["type"] == "snapshot":
            self.names[message["number"]] = message["channel"]
            self.held[message["channel"]] = message
            return
        name = self.names.get(message["number"])
        mine = self.held.get(name or "")
        if mine is not None and message["sequence"] <= mine["sequence"]:
            return
        if mine is None or message["base"] != mine["sequence"]:
            self.gaps += 1
            self.held.pop(name or "", None)
            self.hub.resync(self.id, name or message["number"])
            return
        applied(mine, message)

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
        "number": first["number"],
        "base": first["sequence"],
        "sequence": second["sequence"],
        "header": {"entries": [7]},
        "arrays": {"values": {"skip": 1, "set": [7.0]}},
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


def counts(*values: int) -> State:
    return State(arrays={"values": np.array(values, np.int64)})


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (counts(5, 5, 5, 5), counts(5, 6, 5, 7), {"skip": 1, "add": [1, 0, 2]}),
        (counts(*[1] * 9), counts(3, *[1] * 7, 2), {"skip": [0, 7], "add": [2, 1]}),
        (counts(8, 9), counts(0, 1), {"skip": 0, "add": [-8, -8]}),
        (plot(1.5, 2.5, 3.5), plot(1.0, 2.5, 3.0), {"skip": [0, 1], "set": [1.0, 3.0]}),
        (plot(1.0, float("nan")), plot(float("nan"), 2.0), {"skip": 0, "set": [None, 2.0]}),
    ],
    ids=["close together", "far apart", "a new LS", "weights", "undefined"],
)
def test_cells_are_added_to_if_they_count_and_set_if_not(before, after, change):
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", before)
    me.take_all()
    hub.publish("a", after)
    assert orjson.loads(hub.take(me.id).message)["arrays"] == {"values": change}


def test_of_objects_only_the_parts_that_change_are_sent():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    row = {"state": "ready", "when": 1, "about": {"x": 1, "y": [2]}}
    hub.publish("a", State(header={"totals": {"n": 1, "nan": 0}, "run": None}, rows={"p": row}))
    me.take_all()
    later = {"state": "ready", "when": 2, "about": {"x": 1, "y": [3]}}
    hub.publish("a", State(header={"totals": {"n": 2, "nan": 0}, "run": {}}, rows={"p": later}))
    change = orjson.loads(hub.take(me.id).message)
    assert change["header"] == {"totals": {"n": [2]}, "run": [{}]}
    assert change["rows"] == {"p": {"when": [2], "about": {"y": [[3]]}}}
    me.follow(orjson.dumps(change))
    hub.publish("a", State(header={"totals": {"n": 2}, "run": {}}, rows={"q": {"state": "new"}}))
    change = orjson.loads(hub.take(me.id).message)
    assert change["header"] == {"totals": {"nan": []}}
    assert change["rows"] == {"q": [{"state": "new"}], "p": []}


def test_cells_of_another_shape_come_as_a_snapshot():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", plot(1.0, 2.0))
    me.take_all()
    hub.publish("a", plot(1.0, 2.0, 3.0))
    assert orjson.loads(hub.take(me.id).message)["type"] == "snapshot"


def test_a_change_of_a_channel_never_seen_is_a_gap_and_its_number_is_enough_to_heal_it():
    hub = Hub()
    me = Follower(hub)
    hub.subscribe(me.id, "s", ["a"])
    hub.publish("a", counts(1, 2))
    assert hub.take(me.id) is not None  # lost on the way
    hub.publish("a", counts(1, 3))
    me.take_all()
    assert me.gaps == 1
    assert me.held["a"]["arrays"]["values"] == [1, 3]
    assert not hub.resync(me.id, 99)


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


undefined = st.just(float("nan"))
words = st.none() | st.booleans() | st.integers(-1, 1) | st.text("ab", max_size=1)
objects = st.recursive(
    words | st.lists(words, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
drawings = st.builds(
    lambda cells, values, header, rows: State(
        header=header,
        arrays={
            "entries": np.array(cells, np.int64),
            "values": np.array(values[: len(cells)], np.float64),
        },
        rows=rows,
    ),
    st.lists(st.integers(0, 2) | st.integers(0, 2**53), min_size=5, max_size=5)
    | st.lists(st.integers(0, 2), min_size=12, max_size=12),
    st.lists(undefined | st.integers(0, 2).map(float), min_size=12, max_size=12),
    st.dictionaries(st.sampled_from("xyz"), objects, max_size=3),
    st.dictionaries(st.sampled_from("pq"), objects, max_size=2),
)
states = (
    st.builds(
        plot,
        *[st.integers(0, 2).map(float)] * 4,
        entries=st.integers(0, 2),
        x=st.integers(0, 1),
    )
    | st.builds(plot, st.integers(0, 2).map(float), y=st.integers(0, 1))
    | drawings
)


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
