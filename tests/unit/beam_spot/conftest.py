"""A beam spot like that of a low-energy run, and collisions of it."""

from collections.abc import Callable

import numpy as np
import pytest

from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.simulation import Collisions, simulate


@pytest.fixture
def beam() -> Ellipsoid:
    return Ellipsoid(
        x=0.17, y=-0.19, z=-0.5, sigma_z=6.0, width_x=0.0145, width_y=0.016, dxdz=1e-3, dydz=-5e-4
    )


@pytest.fixture
def collisions(beam: Ellipsoid) -> Callable[..., Collisions]:
    """n collisions of the beam, or of another one, of a seed."""

    def make(n: int, seed: int = 1, *, of: Ellipsoid = beam, **options: float) -> Collisions:
        return simulate(of, n, np.random.default_rng(seed), **options)

    return make
