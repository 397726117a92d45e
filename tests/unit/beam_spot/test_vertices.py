"""The beam spot from vertices."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.beam_spot.result import PARAMETERS, Period
from dqmstream.beam_spot.samples import VertexSample
from dqmstream.beam_spot.settings import VertexSettings
from dqmstream.beam_spot.vertices import fit_vertices, good_vertices

ALL = VertexSettings(min_tracks=2, min_ndof=1)


def test_the_beam_spot_is_found(beam, collisions) -> None:
    fit = fit_vertices(collisions(400).vertices, ALL)
    assert (fit.converged, fit.order, fit.reason, fit.not_measured) == (True, "full", "", ())
    for name in PARAMETERS:
        assert abs(getattr(fit, name) - getattr(beam, name)) < 4 * fit.error(name), name
    assert 0.85 < fit.chi2 / fit.ndof < 1.15


def test_x_and_y_may_be_correlated(beam, collisions) -> None:
    round_the_corner = beam._replace(xy_correlation=0.6)
    fit = fit_vertices(collisions(1000, of=round_the_corner).vertices, ALL)
    assert fit.xy_correlation == pytest.approx(0.6, abs=0.1)


def test_the_line_is_where_vertices_are(beam, collisions) -> None:
    """x and y are those at the fitted z; elsewhere the slopes say, with larger errors."""
    fit = fit_vertices(collisions(2000).vertices)
    far = fit.at(20.0)
    assert far.x == pytest.approx(beam.x + 20.5 * beam.dxdz, abs=5 * far.covariance[0, 0] ** 0.5)
    assert far.covariance[0, 0] > 4 * fit.at(fit.z).covariance[0, 0]


def test_a_steep_beam_is_not_a_wide_one(beam, collisions) -> None:
    """At 10 mrad the spread along x is four times the width: slopes to second order matter."""
    steep = beam._replace(dxdz=0.01, width_x=0.005)
    fit = fit_vertices(collisions(1000, of=steep).vertices, ALL)
    assert fit.width_x == pytest.approx(0.005, abs=5 * fit.error("width_x"))
    assert fit.error("width_x") < 0.001


@pytest.mark.parametrize(
    ("n", "order", "assumed"),
    [
        (2, "none", PARAMETERS),
        (8, "position", ("sigma_z", "dxdz", "dydz", "width_x", "width_y")),
        (20, "no slopes", ("dxdz", "dydz")),
        (60, "full", ()),
    ],
)
def test_few_vertices_give_fewer_parameters(collisions, n, order, assumed) -> None:
    fit = fit_vertices(collisions(n, seed=3).vertices, ALL)
    assert (fit.order, fit.not_measured) == (order, assumed)
    assert fit.converged is (order != "none")
    assert [name for name in PARAMETERS if fit.measured(name)] == [
        name for name in PARAMETERS if name not in assumed
    ]


def test_too_few_are_a_reason_and_no_number(collisions) -> None:
    fit = fit_vertices(collisions(2).vertices, ALL)
    assert fit.reason == "2 vertices, at least 3 are needed"
    assert np.isnan(fit.x)


def test_a_width_that_errors_hide_is_assumed_and_named(beam, collisions) -> None:
    narrow = beam._replace(width_x=0.0002, width_y=0.02)
    fit = fit_vertices(collisions(60, of=narrow).vertices, ALL)
    assert fit.converged
    assert fit.not_measured == ("width_x",)
    assert (fit.width_x, fit.error("width_x")) == (ALL.known_width, 0.0)
    assert fit.reason == "the data do not measure width_x"
    assert fit.measured("width_y")


def test_outliers_are_counted_and_change_little(beam, collisions) -> None:
    clean, dirty = collisions(500, seed=4), collisions(500, seed=4, outliers=0.1)
    without, with_ = fit_vertices(clean.vertices, ALL), fit_vertices(dirty.vertices, ALL)
    assert 30 < with_.rejected < 60
    assert with_.width_x == pytest.approx(without.width_x, rel=0.15)
    assert abs(with_.x - beam.x) < 4 * with_.error("x")


def test_without_restriction_widths_are_those_of_maximum_likelihood(beam, collisions) -> None:
    """Vertices without errors: the one divides by n, the other by n less the line's parameters, and
    is not the root of a mean square, which is too small by c4 (1 - 1/(4 (n - 1)), nearly)."""
    sample = collisions(40).vertices
    exact = replace(sample, covariance=np.full_like(sample.covariance, 1e-18) * [1, 1, 1, 0, 0, 0])
    no_slopes = VertexSettings(min_tracks=2, min_ndof=1, enough_for_slopes=1000)
    x = sample.position[:, 0]
    fit = fit_vertices(exact, no_slopes)
    width = np.std(x, ddof=1) * (1 + 1 / (4 * 39))
    assert fit.width_x == pytest.approx(width, rel=2e-3)
    assert fit.error("x") == pytest.approx(np.std(x, ddof=1) / 40**0.5, rel=5e-3)
    plain = fit_vertices(exact, VertexSettings(**_but(no_slopes, restricted=False)))
    assert plain.width_x == pytest.approx(np.std(x), rel=2e-3)


def _but(given: VertexSettings, **changes: object) -> dict[str, object]:
    return {name: getattr(given, name) for name in given.__struct_fields__} | changes


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("valid", False),
        ("ndof", 3.9),
        ("tracks", 2),
        ("tracks", 50),
        ("chi2", 1e4),
        ("position", (3.0, 0.0, 0.0)),
        ("position", (0.0, 0.0, -31.0)),
        ("position", (np.nan, 0.0, 0.0)),
        ("covariance", (0.02, 1e-4, 1e-4, 0, 0, 0)),
        ("covariance", (0.0, 1e-4, 1e-4, 0, 0, 0)),
        ("covariance", (1e-4, np.inf, 1e-4, 0, 0, 0)),
    ],
)
def test_vertices_of_no_use_are_not_selected(collisions, change, value) -> None:
    sample = collisions(30).vertices
    good = replace(sample, ndof=np.full(30, 11.0), tracks=np.full(30, 7.0))
    getattr(good, change)[4] = value
    assert list(np.flatnonzero(~good_vertices(good))) == [4]
    assert fit_vertices(good).not_selected == 1


def test_a_fit_carries_its_period(collisions) -> None:
    period = Period(run=1, first_lumisection=2, last_lumisection=6)
    assert fit_vertices(collisions(50).vertices, period=period).period == period


def test_larger_errors_are_taken_off_the_width(collisions) -> None:
    sample = collisions(300).vertices
    plain, scaled = (
        fit_vertices(sample, VertexSettings(min_tracks=2, min_ndof=1, error_scale=scale))
        for scale in (1.0, 1.3)
    )
    assert scaled.width_x < plain.width_x
    assert scaled.error_scale == 1.3


@given(order=st.permutations(range(40)))
@settings(max_examples=5)
def test_the_order_of_vertices_changes_nothing(order) -> None:
    from dqmstream.beam_spot.ellipsoid import Ellipsoid  # noqa: PLC0415
    from dqmstream.beam_spot.simulation import simulate  # noqa: PLC0415

    beam = Ellipsoid(0.1, 0.1, 0, 4.0, 0.01, 0.01)
    sample = simulate(beam, 40, np.random.default_rng(2)).vertices
    first, second = fit_vertices(sample, ALL), fit_vertices(sample.take(np.array(order)), ALL)
    for name in PARAMETERS:
        tolerance = 0.01 * first.error(name)
        assert getattr(second, name) == pytest.approx(getattr(first, name), abs=tolerance), name


NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(data=st.data(), n=st.integers(0, 40))
@settings(max_examples=30)
def test_no_input_makes_a_fit_raise(data, n) -> None:
    def draw(*shape: int):
        return data.draw(nps.arrays(np.float64, shape, elements=NUMBERS))

    wild = VertexSample(
        position=draw(n, 3),
        covariance=draw(n, 6),
        chi2=draw(n),
        ndof=draw(n),
        tracks=draw(n),
        valid=np.ones(n, bool),
    )
    fit = fit_vertices(wild)
    assert fit.used + fit.rejected + fit.not_selected == n or not fit.converged
    near = replace(
        wild,
        position=np.clip(np.nan_to_num(wild.position), -1, 1),
        covariance=np.clip(np.nan_to_num(np.abs(wild.covariance)), 1e-12, 0.01),
        chi2=np.ones(n),
        ndof=np.full(n, 11.0),
        tracks=np.full(n, 7.0),
    )
    assert fit_vertices(near).method == "vertices"
