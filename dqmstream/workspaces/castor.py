"""CASTOR: occupancy and energy of sectors and modules."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND, beginning

__all__ = ["workspace"]

_FOLDER: Final = "Castor"
_CALL: Final = "Otherwise call the CASTOR expert on duty."
_SECTOR: Final = integer(1, 17, label="sector")
_MODULE: Final = integer(1, 15, label="module, along the beam")
_ENERGY: Final = regular(100, 0, 200, label="energy", unit="GeV")
_PARTS: Final = {"Electromagnetic": "castor.module <= 2", "Hadronic": "castor.module > 2"}


def _elements() -> Iterator[Element]:
    yield from beginning(_FOLDER, "castor", "module", "hits", most=40, call=_CALL)
    yield histogram(
        f"{_FOLDER}/occupancy",
        _MODULE,
        _SECTOR,
        fill=("castor.module", "castor.sector"),
        title="Hits by module and sector",
        description="Falls from the left to the right, alike in all sectors. A white field is a "
        f"dead photomultiplier, a bright one a noisy one. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{_FOLDER}/sectors",
        _SECTOR,
        fill="castor.sector",
        title="Hits by sector",
        description=f"Flat within the statistics. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/modules",
        _MODULE,
        fill="castor.module",
        title="Hits by module",
        description=f"Falls smoothly by a factor of 9. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{_FOLDER}/energy_by_sector",
        _SECTOR,
        fill="castor.sector",
        value="castor.energy",
        value_range=(0, 10_000),
        title="Mean energy of hits by sector",
        description=f"Flat at about 12 GeV. {_CALL}",
    )
    yield profile(
        f"{_FOLDER}/energy_by_module",
        _MODULE,
        fill="castor.module",
        value="castor.energy",
        value_range=(0, 10_000),
        title="Mean energy of hits by module",
        description=f"Falls smoothly from 20 to 2 GeV: the depth of showers. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/energy_per_event",
        regular(100, 0, 500, label="sum of energies", unit="GeV"),
        fill="sum(castor.energy)",
        title="Energy per event",
        description=f"One peak at about 100 GeV that moves left as pile-up falls. {_CALL}",
    )
    yield scalar(
        f"{_FOLDER}/highest_energy",
        "castor.energy",
        combine="max",
        title="Highest energy of a hit [GeV]",
        description=f"Below a few 100 GeV. {_CALL}",
        draw=TREND,
    )
    for name, select in _PARTS.items():
        yield histogram(
            f"{_FOLDER}/{name}/energy",
            _ENERGY,
            fill="castor.energy",
            select=select,
            title=f"{name} modules: energy of hits",
            description=f"Falls without steps or peaks. {_CALL}",
            draw=SPECTRUM,
        )
        yield histogram(
            f"{_FOLDER}/{name}/sectors",
            _SECTOR,
            fill="castor.sector",
            select=select,
            title=f"{name} modules: hits by sector",
            description=f"Flat within the statistics. {_CALL}",
        )


workspace = Workspace("castor", "CASTOR: dead and noisy channels, energy.", _elements())
