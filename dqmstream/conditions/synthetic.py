"""The conditions of a synthetic run, as its fill has them: no reader of files is needed."""

from typing import Final

from dqmstream.conditions.oms import STABLE_BEAMS
from dqmstream.conditions.table import ConditionsTable
from dqmstream.messages.operations import Conditions
from dqmstream.sources.synthetic.config import SyntheticConfig

__all__ = ["synthetic_conditions"]

_PER_PB: Final = 1e-36
"""/cm2 in /pb."""


def synthetic_conditions(config: SyntheticConfig) -> ConditionsTable:
    """Pile-up, luminosity and prescales of each LS; voltages are on in all that is read out."""
    fill = config.fill
    dcs = dict.fromkeys(sorted(config.subsystems), True)
    rows = []
    for lumisection in range(1, config.lumisections + 1):
        luminosity = fill.luminosity(lumisection)
        delivered = luminosity * config.lumisection_seconds * _PER_PB
        rows.append(
            Conditions(
                run=config.run,
                lumisection=lumisection,
                run_type="pp_run",
                fill=fill.number,
                beam_mode=STABLE_BEAMS,
                luminosity=luminosity,
                pileup=fill.pileup(lumisection),
                prescale_index=fill.prescale_index(lumisection),
                dcs=dcs,
                delivered=delivered,
                recorded=delivered,
                beams_stable=True,
                physics=True,
            )
        )
    return ConditionsTable(rows)
