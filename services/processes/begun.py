"""Whether the log has begun a run otherwise than it is about to be sent."""

from collections.abc import Sequence

from dqmstream.errors import ConfigurationError
from dqmstream.producing.outlet import LogOutlet
from dqmstream.producing.progress import ProducerProgress
from dqmstream.sources.source import AwaitedSource, EventSource
from dqmstream.transport.patience import PACE
from services.processes.process import Process

__all__ = ["refuse_begun_otherwise"]


async def refuse_begun_otherwise(process: Process, sources: Sequence[EventSource]) -> None:
    """Stop before anything of a run is sent that nobody would take.

    Fillers hold a run to the input and the settings that it began with: what is sent of it from
    other ones is refused, all of it, and whoever waits for its LSs waits for ever.

    Raises
    ------
    ConfigurationError
        If a source that can be read again has sent the run from another input, or with other
        settings.
    """
    for source in sources:
        # One that decides while it reads says itself what it has decided otherwise.
        if not source.rereadable or isinstance(source, AwaitedSource):
            continue
        outlet = LogOutlet(process.bare_log, source, PACE, ProducerProgress())
        own = (await outlet.standings()).get(source.name)
        if own is not None and own.incarnation != outlet.incarnation:
            sent = "all of it" if own.ended else f"up to LS {own.lumisection}"
            msg = (
                f"run {source.run} of {source.name!r} is in the log already ({sent}), as "
                f"{own.incarnation}, expected {outlet.incarnation}: its input, columns, holes or "
                "other settings were not the same, and what is sent now would be refused; send it "
                "as they were, or play it as another run (--run), or into another log"
            )
            raise ConfigurationError(msg)
