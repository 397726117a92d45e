"""Silicon strips: modules, signal over noise and charge of clusters, layer by layer."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import SPECTRUM, TREND, beginning

__all__ = ["workspace"]

_FOLDER: Final = "SiStrip"
_CALL: Final = "Otherwise call the strip tracker expert on duty."

_SUBDETECTORS: Final = {"TIB": 3, "TID": 4, "TOB": 5, "TEC": 6}
"""Inner barrel, inner disks, outer barrel, end caps: CMSSW's numbers."""
_TEC_WHEELS: Final = (408, 408, 408, 360, 360, 360, 312, 312, 272)
_LAYERS: Final = {
    "TIB": dict(enumerate((672, 864, 540, 648), start=1)),
    "TID": dict.fromkeys((-3, -2, -1, 1, 2, 3), 136),
    "TOB": dict(enumerate((1008, 1152, 648, 720, 792, 888), start=1)),
    "TEC": {side * wheel: _TEC_WHEELS[wheel - 1] for side in (-1, 1) for wheel in range(1, 10)},
}
"""Modules of each layer, disk or wheel; those at negative z have negative numbers."""
_BARREL: Final = frozenset({"TIB", "TOB"})
_ON_TRACK: Final = "sistrip.on_track == 1"


def _subdetector(name: str, number: int) -> Iterator[Element]:
    folder, here = f"{_FOLDER}/{name}", f"sistrip.subdetector == {number}"
    layers = _LAYERS[name]
    layer = integer(min(layers), max(layers) + 1, label="layer, disk or wheel")
    yield scalar(
        f"{folder}/clusters",
        f"count({here})",
        combine="sum",
        title=f"{name}: clusters",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/sn_on_track",
        regular(100, 0, 100, label="signal over noise"),
        fill="sistrip.sn",
        select=f"{here} and {_ON_TRACK}",
        title=f"{name}: signal over noise of clusters on tracks",
        description=f"One peak at {22 if name == 'TOB' else 18} with a tail to the right. Further "
        f"left: wrong timing, or too low a voltage. {_CALL}",
    )
    yield histogram(
        f"{folder}/charge_on_track",
        regular(100, 0, 400, label="charge", unit="ADC counts"),
        fill="sistrip.charge",
        select=f"{here} and {_ON_TRACK}",
        title=f"{name}: charge of clusters on tracks",
        description=f"One peak at {110 if name == 'TOB' else 90} with a tail to the right. {_CALL}",
    )
    yield profile(
        f"{folder}/sn_by_layer",
        layer,
        fill="sistrip.layer",
        value="sistrip.sn",
        value_range=(0, 10_000),
        select=f"{here} and {_ON_TRACK}",
        title=f"{name}: mean signal over noise on tracks by layer",
        description=f"All layers alike, about {25 if name == 'TOB' else 20}. {_CALL}",
    )
    for numbered, modules in layers.items():
        yield histogram(
            f"{folder}/{_place(name, numbered)}/occupancy",
            integer(0, modules, label="module"),
            fill="sistrip.module",
            select=f"{here} and sistrip.layer == {numbered}",
            title=f"{name} {numbered:{'' if name in _BARREL else '+'}}: clusters by module",
            description="Flat within the statistics. An empty bin is a dead module; several in a "
            f"row share a power supply or a front-end driver. {_CALL}",
        )


def _place(name: str, layer: int) -> str:
    """Folder of a layer, or of a disk or wheel on its side in z."""
    if name in _BARREL:
        return f"Layer{layer}"
    return f"{'Plus' if layer > 0 else 'Minus'}{abs(layer)}"


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "sistrip", "module", "clusters", most=120, call=_CALL)
    yield histogram(
        f"{_FOLDER}/clusters_by_subdetector",
        integer(3, 7, labels=list(_SUBDETECTORS), label="subdetector"),
        fill="sistrip.subdetector",
        title="Clusters by subdetector",
        description=f"As in the reference: TOB highest, TID lowest. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/width",
        integer(1, 31, label="strips in the cluster"),
        fill="sistrip.width",
        title="Width of clusters",
        description=f"Falls by a third from bin to bin; mean about 3. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{_FOLDER}/sn_off_track",
        regular(100, 0, 50, label="signal over noise"),
        fill="sistrip.sn",
        select="sistrip.on_track == 0",
        title="Signal over noise of clusters off tracks",
        description=f"Falls from 3 on, without a peak. A peak: tracks are not found. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{_FOLDER}/on_track_by_subdetector",
        integer(3, 7, labels=list(_SUBDETECTORS), label="subdetector"),
        fill="sistrip.subdetector",
        value="sistrip.on_track",
        value_range=(0, 1),
        title="Fraction of clusters on tracks",
        description=f"About 0.8 everywhere; less is noise. {_CALL}",
    )


workspace = Workspace(
    "sistrip",
    "Strip tracker: dead modules, signal over noise and charge of clusters on tracks.",
    [*_summary(), *(one for item in _SUBDETECTORS.items() for one in _subdetector(*item))],
)
