"""People who log in at a provider: from its answer to a token of the page, renewed while they work.

The token reaches the page without standing in an address: the provider's answer becomes a sealed
text in the fragment, which browsers send to nobody, and which is worth something once, for a
minute, and only together with the verifier that the page has kept since the login began. Nothing
is a cookie but the login on its way, which is of no use to other pages.
"""

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import msgspec
import structlog

from dqmstream.clock import Clock
from services.gateway.access_tokens import Role
from services.gateway.caller import Caller
from services.gateway.oidc_claims import name_of, role_of
from services.gateway.oidc_provider import Provider, ProviderError
from services.gateway.oidc_provider import Tokens as ProviderTokens
from services.gateway.oidc_seals import Carry, Flow, Person, Renewal, Seals
from services.gateway.oidc_settings import ProviderSettings
from services.gateway.problems import ProblemError

__all__ = ["FLOW_SECONDS", "TOKEN_START", "LoggedIn", "People"]

TOKEN_START: Final = "dqm_p."  # noqa: S105 what a token begins with is no secret
FLOW_SECONDS: Final = 600
_CARRY_SECONDS: Final = 60
_MOST_USED: Final = 10_000
_BILLION: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedIn:
    """A token of a page, when it ends (nanoseconds since 1970), and what renews it, if anything."""

    token: str
    expires: int
    renewal: str | None


