"""How to watch: which runs and streams, and how long for what is missing."""

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.settings import ReadSettings

__all__ = ["WatchSettings"]


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None of it but `read` changes what the chunks of a file are.

    Parameters
    ----------
    read
        How files are read. Events count for the LS in the name: playback renames recorded files.
    run
        The only run to watch; None: all.
    streams
        Streams to watch, with their name in file names as `streamDQM`; none: all that appear.
    missing_timeout
        Seconds that an LS without a file is waited for once a later one is there (CMS
        `nextLumiTimeoutMillis`, 240 s); also the silence after which a run without an end-of-run
        file is over if a later run has begun.
    broken_timeout
        Seconds for which a `.jsn` that cannot be read, or whose data file is not there, is tried
        again.
    newest
        Begin with the newest LS of the newest run that is there (CMS `skipFirstLumis`).
    most_runs
        Runs that are sent at the same time; later ones wait.
    most_ahead
        How far an LS may lie above all LSs known before; files beyond are counted and left alone.

    Raises
    ------
    ConfigurationError
        If a number is not above 0, or a stream is not named as files name it.
    """

    read: ReadSettings = ReadSettings(lumisection_from="name")
    run: int | None = None
    streams: tuple[str, ...] = ()
    missing_timeout: float = 240.0
    broken_timeout: float = 10.0
    newest: bool = False
    most_runs: int = 3
    most_ahead: int = 1000

    def __post_init__(self) -> None:
        for name in ("missing_timeout", "broken_timeout", "most_runs", "most_ahead"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                msg = f"watch: {name} is {value}, expected a number above 0"
                raise ConfigurationError(msg)
        for stream in self.streams:
            if not (stream.startswith("stream") and stream.isalnum() and stream.isascii()):
                msg = f"watch: stream {stream!r}, expected a name as in file names: streamDQM"
                raise ConfigurationError(msg)
        if self.read.lumisection_from != "name":
            msg = "watch: files are taken by their names, so their events must count for these too"
            raise ConfigurationError(msg)
