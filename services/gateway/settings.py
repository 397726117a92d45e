"""What the gateway can be told, and the limits on all that clients can ask of it."""

import math
from dataclasses import dataclass, field
from typing import Final

from dqmstream.errors import ConfigurationError

__all__ = ["CandidateSettings", "GatewaySettings", "Limits"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on one request, one client, all clients together, and what is kept in memory."""

    elements: int = 200
    """Elements one request may ask the contents of."""
    cells: int = 2_000_000
    """Cells all contents of one answer may have."""
    lumisections: int = 5_000
    """LSs a listing, a trend or a window may cover."""
    series_cells: int = 1 << 27
    """Cells of one element LS by LS in one answer; it is sent while it is read."""
    series: int = 16
    """Such answers that are on their way at once."""
    series_each: int = 4
    """The same of one token, or else of one address."""
    encodings: int = 2
    """Answers that are encoded at once; the others wait."""
    pattern: int = 200
    """Characters of a glob or regular expression."""
    clients: int = 256
    """Open streams."""
    connections: int = 1_024
    """Open connections of all kinds; beyond it uvicorn answers 503."""
    subscriptions: int = 64
    channels: int = 512
    """Plots and boards one client may watch."""
    channel_cells: int = 200_000
    """Cells of a plot that can be watched; larger ones are fetched when wanted."""
    message_bytes: int = 64 * 1024
    """One message of a client on the stream."""
    messages_per_second: float = 20.0
    """Client messages on the stream, on average; a burst of ten times that is fine."""
    queries: int = 8
    """Queries of stored contents that run at once; the others wait."""
    live_runs: int = 4
    live_lumisections: int = 64
    """LSs per run and workspace whose own contents stay in memory."""
    live_bytes: int = 1 << 30
    """Summed contents in memory, all together; the oldest LSs go first. What they were summed from
    stays beside them compressed, and each (run, workspace) has one total besides."""
    live_reports: int = 64
    """LSs per run and workspace whose reports stay in memory whole."""
    displays: int = 100
    """Single events per run that stay in memory, to be looked at."""
    requests_per_second: float = 500.0
    """Requests of one token, or else of one address, on average; 0 sets no limit."""
    burst_seconds: float = 10.0
    """After a quiet time as many requests may come at once as are allowed in this time."""
    rated_clients: int = 4_096
    """Tokens and addresses whose requests are counted."""
    ingest_body: int = 16 << 20
    """Bytes of one body on its way to the log; the log's own limit holds as well."""
    ingest_document: int = 1 << 20
    """Bytes of the JSON that starts a source, or ends something."""
    reference_body: int = 64 << 20
    """Bytes of a file that is uploaded as a reference, compressed or not."""
    ingest_bytes: int = 64 << 20
    """Bytes of bodies that are read, or wait for the log, all together."""
    ingest_token_bytes: int = 32 << 20
    """The same of one token."""
    ingest_body_seconds: float = 30.0
    """How long a body may take to come."""
    ingest_send_seconds: float = 10.0
    """How long the log may take to acknowledge; then the client is asked to send again."""
    ingest_workers: int = 4
    """Bodies that are expanded and validated at once."""
    ingest_sources: int = 1_024
    ingest_chunks: int = 1 << 16
    """Sources and chunks that are remembered, to tell contradictions at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateSettings:
    """How candidates are asked.

    Parameters
    ----------
    url
        Address of their gateways, `{name}` is the candidate's; empty asks at the address that
        stands on the record.
    token
        That they want for reading; empty sends none.
    at_once, waiting
        Questions on their way, and those that wait for them; more are refused.
    seconds
        From being asked to the last byte of the answer, waiting included.
    size
        Bytes of an answer.
    """

    url: str = ""
    token: str = field(default="", repr=False)
    at_once: int = 4
    waiting: int = 32
    seconds: float = 10.0
    size: int = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewaySettings:
    """Where the gateway listens and how it behaves. The defaults are safe on a shared machine.

    Parameters
    ----------
    host, port
        Address to listen on; port 0 takes a free one.
    update_interval
        Seconds between two looks at what has changed, for all clients.
    stale_after
        Seconds without a heartbeat (processes) after which what depends on it turns grey.
    data_stale_after
        Seconds without a new histogram set after which the live numbers turn grey.
    allowed_hosts
        Values of the Host header that are answered, without the port; empty takes the loopback
        names and `host`. It keeps a foreign page from reaching the gateway by a name of its own.
    allowed_origins
        Origins besides the gateway's own from which a page may open the stream.
    ping_interval, ping_timeout
        Seconds; a stream whose client does not answer a ping is closed.
    read_needs_token
        Whether reading takes a token, too. The page asks for it then.
    candidate, production_url
        Name of the candidate that this is a gateway of, and the page of production; empty for
        production itself.
    candidates
        How gateways of candidates are asked that run beside this one.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    update_interval: float = 1.0
    stale_after: float = 15.0
    data_stale_after: float = 30.0
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    read_needs_token: bool = False
    candidate: str = ""
    production_url: str = ""
    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        seconds = (
            "update_interval",
            "stale_after",
            "data_stale_after",
            "ping_interval",
            "ping_timeout",
        )
        for name in seconds:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                msg = f"gateway {name} is {value}, expected seconds above 0"
                raise ConfigurationError(msg)
        if not 0 <= self.port <= 65535:
            msg = f"gateway port is {self.port}, expected 0 to 65535"
            raise ConfigurationError(msg)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names that are answered."""
        return self.allowed_hosts or (*_LOOPBACK, self.host)