class People:
    """Those who log in at a provider.

    Parameters
    ----------
    settings
        The provider, and what its claims give.
    clock
        Dates what is handed out.
    """

    def __init__(self, settings: ProviderSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._seals = Seals(settings.secret)
        self._provider = Provider(settings, clock)
        self._used: OrderedDict[str, None] = OrderedDict()
        """Ids of answers that were taken, and of logins that are over: the oldest expired long ago
        when they go. Sealed text can be spelled in many ways, and is known by what it says."""
        self._logger = structlog.get_logger().bind(service="gateway")

    def find(self, secret: str, now: int) -> Caller | None:
        """Whose token this is, while it is in force."""
        person = self._person(secret, now)
        if person is None or person.id in self._used:
            return None
        return Caller(person.name, Role(person.role), expires=person.ends)

    async def begin(self, challenge: str, redirect: str) -> tuple[str, str]:
        """Where the browser goes, and what it must bring back in a cookie.

        Raises
        ------
        ProblemError
            503 if the provider does not answer, 502 if it says what makes no sense.
        """
        flow = Flow(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            challenge=challenge,
            redirect=redirect,
        )
        try:
            address = await self._provider.login_address(
                redirect=redirect, state=flow.state, nonce=flow.nonce, verifier=flow.verifier
            )
        except ProviderError as error:
            raise ProblemError(error.status, str(error)) from error
        return address, self._seals.seal(flow, self._clock.wall())

    async def ended(self, query: str, cookie: str | None) -> str:
        """What the page is handed for the provider's answer; problems too are handed to it."""
        now = self._clock.wall()
        flow = None if cookie is None else self._seals.open(Flow, cookie, now, FLOW_SECONDS)
        try:
            carry = await self._carried(parse_qs(query), flow)
        except ProviderError as error:
            self._logger.warning("a login failed", reason=str(error))
            challenge = flow.challenge if flow else ""
            carry = Carry(
                id=secrets.token_urlsafe(12),
                challenge=challenge,
                problem=str(error),
                status=error.status,
            )
        return self._seals.seal(carry, self._clock.wall())

    async def _carried(self, given: dict[str, list[str]], flow: Flow | None) -> Carry:
        answer = {name: values[0] for name, values in given.items()}
        if flow is None:
            msg = "this login was not begun in this browser, or more than ten minutes ago"
            raise ProviderError(msg, 401)
        if "error" in answer and answer.get("state") in {None, flow.state}:
            said = answer.get("error_description") or answer["error"]
            msg = f"{self.settings.name} did not let you in: {said:.200}"
            raise ProviderError(msg, 403)
        if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
            msg = "the answer is of another login (state): log in again"
            raise ProviderError(msg, 401)
        if answer.get("iss", self.settings.issuer).rstrip("/") != self.settings.issuer.rstrip("/"):
            msg = "the answer is of another provider (iss)"
            raise ProviderError(msg, 401)
        if not answer.get("code"):
            msg = f"{self.settings.name} sent no code"
            raise ProviderError(msg)
        tokens = await self._provider.exchange(
            answer["code"], redirect=flow.redirect, verifier=flow.verifier
        )
        claims = await self._provider.claims(tokens, nonce=flow.nonce)
        role = self._role(claims)
        return Carry(
            id=secrets.token_urlsafe(12),
            challenge=flow.challenge,
            name=name_of(claims, self.settings),
            role=role,
            subject=str(claims["sub"]),
            refresh=_refresh_of(tokens),
        )

    def exchange(self, code: str, verifier: str) -> LoggedIn:
        """A token for what the page was handed.

        Raises
        ------
        ProblemError
            401 if it is too old, used up, or was handed to another page; else why the login failed.
        """
        carry = self._seals.open(Carry, code, self._clock.wall(), _CARRY_SECONDS)
        if carry is None or carry.id in self._used:
            raise ProblemError(401, "this login is over a minute old, or was taken already")
        if carry.problem:
            raise ProblemError(carry.status, carry.problem)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not hmac.compare_digest(challenge, carry.challenge):
            raise ProblemError(401, "this login was begun in another page")
        self._use_up(carry.id)
        ends = self._clock.wall() + round(self.settings.longest_seconds * _BILLION)
        kept = Renewal(
            id=secrets.token_urlsafe(12), refresh=carry.refresh, subject=carry.subject, ends=ends
        )
        return self._let_in(carry.name, Role(carry.role), kept)

    async def renew(self, renewal: str) -> LoggedIn:
        """Another token for who still is who they were, with the role they have now.

        Raises
        ------
        ProblemError
            401 if it was too long ago or the provider ends it, 403 without a role, 503 if the
            provider is away.
        """
        known = self._renewal(renewal, self._clock.wall())
        if known is None or known.id in self._used:
            raise ProblemError(401, "this login is over: log in again")
        try:
            tokens = await self._provider.renewed(known.refresh)
            claims = await self._provider.claims(tokens, subject=known.subject)
            role = self._role(claims)
        except ProviderError as error:
            raise ProblemError(error.status, str(error)) from error
        name = name_of(claims, self.settings)
        refresh = _refresh_of(tokens) or known.refresh
        return self._let_in(name, role, msgspec.structs.replace(known, refresh=refresh))

    async def leave(self, token: str, renewal: str | None, back: str) -> str | None:
        """End a login here, with all its tokens; where it can be ended at the provider, too."""
        now = self._clock.wall()
        # Only what was sealed here is remembered: nobody can make it forget with made-up text.
        for known in (self._person(token, now), self._renewal(renewal or "", now)):
            if known is not None:
                self._use_up(known.id)
        try:
            return await self._provider.logout_address(back)
        except ProviderError:
            return None

    def _let_in(self, name: str, role: Role, kept: Renewal) -> LoggedIn:
        now = self._clock.wall()
        expires = min(now + round(self.settings.token_seconds * _BILLION), kept.ends)
        person = Person(id=kept.id, name=name, role=role, ends=expires)
        renewal = self._seals.seal(kept, now) if kept.refresh else None
        return LoggedIn(
            token=TOKEN_START + self._seals.seal(person, now), expires=expires, renewal=renewal
        )

    def _person(self, secret: str, now: int) -> Person | None:
        if not secret.startswith(TOKEN_START):
            return None
        sealed = secret.removeprefix(TOKEN_START)
        person = self._seals.open(Person, sealed, now, self.settings.longest_seconds)
        return None if person is None or person.ends <= now else person

    def _renewal(self, sealed: str, now: int) -> Renewal | None:
        known = self._seals.open(Renewal, sealed, now, self.settings.longest_seconds)
        return None if known is None or known.ends <= now else known

    def _role(self, claims: dict[str, object]) -> Role:
        role = role_of(claims, self.settings)
        if role is None:
            msg = (
                f"you are known to {self.settings.name}, but have no role here: "
                f"your {self.settings.claim} give none"
            )
            raise ProviderError(msg, 403)
        return role

    def _use_up(self, mark: str) -> None:
        self._used[mark] = None
        while len(self._used) > _MOST_USED:
            self._used.popitem(last=False)


def _refresh_of(tokens: ProviderTokens) -> str:
    found = tokens.get("refresh_token")
    return found if isinstance(found, str) else ""
