"""From the live view to the states of watched channels, made only where something has changed."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from dqmstream.errors import WindowError
from dqmstream.histograms.layout import Layout
from services.gateway import boards
from services.gateway.closed_total import NotInMemoryError
from services.gateway.drawing import describe, draw, undrawn
from services.gateway.live import LiveView
from services.gateway.protocol import BoardChannel, PlotChannel, parse_channel
from services.gateway.run_view import RunView
from services.gateway.state import State
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["ChannelStates", "booked_layouts", "locate"]


def locate(run: RunView, path: str) -> WorkspaceRun | None:
    """The workspace whose element has this path; the first by name if several have one."""
    for part in run.shown_workspaces().values():
        if path in part.layout:
            return part
    return None


def booked_layouts(view: LiveView, run: RunView | None) -> list[Layout]:
    """Layouts of a run's workspaces; of the newest bookings where the run has none."""
    shown = run.shown_workspaces() if run else {}
    names = sorted({*shown, *view.catalogue.workspaces()})
    found = [shown[n].layout if n in shown else view.catalogue.newest(n) for n in names]
    return [layout for layout in found if layout is not None]


class ChannelStates:
    """States of channels of one live view.

    Parameters
    ----------
    view
        The live view; the same thread asks both.
    """

    def __init__(self, view: LiveView) -> None:
        self._view = view
        self._seen: dict[str, tuple[object, ...]] = {}

    def look(
        self, names: Iterable[str], stateless: Collection[str], now: int
    ) -> list[tuple[str, State]]:
        """States of those channels that may have changed since they were last looked at.

        Parameters
        ----------
        names
            The channels that are watched.
        stateless
            Those of them that have no state: theirs is made whether it changed or not. A channel
            left by its last watcher and found by a new one between two looks is one of these.
        now
            Wall clock in nanoseconds.
        """
        self._view.refresh()
        wanted = sorted(names)
        seen: dict[str, tuple[object, ...]] = {}
        states = []
        for name in wanted:
            channel = parse_channel(name)
            seen[name] = self._revision(channel, now)
            if name in stateless or seen[name] != self._seen.get(name):
                states.append((name, self._state(channel, now)))
        self._seen = seen
        self._forget_sums(wanted)
        return states

    def state(self, name: str, now: int) -> State:
        """The state of one channel, now."""
        self._view.refresh()
        return self._state(parse_channel(name), now)

    def _revision(self, channel: PlotChannel | BoardChannel, now: int) -> tuple[object, ...]:
        """Equal to the last one only if the state is."""
        run = self._view.run(channel.run)
        if isinstance(channel, BoardChannel):
            return self._board_revision(channel.board, run, now)
        if run is None:
            return (None,)
        part = locate(run, channel.path)
        labelled = tuple(sorted(run.labels))
        return (run.number, labelled, part and (part.set, part.revision))

    def _board_revision(self, board: str, run: RunView | None, now: int) -> tuple[object, ...]:
        match board:
            case "pulse":
                return (now,)
            case "displays":
                return (self._view.displays.revision,)
            case "steps":
                return (self._view.steps.revision,)
            case "alarms":
                return (self._view.alarms.revision,)
            case "runs":
                runs = self._view.runs.items()
                return tuple((number, each.revision) for number, each in runs)
            case "quality":
                booked = tuple(self._view.catalogue.workspaces())
                return (booked, run and (run.number, run.verdicts.revision, run.revision))
            case _:
                return (run and (run.number, run.revision, run.verdicts.revision),)

    def _state(self, channel: PlotChannel | BoardChannel, now: int) -> State:
        run = self._view.run(channel.run)
        if isinstance(channel, PlotChannel):
            return self._plot(channel, run)
        match channel.board:
            case "displays":
                return boards.displays_board(self._view, channel.run)
            case "steps":
                return self._view.steps.board()
            case "alarms":
                return self._view.alarms.board()
            case "runs":
                return boards.runs_board(self._view)
            case "run":
                return boards.run_board(run)
            case "strip":
                return boards.strip_board(run)
            case "quality":
                return boards.quality_board(self._view, run)
            case _:
                return boards.pulse_board(self._view, now)

    def _plot(self, channel: PlotChannel, run: RunView | None) -> State:
        part = locate(run, channel.path) if run else None
        if run is None or part is None:
            return undrawn(self._booked(channel.path), channel.window, "nothing has come yet")
        element = part.layout[channel.path]
        workspace = part.layout.workspace
        try:
            contents, covered = part.window(channel.window)
        except (NotInMemoryError, WindowError) as error:
            described = describe(element, workspace, run.labels)
            return undrawn(described, channel.window, str(error))
        drawn = draw(
            element,
            contents,
            labels=run.labels,
            covered=covered,
            window=channel.window,
            marks=run.marks,
        )
        return replace(drawn, heard=part.heard)

    def _booked(self, path: str) -> dict[str, Any] | None:
        """What is booked under a path, before any run has brought it."""
        for layout in booked_layouts(self._view, None):
            if path in layout:
                return describe(layout[path], layout.workspace, {})
        return None

    def _forget_sums(self, names: Iterable[str]) -> None:
        watched = [parse_channel(name) for name in names]
        words = {c.window.word for c in watched if isinstance(c, PlotChannel)}
        for run in self._view.runs.values():
            for part in run.all_workspace_runs():
                part.forget_sums(words)
