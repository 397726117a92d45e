"""The beam spot of each lumisection, of the last ones, and of the run since it last moved.

Two fits that know nothing of each other: one to vertices, one to impact parameters of tracks. The
elements are those of `dqmstream.workspaces.beam_spot`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.beam_spot_elements import Lumisection, Spots, write
from dqmstream.analyses.writing import ElementWriter
from dqmstream.beam_spot.payload import Counted
from dqmstream.beam_spot.result import BeamSpotFit, Period
from dqmstream.beam_spot.running import MoveLimits, Running, beyond, moves
from dqmstream.beam_spot.samples import TRACK_COLUMNS, VERTEX_COLUMNS, TrackSample, VertexSample
from dqmstream.beam_spot.settings import TrackSettings, VertexSettings
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.struct import Value

__all__ = ["COLUMNS", "BeamSpotAnalysis", "Parameters"]

COLUMNS: Final = (
    "time",
    "fill",
    *(f"vertices.{name}" for name in VERTEX_COLUMNS),
    *(f"tracks.{name}" for name in TRACK_COLUMNS),
)
"""What the analysis reads."""


class Parameters(Value, frozen=True, kw_only=True):
    """The numbers of the analysis; lengths in cm, momenta in GeV."""

    lumisections: int = 5
    """LSs that a fit of the last ones is made of (CMS: resetPVEveryNLumi 5)."""
    vertex_error_scale: float = 1.0
    min_vertex_ndof: float = VertexSettings().min_ndof
    min_vertex_tracks: int = VertexSettings().min_tracks
    min_pt: float = TrackSettings().min_pt
    min_hits: int = 0
    known_width: float = VertexSettings().known_width
    moved_sigmas: float = MoveLimits().sigmas
    moved_distance: float = MoveLimits().distance
    moved_distance_z: float = MoveLimits().distance_z
    moved_lumisections: int = 2
    """LSs one after the other that must have moved for the running one to start again."""
    most_vertices: int = 20_000
    most_tracks: int = 40_000
    """In one fit: of more every second, every third, ... is taken."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Running means of one method: the one in force, and one of LSs that seem to have moved."""

    running: Running = Running()
    moved: Running = Running()
    restarts: int = 0


class _State(msgspec.Struct, frozen=True, kw_only=True):
    run: int
    vertices: _Place = _Place()
    tracks: _Place = _Place()


class _Data(NamedTuple):
    """The objects of some LSs."""

    vertices: VertexSample
    tracks: TrackSample
    period: Period


