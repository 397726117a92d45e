"""Runs a command plays, and those of a synthetic detector; for files see `input_files`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dqmstream.sources.cms.source import LUMISECTION_SECONDS
from dqmstream.sources.source import ColumnSource, EventSource
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.faults import parse_fault
from dqmstream.sources.synthetic.source import SyntheticSource
from services.fitting import columns_of

__all__ = ["Runs", "synthetic_config", "synthetic_run"]

_FAULTS: Final = ("dead:pixel:layer1/module37@5-", "hot:ecal:ieta10/iphi200*50@5-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """Runs, to be played one after another, each with its sources side by side.

    Parameters
    ----------
    sources
        Sources of each run.
    seconds
        Length of an LS in seconds of data taking.
    columns
        All columns that the sources could send, as `required_columns` names them.
    """

    sources: Sequence[Sequence[EventSource]] = ()
    seconds: float = LUMISECTION_SECONDS
    columns: frozenset[str] = frozenset()

    def reading(self, columns: Collection[str]) -> "Runs":
        """The same runs, of sources that send only these columns if they can choose."""
        sources = [
            [one.reading(columns) if isinstance(one, ColumnSource) else one for one in of_run]
            for of_run in self.sources
        ]
        return replace(self, sources=sources)


def synthetic_config(options: Mapping[str, float], faults: Sequence[str] | None) -> SyntheticConfig:
    """A synthetic run of these numbers; None for the faults that are shown by default."""
    config = SyntheticConfig(
        run=int(options["run"]),
        lumisections=int(options["lumisections"]),
        rate=options["rate"],
        lumisection_seconds=options["lumisection_seconds"],
        seed=int(options["seed"]),
        faults=tuple(parse_fault(text) for text in (_FAULTS if faults is None else faults)),
    )
    cut = options.get("chunk_events")
    return config if cut is None else replace(config, chunk_events=int(cut))


def synthetic_run(config: SyntheticConfig, *, live_as: str = "") -> Runs:
    """One run of the synthetic detector; `live_as` as `SyntheticSource` takes it."""
    source = SyntheticSource(SyntheticDetector(config), live_as=live_as)
    seconds = config.lumisection_seconds
    return Runs(sources=[[source]], seconds=seconds, columns=columns_of(source))
