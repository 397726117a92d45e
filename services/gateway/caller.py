"""Who asks a gateway, and what that one may."""

from dataclasses import dataclass
from typing import Final

from services.gateway.access_tokens import Role

__all__ = ["ANYBODY", "Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the token, empty without one, what it may, and until when (nanoseconds
    since 1970; None for ever)."""

    name: str = ""
    role: Role | None = None
    sources: tuple[str, ...] = ()
    expires: int | None = None

    def may(self, wanted: Role) -> bool:
        """Whether the caller's role is enough where `wanted` is asked for."""
        return self.role is not None and self.role.may(wanted)

    def speaks_for(self, source: str) -> bool:
        """Whether the caller's token may send events of a source."""
        return not self.sources or source in self.sources


ANYBODY: Final = Caller()
