"""What a provider says of a person: a name for the record, and a role. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from services.gateway.access_tokens import Role
from services.gateway.oidc_settings import EVERYBODY, ProviderSettings

__all__ = ["claim_at", "name_of", "role_of"]

_PREFIX: Final = "oidc:"
"""No name of a token has a colon: nobody can be taken for one of those."""
_STRANGE: Final = re.compile(r"[^\w.@+ -]")
_LONGEST: Final = 64


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The value at `a.b.c`, or under just that name; None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for word in path.split("."):
        if not isinstance(found, Mapping) or word not in found:
            return None
        found = found[word]
    return found


def role_of(claims: Mapping[str, Any], settings: ProviderSettings) -> Role | None:
    """The highest role that the values of the claim give; None for nobody of ours."""
    value = claim_at(claims, settings.claim)
    values = {str(one) for one in value} if isinstance(value, list) else {str(value)}
    if value is None:
        values = set()
    given = [role for name, role in settings.roles if name == EVERYBODY or name in values]
    return max(given, key=list(Role).index, default=None)


def name_of(claims: Mapping[str, Any], settings: ProviderSettings) -> str:
    """What somebody is called in the record: `oidc:` and the claim, or else the subject."""
    found = claim_at(claims, settings.name_claim)
    if not isinstance(found, str) or not found.strip():
        found = str(claims["sub"])
    return _PREFIX + _STRANGE.sub("_", found.strip())[:_LONGEST]
