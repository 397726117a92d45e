"""The conditions of a synthetic run, as its fill has them: no reader of files is needed."""

from dqmstream.conditions.table import ConditionsTable
from dqmstream.sources.synthetic import conditions
from dqmstream.sources.synthetic.config import SyntheticConfig

__all__ = ["synthetic_conditions"]


def synthetic_conditions(config: SyntheticConfig) -> ConditionsTable:
    """Pile-up, luminosity and prescales of each LS; voltages are on in all that is read out."""
    return ConditionsTable(
        [
            conditions.synthetic_conditions(config, lumisection)
            for lumisection in range(1, config.lumisections + 1)
        ]
    )
