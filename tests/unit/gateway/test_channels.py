"""From the live view to states: only what changed is made, and nothing that is needed is missed."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Booking, Histogram, Regular
from services.gateway.channels import ChannelStates
from services.gateway.drawing import draw
from services.gateway.hub import Hub
from services.gateway.live import LiveView
from services.gateway.protocol import BoardChannel, PlotChannel, parse_channel
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.windows import Window

PLOT = "plot/current/run/pixel/charge"


@pytest.mark.parametrize(
    "channel",
    [
        PlotChannel(None, Window("last", count=5), "pixel/a/b"),
        PlotChannel(400_001, Window("run"), "x"),
        BoardChannel.of("strip", 400_001),
        BoardChannel.of("pulse", 400_001),
    ],
)
def test_a_channel_is_read_back_from_its_name(channel):
    assert parse_channel(channel.name) == channel


def test_a_look_makes_only_what_changed_since_the_last(view, detector, feed):
    states = ChannelStates(view)
    names = [PLOT, "plot/current/run/trigger/paths"]
    feed(view, detector.fill(1))
    assert [name for name, _ in states.look(names, names, 1)] == names
    assert states.look(names, (), 2) == []
    feed(view, [m for m in detector.fill(1) if m.workspace == "pixel"])
    assert [name for name, _ in states.look(names, (), 3)] == [PLOT]


def test_a_channel_found_empty_by_a_new_watcher_is_made_though_nothing_changed(
    view, detector, feed
):
    hub, states = Hub(), ChannelStates(view)
    feed(view, detector.fill(1))

    def look() -> None:
        for name, state in states.look(hub.watched, hub.stateless, 1):
            hub.publish(name, state)

    first = hub.join()
    hub.subscribe(first, "s", [PLOT])
    look()
    assert hub.take(first) is not None
    # Between two looks the last watcher leaves and another comes: the channel has no state.
    hub.leave(first)
    second = hub.join()
    hub.subscribe(second, "s", [PLOT])
    assert hub.take(second) is None
    look()
    assert hub.take(second) is not None


def test_a_watcher_that_comes_while_a_look_is_made_gets_what_that_look_found(view, detector, feed):
    hub, states = Hub(), ChannelStates(view)
    feed(view, detector.fill(1))
    first, second = hub.join(), hub.join()
    hub.subscribe(first, "s", [PLOT])
    found = states.look(hub.watched, hub.stateless, 1)
    hub.subscribe(second, "s", [PLOT])
    for name, state in found:
        assert hub.publish(name, state) == (first, second)
    assert hub.take(second) == hub.take(first)


def test_a_new_run_becomes_the_current_one_on_the_same_channel(view, detector, feed):
    states = ChannelStates(view)
    feed(view, detector.fill(1), stamp=1)
    (_, before), *_ = states.look([PLOT], [PLOT], 1)
    detector.run = 400_002
    feed(view, detector.fill(1), stamp=2)
    (_, after), *_ = states.look([PLOT], (), 2)
    assert before.header["window"]["run"] == 400_001
    assert after.header["window"]["run"] == 400_002


def test_what_has_left_memory_is_said_not_shown(detector, feed):
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=1)))
    feed(view, detector.announce())
    for number in (1, 2, 3):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
        view.refresh()
    name = "plot/current/last-2/pixel/charge"
    (_, state), *_ = ChannelStates(view).look([name], [name], 1)
    assert "LS 2 are not in memory" in state.header["problem"]
    assert state.header["element"]["path"] == "pixel/charge"


def test_a_histogram_in_three_dimensions_is_drawn_as_its_projection(feed, detector):
    axes = tuple(Regular(bins=n, lower=0.0, upper=1.0) for n in (2, 3, 4))
    booking = Booking(
        workspace="w", elements=(Histogram(path="w/three", axes=axes, fill=("x", "y", "z")),)
    )
    view = LiveView()
    layout = view.catalogue.book(booking)
    detector.layouts = (layout,)
    feed(view, detector.fill(1))
    view.refresh()
    contents, covered = view.current.shown("w").window(Window("run"))
    state = draw(layout["w/three"], contents, labels={}, covered=covered, window=Window("run"))
    assert state.header["element"]["projected"]
    assert state.header["element"]["shape"] == [4, 5]
    whole = contents.cells[: 4 * 5 * 6].reshape(4, 5, 6)
    assert state.arrays["values"].tolist() == whole.sum(axis=2).ravel().tolist()


@pytest.mark.parametrize(
    "wrong", [{"update_interval": 0}, {"stale_after": float("nan")}, {"port": 70_000}]
)
def test_settings_that_make_no_sense_stop_the_start(wrong):
    with pytest.raises(ConfigurationError, match=f"gateway {next(iter(wrong))} is"):
        GatewaySettings(**wrong)
