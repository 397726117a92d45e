"""Where a gateway is, and as whom it is asked."""

from dataclasses import dataclass, field
from typing import Final

from dqmstream.errors import ConfigurationError

__all__ = ["LARGEST_MESSAGE", "TIMEOUT", "Address"]

TIMEOUT: Final = 60.0
"""Seconds without a byte after which an answer is given up."""
LARGEST_MESSAGE: Final = 64 << 20
"""Bytes of one message of the stream: a snapshot of a large map."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a gateway, and a token if it wants one; the token is never shown."""

    url: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            msg = f"gateway {self.url!r:.200}: expected http://host:port or https://..."
            raise ConfigurationError(msg)
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def headers(self) -> dict[str, str]:
        """What every request bears."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def stream(self) -> str:
        """Address of the websocket."""
        return f"ws{self.url.removeprefix('http')}/api/v1/stream"
