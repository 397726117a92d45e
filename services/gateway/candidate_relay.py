"""What this gateway asks the gateway of a candidate that runs beside, within bounds.

A candidate is on trial: it may hang, be away, or answer nonsense or without end. So each question
has a time and a size, few are on their way at once, few more wait, and one that is not reached is
left alone for a moment. Nothing of who asks here is sent there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from dqmstream.clock import Clock
from dqmstream.deployments.standing import Standing
from services.gateway.problems import ProblemError, not_found
from services.gateway.settings import CandidateSettings

__all__ = ["CandidateRelay", "Running", "base_of", "running"]

_API: Final = "/api/v1"
_PASSED_ON: Final = frozenset({404, 409, 413, 422, 503})
"""Refusals of the candidate that say something of what was asked for; others are of itself."""
_SECONDS_OF_REST: Final = 3.0
_LONGEST: Final = 300
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Running:
    """A candidate that runs beside, and the address of its gateway on the record."""

    name: str
    url: str


def running(standing: Standing, name: str) -> Running:
    """The candidate of that name.

    Raises
    ------
    ProblemError
        404 if it was never planned, 409 if it does not run beside.
    """
    found = standing.deployments.get(name)
    if found is None:
        known = ", ".join(standing.deployments) or "none"
        detail = f"no deployment {name!r} was ever planned: there are {known}"
        raise not_found(detail)
    if found.state != "running":
        detail = f"deployment {name} is {found.state}, expected one that runs beside"
        raise ProblemError(409, detail)
    return Running(name, found.url)


def base_of(candidate: Running, template: str) -> str:
    """Where the API of a candidate is: below the template with its name, else below its page.

    Raises
    ------
    ProblemError
        502 if that is no plain address: http or https with a host, no user, no query.
    """
    url = template.replace("{name}", candidate.name) if template else candidate.url
    try:
        parts = urlsplit(url.partition("#")[0])
        is_plain = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and not (parts.query or "@" in parts.netloc)
            and (parts.port is None or parts.port > 0)
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        is_plain = False
    if not is_plain:
        shown = url.rpartition("@")[2] or "nothing"  # what stands before it may be a password
        detail = (
            f"candidate {candidate.name} cannot be asked: its address is {shown[:_LONGEST]!r}, "
            "expected http://host:port or https://... without user and query"
        )
        raise ProblemError(502, detail)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{_API}"


class CandidateRelay:
    """Asks candidates.

    An asynchronous context manager: its connections end with the block.
    """

    def __init__(self, settings: CandidateSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._turns = asyncio.Semaphore(settings.at_once)
        self._asked = 0
        self._making = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None
        self._resting: dict[str, tuple[float, str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def get(
        self,
        candidate: Running,
        path: str,
        query: Mapping[str, str | int | Sequence[str]],
        *,
        accept: str = _JSON,
    ) -> bytes:
        """The body of a candidate's answer of that media type.

        Parameters
        ----------
        path
            Below its `/api/v1`, made of checked words.

        Raises
        ------
        ProblemError
            What the candidate refuses with as far as it is about what was asked; 502 or 504 if it
            does not answer, or not so that it could be used; 503 if too many ask.
        """
        base = base_of(candidate, self._settings.url)
        self._check_rested(base)
        limit = self._settings.at_once + self._settings.waiting
        if self._asked >= limit:
            detail = f"{self._asked} questions to candidates are on their way, at most {limit}"
            raise ProblemError(503, detail, {"retry-after": "1"})
        self._asked += 1
        try:
            async with asyncio.timeout(self._settings.seconds), self._turns:
                # Perhaps it was found away while this one waited.
                self._check_rested(base)
                return await self._ask(candidate, f"{base}/{path}", query, accept)
        except (TimeoutError, httpx.TimeoutException) as error:
            said = (
                f"candidate {candidate.name} does not answer: nothing, or not all of it, in "
                f"{self._settings.seconds:g} s"
            )
            raise self._unreached(base, 504, said) from error
        except httpx.TransportError as error:
            why = f"{error}"[:_LONGEST] or type(error).__name__
            said = f"candidate {candidate.name} does not answer: {why}"
            raise self._unreached(base, 502, said) from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            said = f"candidate {candidate.name} cannot be asked: {error!s:.{_LONGEST}}"
            raise ProblemError(502, said) from error
        finally:
            self._asked -= 1

    def _check_rested(self, base: str) -> None:
        until, said = self._resting.get(base, (0.0, ""))
        if self._clock.monotonic() < until:
            raise ProblemError(502, said, {"retry-after": "3"})

    def _unreached(self, base: str, status: int, said: str) -> ProblemError:
        self._resting = {base: (self._clock.monotonic() + _SECONDS_OF_REST, said)}
        return ProblemError(status, said, {"retry-after": "3"})

    async def _ask(
        self,
        candidate: Running,
        url: str,
        query: Mapping[str, str | int | Sequence[str]],
        accept: str,
    ) -> bytes:
        http = await self._client()
        # Plain: what is compressed could become any size.
        headers = {"accept": accept, "accept-encoding": "identity"}
        if self._settings.token:
            headers["authorization"] = f"Bearer {self._settings.token}"
        params: dict[str, Any] = dict(query)
        async with http.stream("GET", url, params=params, headers=headers) as answer:
            if answer.is_success:
                _check_head(candidate, answer, accept, self._settings.size)
                return await _body(candidate, answer, self._settings.size)
            body = await _body(candidate, answer, 1 << 16)
        raise _refusal(candidate, answer, body)

    async def _client(self) -> httpx.AsyncClient:
        async with self._making:
            if self._http is None:
                # On a thread, since it reads the system's certificates.
                self._http = await asyncio.to_thread(_made, self._settings)
        return self._http


def _made(settings: CandidateSettings) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        follow_redirects=False,
        # No proxies, and no passwords of a netrc.
        trust_env=False,
        timeout=settings.seconds,
        limits=httpx.Limits(
            max_connections=settings.at_once, max_keepalive_connections=settings.at_once
        ),
    )


def _check_head(candidate: Running, answer: httpx.Response, accept: str, size: int) -> None:
    found = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if found != accept or coding != "identity":
        detail = f"{found or 'nothing named'}, {coding}"
        raise _nonsense(candidate, f"answers with {detail[:_LONGEST]}, expected {accept}")
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > size:
        raise _nonsense(candidate, f"answers with {length[:20]} bytes, expected at most {size}")


async def _body(candidate: Running, answer: httpx.Response, size: int) -> bytes:
    found = bytearray()
    async for piece in answer.aiter_raw():
        found += piece
        if len(found) > size:
            raise _nonsense(candidate, f"answers with more than {size} bytes")
    return bytes(found)


def _refusal(candidate: Running, answer: httpx.Response, body: bytes) -> ProblemError:
    status = answer.status_code
    if status in {401, 403}:
        return _nonsense(
            candidate, f"lets only those read who have a token ({status}): see candidate_token_file"
        )
    if answer.is_redirect:
        return _nonsense(candidate, f"sends elsewhere ({status}), which is not followed")
    try:
        said = str(msgspec.json.decode(body)["detail"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, RecursionError):
        said = "without saying why"
    detail = f"candidate {candidate.name} refuses ({status}): {said[:_LONGEST]}"
    return ProblemError(status if status in _PASSED_ON else 502, detail)


def _nonsense(candidate: Running, said: str) -> ProblemError:
    return ProblemError(502, f"candidate {candidate.name} {said}")
