"""Where people log in with names of their own: which provider, and what its claims give."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from dqmstream.errors import ConfigurationError
from services.gateway.access_tokens import Role

__all__ = ["ProviderSettings", "read_roles"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
EVERYBODY: Final = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """How to ask a provider, and which of its claims give which role.

    Parameters
    ----------
    issuer
        Address of the provider, without `/.well-known/...`; TLS is a must beyond this machine.
    client_id, secret
        Of this gateway at the provider.
    claim
        Whose values give roles; dots lead into objects, as `realm_access.roles`.
    roles
        `(value, role)`; the value `*` is everybody that the provider lets in.
    name_claim
        What people are called in the record: one that they cannot change themselves.
    url
        Address of the page for browsers; empty for that of the request, over plain HTTP.
    token_seconds, longest_seconds
        How long a token of the page lasts, and how often it can be renewed: at most so long.

    Raises
    ------
    ConfigurationError
        If the issuer has no TLS, the secret is empty, or nobody would have a role.
    """

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    claim: str = "groups"
    roles: tuple[tuple[str, Role], ...] = ()
    name_claim: str = "preferred_username"
    url: str = ""
    token_seconds: float = 900.0
    longest_seconds: float = 43_200.0

    def __post_init__(self) -> None:
        at = urlsplit(self.issuer)
        if at.scheme != "https" and not (at.scheme == "http" and at.hostname in _LOOPBACK):
            msg = (
                f"oidc_issuer is {self.issuer!r}, expected https://... (http only on this machine)"
            )
            raise ConfigurationError(msg)
        if not self.client_id or not self.secret:
            msg = "oidc_issuer is given, oidc_client_id or the secret in oidc_secret_file is not"
            raise ConfigurationError(msg)
        if not self.roles:
            msg = "oidc_issuer is given, oidc_roles is not: nobody would have a role"
            raise ConfigurationError(msg)

    @property
    def name(self) -> str:
        """What people call the provider."""
        return urlsplit(self.issuer).netloc


def read_roles(words: Sequence[str]) -> tuple[tuple[str, Role], ...]:
    """Roles of values of a claim, as `dqm-experts=expert`.

    Raises
    ------
    ConfigurationError
        If a word is none, or names a role that only tokens have.
    """
    found = []
    allowed = [Role.VIEWER, Role.SHIFTER, Role.EXPERT, Role.ADMIN]
    for word in words:
        value, _, name = word.rpartition("=")
        if not value or name not in allowed:
            msg = f"oidc_roles has {word!r}, expected VALUE=ROLE, ROLE one of {', '.join(allowed)}"
            raise ConfigurationError(msg)
        found.append((value, Role(name)))
    return tuple(found)
