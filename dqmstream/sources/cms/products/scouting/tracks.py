"""Tracks of scouting."""

from typing import Final

from dqmstream.sources.cms.products.collection import FLOAT, INT32, Collection, same

__all__ = ["TRACKS"]

_PARAMETERS: Final = ("qoverp", "lambda", "phi", "dxy", "dsz")
"""In the order of the covariance."""

TRACKS = Collection(
    name="scouting_tracks",
    class_name="vector<Run3ScoutingTrack>",
    meaning="tracks of scouting; impact parameters are to the origin",
    other="scouting_tracks",
    members=(
        same("pt", FLOAT, "tk_pt_", "transverse momentum", "GeV"),
        same("eta", FLOAT, "tk_eta_", "pseudorapidity"),
        same("phi", FLOAT, "tk_phi_", "azimuth", "rad"),
        same("chi2", FLOAT, "tk_chi2_", "χ² of the fit"),
        same("ndof", FLOAT, "tk_ndof_", "degrees of freedom of the fit"),
        same("charge", INT32, "tk_charge_", "charge", "e"),
        same("dxy", FLOAT, "tk_dxy_", "transverse impact parameter", "cm"),
        same("dz", FLOAT, "tk_dz_", "longitudinal impact parameter", "cm"),
        same("n_valid_pixel_hits", INT32, "tk_nValidPixelHits_", "valid pixel hits"),
        same(
            "n_tracker_layers_with_measurement",
            INT32,
            "tk_nTrackerLayersWithMeasurement_",
            "layers of the tracker with a valid hit",
        ),
        same("n_valid_strip_hits", INT32, "tk_nValidStripHits_", "valid strip hits"),
        same("qoverp", FLOAT, "tk_qoverp_", "charge over momentum", "e/GeV"),
        same("lambda", FLOAT, "tk_lambda_", "dip angle", "rad"),
        same("dxy_error", FLOAT, "tk_dxy_Error_", "error of dxy", "cm"),
        same("dz_error", FLOAT, "tk_dz_Error_", "error of dz", "cm"),
        same("qoverp_error", FLOAT, "tk_qoverp_Error_", "error of qoverp", "e/GeV"),
        same("lambda_error", FLOAT, "tk_lambda_Error_", "error of lambda", "rad"),
        same("phi_error", FLOAT, "tk_phi_Error_", "error of phi", "rad"),
        same("dsz", FLOAT, "tk_dsz_", "longitudinal impact parameter, across the track", "cm"),
        same("dsz_error", FLOAT, "tk_dsz_Error_", "error of dsz", "cm"),
        *(
            same(f"{a}_{b}_cov", FLOAT, f"tk_{a}_{b}_cov_", f"covariance of {a}, {b}")
            for place, a in enumerate(_PARAMETERS)
            for b in _PARAMETERS[place + 1 :]
        ),
        same("vertex", INT32, "tk_vtxInd_", "number of its vertex; -1: none"),
        *(
            same(f"v{axis}", FLOAT, f"tk_v{axis}_", f"{axis} of the reference point", "cm")
            for axis in "xyz"
        ),
    ),
)
