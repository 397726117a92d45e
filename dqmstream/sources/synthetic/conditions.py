"""What accompanies the events of a synthetic run: the conditions of each lumisection."""

from typing import Final

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.messages.operations import Conditions
from dqmstream.sources.synthetic.config import SyntheticConfig

__all__ = ["synthetic_conditions"]

_CM2_OF_PB: Final = 1e-36
"""An inverse picobarn is 1e36 /cm2."""


def synthetic_conditions(config: SyntheticConfig, lumisection: int) -> Conditions:
    """The conditions of one LS: stable beams, all voltages on, and what the fill says.

    Nothing is lost to dead time: `recorded` is `delivered`, the luminosity times the length of the
    LS. `dcs` names the parts of the subsystems that read out.

    Raises
    ------
    SourceError
        With reason `no_lumisection` if the run has none of that number.
    """
    if not 1 <= lumisection <= config.lumisections:
        where = LumisectionId(config.run, lumisection)
        detail = f"{where}: the run has lumisections 1 to {config.lumisections}"
        raise SourceError("no_lumisection", detail)
    fill = config.fill
    luminosity = fill.luminosity(lumisection)
    delivered = luminosity * config.lumisection_seconds * _CM2_OF_PB
    column = config.prescale_index(lumisection)
    return Conditions(
        run=config.run,
        lumisection=lumisection,
        run_type="pp_run",
        fill=fill.number,
        beam_mode="STABLE BEAMS",
        luminosity=luminosity,
        pileup=fill.pileup(lumisection),
        prescale_index=column,
        prescale_name=f"column {column}",
        dcs={name: True for part in config.parts for name in part.dcs},
        delivered=delivered,
        recorded=delivered,
        beams_stable=True,
        physics=True,
        energy=fill.energy(lumisection),
    )
