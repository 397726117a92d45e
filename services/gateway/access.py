"""Who asks: a token in the Authorization header, a role, and what that role may do.

Nobody needs a token to read, unless the settings say so; every route that changes something names
the role it takes. Tokens travel in that header, and of browsers that open a stream in the list of
its subprotocols, as browsers let pages set no header there. They are nowhere else: not in URLs,
which end up in logs and histories, and not in cookies, so that no foreign page can act for somebody
who looks at it. What stands before all routes is `services.gateway.access_gate`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from services.gateway.access_file import follow_tokens, read_tokens
from services.gateway.access_tokens import Role, Tokens
from services.gateway.caller import ANYBODY, Caller
from services.gateway.problems import ProblemError

if TYPE_CHECKING:
    from services.gateway.oidc import People

__all__ = ["REALM", "Access", "Expert", "check_role", "requires"]

REALM: Final = 'Bearer realm="dqmstream"'


@dataclass(kw_only=True, slots=True)
class Access:
    """The tokens in force, the file they come from, and who logs in at a provider, if any."""

    tokens: Tokens = field(default_factory=Tokens)
    file: Path | None = None
    people: "People | None" = None

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """The tokens of a file, which need not be there yet; ConfigurationError if it is none."""
        return cls(tokens=read_tokens(path), file=path)

    async def follow(self) -> None:
        """Keep to what the file holds, for ever."""
        if self.file is not None:
            async for tokens in follow_tokens(self.file, self.tokens):
                self.tokens = tokens
                structlog.get_logger().info("tokens were read again", count=len(tokens.all))

    def caller(self, header: str | None, now: int) -> Caller:
        """Who sends this Authorization header.

        Raises
        ------
        ProblemError
            401 if it holds no token that is in force. Without a header it is anybody.
        """
        if header is None:
            return ANYBODY
        scheme, _, secret = header.partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else ""
        if self.people is not None and (person := self.people.find(secret, now)) is not None:
            return person
        token = self.tokens.find(secret, now)
        if token is None:
            detail = "the Authorization header holds no token that is in force"
            raise ProblemError(401, detail, {"www-authenticate": f'{REALM}, error="invalid_token"'})
        return Caller(token.name, token.role, token.sources, token.expires)


_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="`dqmstream token new`")


def requires(role: Role) -> Callable[..., Awaitable[Caller]]:
    """A dependency of routes: the caller, whose role is enough.

    Raises
    ------
    ProblemError
        401 without a token, 403 if its role is not enough.
    """

    async def _allowed(
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> Caller:
        caller: Caller = request.scope.get("caller", ANYBODY)
        check_role(caller, role)
        return caller

    return _allowed


Expert = Annotated[Caller, Depends(requires(Role.EXPERT))]
"""Who asks, of role expert or above."""


def check_role(caller: Caller, role: Role) -> None:
    """Nothing happens if the caller's role is enough.

    Raises
    ------
    ProblemError
        401 without a token, 403 if its role is not enough.
    """
    if caller.role is None:
        detail = f"this takes a token of role {role} or above in the Authorization header"
        raise ProblemError(401, detail, {"www-authenticate": REALM})
    if not caller.may(role):
        detail = f"the token {caller.name!r} is of role {caller.role}, this takes {role}"
        scope = {"www-authenticate": f'{REALM}, error="insufficient_scope"'}
        raise ProblemError(403, detail, scope)
