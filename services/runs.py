"""Runs a command plays, and those of a synthetic detector; for files see `input_files`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Conditions
from dqmstream.producing.disturbed import Troubles
from dqmstream.sources.cms.source import LUMISECTION_SECONDS
from dqmstream.sources.source import ColumnSource, EventSource
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.faults import parse_fault
from dqmstream.sources.synthetic.scenario import Scenario, read_scenario
from dqmstream.workspaces.fitting import columns_of

__all__ = ["Runs", "chosen_scenario", "synthetic_run"]

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
    expected
        Names of further sources of these runs.
    troubles
        What is wrong with sources, by name.
    conditions
        What the input itself knows of its LSs: it is published, and is in the events already.
    """

    sources: Sequence[Sequence[EventSource]] = ()
    seconds: float = LUMISECTION_SECONDS
    columns: frozenset[str] = frozenset()
    expected: tuple[str, ...] = ()
    troubles: Mapping[str, Troubles] = field(default_factory=dict)
    conditions: tuple[Conditions, ...] = ()

    def reading(self, columns: Collection[str], offered: Collection[str] = ()) -> "Runs":
        """The same runs, of sources that send only these columns if they can choose.

        Each knows what the others of its run have; `offered` are columns that sources of other
        processes may have.
        """
        sources = [_reading(of_run, columns, offered) for of_run in self.sources]
        return replace(self, sources=sources)


def _reading(
    of_run: Sequence[EventSource], columns: Collection[str], offered: Collection[str]
) -> list[EventSource]:
    known = frozenset(offered).union(*map(columns_of, of_run))
    return [one.reading(columns, known) if isinstance(one, ColumnSource) else one for one in of_run]


def chosen_scenario(
    name: str | None,
    options: Mapping[str, float],
    faults: Sequence[str] | None,
    given: Collection[str] = (),
) -> Scenario:
    """The synthetic run that a command is to play.

    Parameters
    ----------
    name
        Of a scenario, or its file; None: the run of the options alone.
    options
        Numbers of the run. Of those a scenario has too, only what is `given` counts.
    faults
        Added to those of the scenario; an empty list: there are none at all. None: those of the
        scenario, and without one the two that are shown by default.

    Raises
    ------
    ConfigurationError
        If there is no such scenario or fault, or a number is out of range.
    """
    if name is None:
        scenario = Scenario(config=SyntheticConfig(run=1))
        chosen = dict(options)
        own = tuple(map(parse_fault, _FAULTS if faults is None else faults))
    else:
        scenario = read_scenario(name)
        chosen = {key: value for key, value in options.items() if key in given}
        own = scenario.faults if faults is None or faults else ()
        own += tuple(map(parse_fault, faults or ()))
    whole = {"run", "lumisections", "seed", "chunk_events"}
    numbers: dict[str, Any] = {key: int(v) if key in whole else v for key, v in chosen.items()}
    config = replace(scenario.config, **numbers, faults=())
    return replace(scenario, config=config, source_faults=()).with_faults(own)


def synthetic_run(scenario: Scenario, *, speed: float | None, live_as: str = "") -> Runs:
    """One run of the synthetic detector; `live_as` as `SyntheticSource` takes it.

    Raises
    ------
    ConfigurationError
        If a source is to be late, and all is sent as fast as it goes.
    """
    if scenario.needs_pace and speed is None:
        msg = "a source is to come late, which takes a pace: expected a --speed above 0"
        raise ConfigurationError(msg)
    sources = scenario.event_sources(live_as=live_as)
    coming = {source.name for source in sources}
    return Runs(
        sources=[sources],
        seconds=scenario.config.lumisection_seconds,
        columns=columns_of(sources[0]),
        expected=tuple(name for name in scenario.sources if name not in coming),
        troubles={source.name: source.troubles for source in sources if source.troubles},
    )
