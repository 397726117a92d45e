"""A provider of OpenID Connect, asked over HTTP: where to log in, what a code is worth, who it is.

Authlib makes the addresses, checks what comes back and what an ID token claims; its own adapter to
httpx is not used, as that warns of being deprecated.
"""

import asyncio
import ssl
from typing import Any, Final

import httpx
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dqmstream.clock import Clock
from services.gateway.oidc_settings import ProviderSettings

__all__ = ["Provider", "ProviderError", "Tokens"]

_ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
"""Those that only the provider can sign with: no shared secrets, and never none."""
_SCOPE: Final = "openid profile email"
_SECONDS: Final = 10.0
_LEEWAY: Final = 60
_FRESH_SECONDS: Final = 3_600.0
_AWAY_SECONDS: Final = 2.0
"""For which a provider that did not answer is not asked again: who waited meanwhile is told so,
instead of waiting as long one after the other."""
_REFUSED: Final = 400
_AWAY: Final = 500


class ProviderError(Exception):
    """The provider is away, refuses, or says what cannot be believed: `status` for who asks us."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


class Tokens(dict[str, Any]):
    """What the provider answers to a code or to a refresh token."""


class Provider:
    """One provider.

    Parameters
    ----------
    settings
        Which one, and who we are to it.
    clock
        Ages what is known of it.
    """

    def __init__(self, settings: ProviderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._known: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read = -float("inf")
        self._failed = (-float("inf"), "", 0)
        self._reading = asyncio.Lock()
        self._trusted: ssl.SSLContext | None = None

    async def login_address(self, *, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to log in; ProviderError if the provider does not answer."""
        known = await self._metadata()
        address: str = prepare_grant_uri(
            known["authorization_endpoint"],
            self._settings.client_id,
            "code",
            redirect_uri=redirect,
            scope=_SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address

    async def logout_address(self, back: str) -> str | None:
        """Where a browser ends its login at the provider; None if it has no such place."""
        known = await self._metadata()
        end = known.get("end_session_endpoint")
        if not isinstance(end, str):
            return None
        query = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        return str(httpx.URL(end).copy_merge_params(query))

    async def exchange(self, code: str, *, redirect: str, verifier: str) -> Tokens:
        """What a code is worth."""
        return await self._tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect,
            code_verifier=verifier,
        )

    async def renewed(self, refresh: str) -> Tokens:
        """What a refresh token is worth."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh)

    async def claims(
        self, tokens: Tokens, *, nonce: str | None = None, subject: str | None = None
    ) -> dict[str, Any]:
        """Who it is: claims of the ID token, and of the provider's own page about the person.

        Raises
        ------
        ProviderError
            If the ID token is not signed by the provider, not for us, too old, or of another login;
            or if it is of somebody else than `subject`.
        """
        found: dict[str, Any] = {}
        if "id_token" in tokens:
            found = await self._checked(str(tokens["id_token"]), tokens, nonce)
        elif nonce is not None:
            msg = "the provider sent no ID token"
            raise ProviderError(msg)
        about = (await self._metadata()).get("userinfo_endpoint")
        if isinstance(about, str) and "access_token" in tokens:
            bearer = {"authorization": f"Bearer {tokens['access_token']}"}
            more = await self._json("GET", about, headers=bearer)
            if found and more.get("sub") != found["sub"]:
                msg = "the provider tells of two people in one login"
                raise ProviderError(msg)
            found = {**more, **found}
        if subject is not None and found.get("sub") != subject:
            msg = "the provider renewed the login of somebody else"
            raise ProviderError(msg)
        return found

    async def _checked(self, token: str, tokens: Tokens, nonce: str | None) -> dict[str, Any]:
        settings, now = self._settings, self._clock.wall() // 1_000_000_000
        await self._metadata()
        try:
            try:
                decoded = jwt.decode(token, self._keys_now, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                # Its keys may have turned since they were read.
                await self._metadata(anew=True)
                decoded = jwt.decode(token, self._keys_now, algorithms=_ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self._known["issuer"]},
                "aud": {"essential": True, "value": settings.client_id},
            }
            params = {"client_id": settings.client_id, "access_token": tokens.get("access_token")}
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options,
                params | ({"nonce": nonce} if nonce else {}),
            )
            claims.validate(now, _LEEWAY)
        except (JoseError, OAuth2Error, ValueError, TypeError) as error:
            msg = f"the provider's ID token is not to be believed: {error}"
            raise ProviderError(msg, 401) from error
        return dict(decoded.claims)

    @property
    def _keys_now(self) -> KeySet:
        if self._keys is None:
            msg = "the keys of the provider were not read"
            raise ProviderError(msg)
        return self._keys

    async def _tokens(self, **form: str) -> Tokens:
        known = await self._metadata()
        methods = known.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        settings, asked = self._settings, dict(form)
        login = (settings.client_id, settings.secret)
        if "client_secret_basic" in methods:
            return Tokens(await self._json("POST", known["token_endpoint"], data=asked, auth=login))
        asked |= {"client_id": settings.client_id, "client_secret": settings.secret}
        return Tokens(await self._json("POST", known["token_endpoint"], data=asked))

    async def _metadata(self, *, anew: bool = False) -> dict[str, Any]:
        async with self._reading:
            age = self._clock.monotonic() - self._read
            if age < _FRESH_SECONDS and not (anew and age > 1):
                return self._known
            failed, why, status = self._failed
            if self._clock.monotonic() - failed < _AWAY_SECONDS:
                raise ProviderError(why, status)
            try:
                await self._read_metadata()
            except ProviderError as error:
                self._failed = (self._clock.monotonic(), str(error), error.status)
                raise
            return self._known

    async def _read_metadata(self) -> None:
        issuer = self._settings.issuer.rstrip("/")
        known = await self._json("GET", f"{issuer}/.well-known/openid-configuration")
        if str(known.get("issuer", "")).rstrip("/") != issuer:
            msg = f"the provider calls itself {known.get('issuer')!r:.200}, expected {issuer!r}"
            raise ProviderError(msg)
        lacking = [
            name
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if not isinstance(known.get(name), str)
        ]
        if lacking:
            msg = f"the provider does not say its {', '.join(lacking)}"
            raise ProviderError(msg)
        try:
            read: Any = await self._json("GET", known["jwks_uri"])
            keys = KeySet.import_key_set(read)
        except (JoseError, KeyError, ValueError, TypeError) as error:
            msg = f"the provider's keys cannot be read: {error}"
            raise ProviderError(msg) from error
        self._known, self._keys, self._read = known, keys, self._clock.monotonic()

    async def _json(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        issuer = self._settings.name
        if self._trusted is None:
            # It reads all certificates that are trusted: once, and beside the event loop.
            self._trusted = await asyncio.to_thread(httpx.create_ssl_context)
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, verify=self._trusted) as client:
                answer = await client.request(method, address, **more)
            body = answer.json() if answer.content else {}
        except httpx.HTTPError as error:
            msg = f"{issuer} does not answer: {type(error).__name__}"
            raise ProviderError(msg, 503) from error
        except ValueError as error:
            msg = f"{issuer} answers {answer.status_code} with something that is no JSON"
            raise ProviderError(msg) from error
        if answer.status_code >= _AWAY:
            msg = f"{issuer} answers {answer.status_code}"
            raise ProviderError(msg, 503)
        if answer.status_code >= _REFUSED or not isinstance(body, dict):
            said = (
                body.get("error_description") or body.get("error") if isinstance(body, dict) else ""
            )
            msg = f"{issuer} refuses: {said or answer.status_code!s:.200}"
            raise ProviderError(msg, 401)
        return body