class BeamSpotAnalysis:
    """Fits each LS that closes, and the last ones together; see `Parameters`.

    Parameters
    ----------
    layout
        Of the workspace `beam_spot`, or another with its elements.

    Raises
    ------
    BookingError
        If a parameter is unknown or out of range, or a column is missing.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        analysis = layout.booking.analysis
        given = analysis.parameters if analysis else {}
        self._parameters = _parameters(given)
        columns = analysis.columns if analysis else ()
        missing = sorted(set(COLUMNS) - set(columns))
        if missing:
            msg = f"needs the columns {', '.join(missing)}"
            raise BookingError(msg)
        self._vertices, self._tracks, self._limits = _settings(self._parameters)

    @property
    def lookback(self) -> int:
        """LSs before the closed one that a fit of the last ones needs."""
        return self._parameters.lumisections - 1

    def begin(self, run: int) -> bytes:
        """Nothing known of the run yet."""
        return msgspec.msgpack.encode(_State(run=run))

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        """Fits of the LS that closed and of the last ones, and how far the beam spot moved."""
        before = msgspec.msgpack.decode(state, type=_State)
        data = [self._data(sample) for sample in window]
        now, last = data[-1], _together(data)
        by_vertices, by_tracks = self._vertex_fit(now), self._track_fit(now)
        per_ls = Spots(by_vertices, by_tracks)
        last_n = per_ls if len(data) == 1 else Spots(self._vertex_fit(last), self._track_fit(last))
        vertices = self._moved_on(before.vertices, by_vertices)
        tracks = self._moved_on(before.tracks, by_tracks)
        best = per_ls.best
        known = before.vertices if best.method == "vertices" else before.tracks
        reference = known.running.fit(best.method)
        writer = ElementWriter(self._layout)
        write(
            writer,
            Lumisection(
                per_ls=per_ls,
                last=last_n,
                running=vertices.running.fit("vertices") or tracks.running.fit("tracks"),
                moves=moves(best, reference) if reference else {},
                limits=self._limits,
                restarts=vertices.restarts if best.method == "vertices" else tracks.restarts,
                vertices=now.vertices,
                tracks=now.tracks,
                selections=(self._vertices, self._tracks),
                counted=_counted(window[-1:]),
                counted_last=_counted(window),
                fraction=window[-1].fraction,
            ),
        )
        after = _State(run=before.run, vertices=vertices, tracks=tracks)
        return Closed(msgspec.msgpack.encode(after), writer.contents)

    def _data(self, sample: Sample) -> _Data:
        def columns(collection: str) -> Callable[[str], NDArray[Any]]:
            return lambda name: sample.columns[f"{collection}.{name}"]

        offsets = sample.offsets.get("tracks", np.zeros(sample.events + 1, np.int64))
        return _Data(
            VertexSample.from_columns(columns("vertices")),
            TrackSample.from_columns(columns("tracks"), offsets),
            _period(sample),
        )

    def _vertex_fit(self, data: _Data) -> BeamSpotFit:
        sample = data.vertices.take(_thinned(len(data.vertices), self._parameters.most_vertices))
        return fit_vertices(sample, self._vertices, period=data.period)

    def _track_fit(self, data: _Data) -> BeamSpotFit:
        sample = data.tracks.take(_thinned(len(data.tracks), self._parameters.most_tracks))
        return fit_tracks(sample, self._tracks, period=data.period)

    def _moved_on(self, before: _Place, fit: BeamSpotFit) -> _Place:
        """With one LS more: LSs that moved are kept apart until enough of them say so."""
        if not fit.converged:
            return before
        running = before.running.fit(fit.method)
        far = running is not None and any(
            beyond(move, name, self._limits) > 1 for name, move in moves(fit, running).items()
        )
        if not far:
            return _Place(running=before.running.add(fit), restarts=before.restarts)
        moved = before.moved.add(fit)
        if moved.lumisections < self._parameters.moved_lumisections:
            return _Place(running=before.running, moved=moved, restarts=before.restarts)
        return _Place(running=moved, restarts=before.restarts + 1)


def _parameters(given: Mapping[str, float]) -> Parameters:
    # Parameters of a booking are floats; counts among them must be whole.
    whole = {name: int(x) if float(x).is_integer() else x for name, x in given.items()}
    try:
        found = msgspec.convert(whole, Parameters)
    except msgspec.ValidationError as error:
        msg = f"parameters {dict(given)}: {error}"
        raise BookingError(msg) from error
    for name in ("lumisections", "moved_lumisections", "most_vertices", "most_tracks"):
        if getattr(found, name) < 1:
            msg = f"parameter {name} is {getattr(found, name)}, expected 1 or more"
            raise BookingError(msg)
    for name in ("vertex_error_scale", "known_width", "moved_sigmas", "moved_distance",
                 "moved_distance_z"):  # fmt: skip
        if not getattr(found, name) > 0:
            msg = f"parameter {name} is {getattr(found, name)}, expected more than 0"
            raise BookingError(msg)
    return found


def _settings(given: Parameters) -> tuple[VertexSettings, TrackSettings, MoveLimits]:
    return (
        VertexSettings(
            error_scale=given.vertex_error_scale,
            min_ndof=given.min_vertex_ndof,
            min_tracks=given.min_vertex_tracks,
            known_width=given.known_width,
        ),
        TrackSettings(min_pt=given.min_pt, min_hits=given.min_hits, known_width=given.known_width),
        MoveLimits(
            sigmas=given.moved_sigmas,
            distance=given.moved_distance,
            distance_z=given.moved_distance_z,
        ),
    )


def _thinned(n: int, most: int) -> NDArray[np.int64]:
    """Which of n objects are taken so that there are at most `most`."""
    return np.arange(0, n, max(1, -(-n // most)))


def _together(data: Sequence[_Data]) -> _Data:
    return _Data(
        VertexSample.together(*(each.vertices for each in data)),
        TrackSample.together(*(each.tracks for each in data)),
        Period.together(*(each.period for each in data)),
    )


def _period(sample: Sample) -> Period:
    times = np.asarray(sample.columns["time"])
    known = times[times > 0]
    return Period(
        run=sample.run,
        first_lumisection=sample.lumisection,
        last_lumisection=sample.lumisection,
        first_time=int(known.min()) if len(known) else 0,
        last_time=int(known.max()) if len(known) else 0,
        events=sample.events,
    )


def _counted(window: Sequence[Sample]) -> Counted:
    """Tracks, and vertices of an event, in all LSs of a window; the fill of its last event."""
    none = np.zeros(0, np.int64)
    vertices = np.concatenate([np.diff(s.offsets.get("vertices", none)) for s in window])
    fills = np.concatenate([np.asarray(s.columns["fill"], np.float64) for s in window])
    fills = fills[fills > 0]
    return Counted(
        fill=int(fills[-1]) if len(fills) else 0,
        tracks=sum(len(sample.columns["tracks.phi"]) for sample in window),
        most_vertices=int(vertices.max(initial=0)),
        mean_vertices=float(vertices.mean()) if len(vertices) else 0.0,
        rms_vertices=float(vertices.std()) if len(vertices) else 0.0,
    )
