"""Tokens: who may do what. A file holds their hashes, never the tokens themselves.

A token is 256 random bits, so a plain SHA-256 is enough to store it: nobody can try that many, and
a slow hash, made for what people choose as passwords, would only slow every request down.
"""

import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from dqmstream.errors import ConfigurationError

__all__ = ["Role", "Token", "Tokens", "new_secret", "sha256_of"]

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
_MOST_TOKENS: Final = 1_000
_PREFIX: Final = "dqm_"
"""So that a scanner of repositories knows one when it sees it."""
_SECRET: Final = re.compile(r"dqm_[A-Za-z0-9_-]{43}")


class Role(StrEnum):
    """What somebody may do. The first four each may what those before may; a producer sends
    events and reads where its sources stand, nothing else."""

    VIEWER = "viewer"
    SHIFTER = "shifter"
    EXPERT = "expert"
    ADMIN = "admin"
    PRODUCER = "producer"

    def may(self, wanted: "Role") -> bool:
        """Whether this role is enough where `wanted` is asked for."""
        if Role.PRODUCER in {self, wanted}:
            return self is wanted or self is Role.ADMIN
        return _RANKS[self] >= _RANKS[wanted]


_RANKS: Final = {Role.VIEWER: 1, Role.SHIFTER: 2, Role.EXPERT: 3, Role.ADMIN: 4}


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One token: `sha256` is the hash of its text in hex; times are nanoseconds since 1970.

    `sources` binds it to the names of sources; none means any.
    """

    name: Annotated[str, msgspec.Meta(pattern=_NAME)]
    role: Role
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    sources: tuple[str, ...] = ()
    made: int = 0
    expires: int | None = None


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...]


def new_secret() -> str:
    """The text of a new token: 256 bits from the operating system."""
    return _PREFIX + secrets.token_urlsafe(32)


def sha256_of(secret: str) -> str:
    """How a token is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """All tokens there are.

    Raises
    ------
    ConfigurationError
        If two have the same name or hash, or there are too many.
    """

    def __init__(self, tokens: Sequence[Token] = ()) -> None:
        self.all = tuple(tokens)
        if len(self.all) > _MOST_TOKENS:
            msg = f"{len(self.all)} tokens, at most {_MOST_TOKENS}"
            raise ConfigurationError(msg)
        for field in ("name", "sha256"):
            values = Counter(getattr(token, field) for token in self.all)
            twice = sorted(value for value, times in values.items() if times > 1)
            if twice:
                msg = f"tokens: {field} {twice[0]!r} stands there twice"
                raise ConfigurationError(msg)
        self.takes_events = any(token.role.may(Role.PRODUCER) for token in self.all)
        """Whether anybody may send events."""
        self._hashes = [(token.sha256.encode(), token) for token in self.all]

    def find(self, secret: str, now: int) -> Token | None:
        """The token with this text, unless it has expired.

        Each is compared in constant time, and all of them: how long it takes says nothing.
        """
        if not _SECRET.fullmatch(secret):
            return None
        wanted = sha256_of(secret).encode()
        found = None
        for stored, token in self._hashes:
            if hmac.compare_digest(stored, wanted):
                found = token
        if found is None or (found.expires is not None and found.expires <= now):
            return None
        return found

    def encode(self) -> bytes:
        """As a file holds them: JSON, a line for each field."""
        return msgspec.json.format(msgspec.json.encode(_Document(tokens=self.all))) + b"\n"

    @classmethod
    def decode(cls, content: bytes, *, file: str) -> "Tokens":
        """What a file holds.

        Raises
        ------
        ConfigurationError
            If it is no such file: says which, and why.
        """
        try:
            return cls(msgspec.json.decode(content, type=_Document).tokens)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            msg = f"tokens file {file}: {error}"
            raise ConfigurationError(msg) from error
