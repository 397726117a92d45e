"""What an event display draws: kinds of objects, the collections that have them, their members."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dqmstream.messages.display import Kind

__all__ = ["DISPLAY_COLUMNS", "LAYERS", "PASSED", "SPOT", "VALID", "Drawn"]

_PLACE: Final = {"vx": 4, "vy": 4, "vz": 4}
_MOMENTUM: Final = {"pt": 3, "eta": 4, "phi": 4}
_CHARGED: Final = {**_MOMENTUM, "charge": 0}

_MEMBERS: Final[Mapping[Kind, Mapping[str, int]]] = {
    "track": {**_CHARGED, "dxy": 4, "dz": 4, **_PLACE},
    "vertex": {"x": 4, "y": 4, "z": 4, "tracks": 0, "x_error": 5, "y_error": 5, "z_error": 5},
    "jet": _MOMENTUM,
    "muon": {**_CHARGED, **_PLACE},
    "electron": _MOMENTUM,
    "photon": _MOMENTUM,
}
"""Member to decimals: a MeV in GeV, a micrometre in cm, and 0.1 mrad say all that can be seen."""

VALID: Final = "valid"
"""A member that says of a vertex whether there is one."""

_PLACED: Final = {"vertex": ("x", "y", "z")}
_MOVING: Final = ("pt", "eta", "phi")

_SPELLINGS: Final = {
    "vx": ("vx", "trk_vx"),
    "vy": ("vy", "trk_vy"),
    "vz": ("vz", "trk_vz"),
}
"""How sources call a member; the first that is there counts."""


class Drawn(NamedTuple):
    """How objects of one collection are drawn.

    Parameters
    ----------
    kind
        What they are.
    collection
        Where they are.
    decimals
        Member to the decimals that are kept.
    needed
        Members without which nothing can be drawn.
    """

    kind: Kind
    collection: str
    decimals: Mapping[str, int]
    needed: tuple[str, ...]

    def spellings(self, member: str) -> tuple[str, ...]:
        """Names under which a source may have a member."""
        return _SPELLINGS.get(member, (member,))

    def names(self) -> frozenset[str]:
        """All members that are read of the collection, as far as a source has them."""
        found = {name for member in self.decimals for name in self.spellings(member)}
        return frozenset(found | ({VALID} if self.kind == "vertex" else set()))


_COLLECTIONS: Final[tuple[tuple[Kind, tuple[str, ...]], ...]] = (
    ("track", ("tracks", "scouting_tracks")),
    (
        "vertex",
        (
            "vertices",
            "scouting_vertices_primary",
            "scouting_vertices_displaced_vtx",
            "scouting_vertices_displaced_no_vtx",
        ),
    ),
    ("jet", ("scouting_jets", "Jet")),
    ("muon", ("scouting_muons_vtx", "scouting_muons_no_vtx", "muon", "Muon")),
    ("electron", ("scouting_electrons", "Electron")),
    ("photon", ("scouting_photons", "Photon")),
)

LAYERS: Final = tuple(
    Drawn(kind, collection, _MEMBERS[kind], _PLACED.get(kind, _MOVING))
    for kind, collections in _COLLECTIONS
    for collection in collections
)
"""In the order in which they are drawn and listed."""

SPOT: Final = ("beam_spot", ("x", "y", "z", "width_x", "width_y", "sigma_z", "dxdz", "dydz"))
"""The collection of the beam spot, and its members."""

PASSED: Final = "hlt_pass.path"
"""Numbers of the trigger paths that an event passed; RunStart has their names under this label."""

_OF_EVENT: Final = ("event", "orbit", "bunch_crossing", "time", PASSED)

DISPLAY_COLUMNS: Final = (
    frozenset(_OF_EVENT)
    | {f"{SPOT[0]}.{member}" for member in SPOT[1]}
    | {f"{layer.collection}.{name}" for layer in LAYERS for name in layer.names()}
)
"""All columns a display would draw, as `required_columns` names them; sources have some of them."""
