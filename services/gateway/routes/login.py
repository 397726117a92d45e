"""Routes: log in at a provider, and out. Browsers follow the first two, the page asks the rest."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.gateway.access_models import (
    LeaveAnswer,
    LeaveLogin,
    LoggedInAnswer,
    RenewLogin,
    TakeLogin,
)
from services.gateway.asking import PROBLEMS, Gateway
from services.gateway.problems import not_found, problem_answer

if TYPE_CHECKING:
    from services.gateway.oidc import LoggedIn, People

__all__ = ["router"]

COOKIE: Final = "dqmstream-login"
_PATH: Final = "/api/v1/login"
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body is no JSON."),
    502: problem_answer("The provider says what makes no sense."),
}

router = APIRouter(tags=["access"], responses=PROBLEMS | _TAKEN)


def _people(parts: Gateway) -> "People":
    people = parts.access.people
    if people is None:
        raise not_found("this gateway knows no provider to log in at: tokens log in")
    return people


def _page(people: "People", request: Request) -> str:
    """Address of the page for browsers, without a slash at its end."""
    given = people.settings.url or f"http://{request.headers.get('host', '')}"
    return given.rstrip("/")


@router.get(
    "/login",
    summary="Go and log in at the provider",
    status_code=302,
    response_class=RedirectResponse,
)
async def begin_login(
    request: Request,
    parts: Gateway,
    challenge: Annotated[
        str,
        Query(
            pattern="^[A-Za-z0-9_-]{43}$",
            description="SHA-256 of the page's verifier, as base64url without padding.",
        ),
    ],
) -> Response:
    """A browser is sent on; what has begun goes with it in a cookie that only this path reads."""
    people = _people(parts)
    page = _page(people, request)
    address, cookie = await people.begin(challenge, f"{page}{_PATH}/callback")
    answer = RedirectResponse(address, 302, {"cache-control": "no-store"})
    # Lax: the way back is a navigation from the provider's site, which Strict leaves without it.
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=600,
        path=_PATH,
        secure=page.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(
    "/login/callback",
    summary="Come back from the provider",
    status_code=303,
    response_class=RedirectResponse,
)
async def end_login(request: Request, parts: Gateway) -> Response:
    """A browser is sent back to the page; what went wrong is told there."""
    people = _people(parts)
    code = await people.ended(request.url.query, request.cookies.get(COOKIE))
    page = _page(people, request)
    answer = RedirectResponse(f"{page}/#login={code}", 303, {"cache-control": "no-store"})
    answer.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="lax")
    return answer


@router.post(
    "/login/exchange", response_model=LoggedInAnswer, summary="Take what a login has brought"
)
async def take_login(parts: Gateway, asked: TakeLogin) -> Response:
    """Once, within a minute, by the page that began it."""
    return _logged_in(_people(parts).exchange(asked.code, asked.verifier))


@router.post("/login/renew", response_model=LoggedInAnswer, summary="Stay logged in")
async def renew_login(parts: Gateway, asked: RenewLogin) -> Response:
    """With the role that the provider gives now."""
    return _logged_in(await _people(parts).renew(asked.renewal))


@router.post("/login/leave", response_model=LeaveAnswer, summary="Log out")
async def leave_login(request: Request, parts: Gateway, asked: LeaveLogin) -> Response:
    """The token is in force no longer at this gateway, nor can it be renewed."""
    people = _people(parts)
    back = f"{_page(people, request)}/"
    elsewhere = await people.leave(asked.token, asked.renewal, back)
    return JSONResponse({"elsewhere": elsewhere}, headers={"cache-control": "no-store"})


def _logged_in(found: "LoggedIn") -> Response:
    body = {"token": found.token, "expires": found.expires, "renewal": found.renewal}
    return JSONResponse(body, headers={"cache-control": "no-store"})
