"""The beam spot that the trigger worked with."""

from typing import Final

import numpy as np

from dqmstream.sources.cms.products.collection import (
    DOUBLE,
    FLOAT,
    INT32,
    Collection,
    Member,
    member,
    same,
)

__all__ = ["BEAM_SPOT"]

_COVARIANCE: Final = "error_.fRep.fArray"
_ORDER: Final = ("x", "y", "z", "sigma_z", "dxdz", "dydz", "width")
"""Rows of the covariance, of which the lower triangle is stored row by row."""


def _error(name: str, unit: str) -> Member:
    row = _ORDER.index(name)
    place = row * (row + 1) // 2 + row
    return member(
        f"{name}_error",
        FLOAT,
        f"error of {name}",
        _COVARIANCE,
        unit=unit,
        values=lambda spots: np.sqrt(spots.plain(_COVARIANCE)[:, place]),
    )


BEAM_SPOT = Collection(
    name="beam_spot",
    class_name="reco::BeamSpot",
    meaning="the beam spot that the trigger worked with, 0 or 1",
    other="beam_spot",
    members=(
        *(
            same(a, DOUBLE, f"position_.fCoordinates.f{a.upper()}", f"{a} of its centre", "cm")
            for a in "xyz"
        ),
        same("sigma_z", FLOAT, "sigmaZ_", "length: one standard deviation along z", "cm"),
        same("width_x", FLOAT, "BeamWidthX_", "width in x", "cm"),
        same("width_y", FLOAT, "BeamWidthY_", "width in y", "cm"),
        same("dxdz", FLOAT, "dxdz_", "slope of the beam in x", "rad"),
        same("dydz", FLOAT, "dydz_", "slope of the beam in y", "rad"),
        _error("x", "cm"),
        _error("y", "cm"),
        _error("z", "cm"),
        _error("sigma_z", "cm"),
        _error("dxdz", "rad"),
        _error("dydz", "rad"),
        _error("width", "cm"),
        same("emittance_x", FLOAT, "emittanceX_", "emittance in x", "cm"),
        same("emittance_y", FLOAT, "emittanceY_", "emittance in y", "cm"),
        same("beta_star", FLOAT, "betaStar_", "β* of the optics", "cm"),
        same("type", INT32, "type_", "0 fake, 1 LHC, 2 tracker; -1 unknown"),
    ),
)
