"""What the gateway hands out and wants back unchanged: sealed, dated, and for one purpose each.

All is in the sealed text itself, so that a gateway that was started again, or another one with the
same secret, reads it too. Seals are Fernet's: AES and an HMAC, of the library `cryptography`.
"""

import base64
from typing import Final, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["Carry", "Flow", "Person", "Renewal", "Seals"]

_BILLION: Final = 1_000_000_000


class Flow(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A login that has begun: what the provider must bring back, and the page's challenge."""

    state: str
    nonce: str
    verifier: str
    challenge: str
    redirect: str


class Renewal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What renews a person's token: never readable for the page that keeps it."""

    id: str
    """Of the login, which all its tokens have."""
    refresh: str
    subject: str
    ends: int
    """After which one logs in again, nanoseconds since 1970."""


class Person(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The token of a page."""

    id: str
    """Of the login."""
    name: str
    role: str
    ends: int
    """Nanoseconds since 1970."""


class Carry(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the provider's answer to the page: once, to who has the verifier of the challenge."""

    id: str
    challenge: str
    problem: str = ""
    status: int = 200
    name: str = ""
    role: str = ""
    subject: str = ""
    refresh: str = ""


S = TypeVar("S", Flow, Renewal, Person, Carry)


class Seals:
    """Seals with a key made of a secret.

    Parameters
    ----------
    secret
        That all gateways of a system share: the one of the client at the provider.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._boxes: dict[type[msgspec.Struct], Fernet] = {}

    def seal(self, value: Flow | Renewal | Person | Carry, now: int) -> str:
        """As text that fits into headers, cookies and addresses."""
        sealed = self._box(type(value)).encrypt_at_time(msgspec.json.encode(value), now // _BILLION)
        return sealed.decode().rstrip("=")

    def open(self, kind: type[S], text: str, now: int, seconds: float) -> S | None:
        """What was sealed at most so many seconds ago; None for anything else."""
        try:
            padded = text + "=" * (-len(text) % 4)
            clear = self._box(kind).decrypt_at_time(padded, int(seconds), now // _BILLION)
            return msgspec.json.decode(clear, type=kind)
        except (InvalidToken, ValueError, msgspec.MsgspecError):
            return None

    def _box(self, kind: type[msgspec.Struct]) -> Fernet:
        # A key for each purpose: what is sealed for one opens for no other.
        if kind not in self._boxes:
            info = f"dqmstream {kind.__name__}".encode()
            key = HKDF(SHA256(), 32, salt=None, info=info).derive(self._secret)
            self._boxes[kind] = Fernet(base64.urlsafe_b64encode(key))
        return self._boxes[kind]
