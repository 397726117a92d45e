"""Routes: who asks, and how one logs in."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.gateway.access_models import MeAnswer
from services.gateway.access_tokens import Role
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.caller import ANYBODY, Caller

__all__ = ["router"]

router = APIRouter(tags=["access"], responses={421: PROBLEMS[421]})


@router.get("/me", response_model=MeAnswer, summary="Who asks, what they may, how one logs in")
async def show_me(request: Request, parts: Gateway) -> Response:
    """Answers everybody, also where reading takes a token: the page asks it first."""
    caller: Caller = request.scope.get("caller", ANYBODY)
    needs, people = parts.settings.read_needs_token, parts.access.people
    reads = not needs or caller.may(Role.VIEWER)
    may = [role for role in Role if caller.may(role) or (role is Role.VIEWER and reads)]
    body = {
        "name": caller.name,
        "role": caller.role,
        "may": may,
        "expires": caller.expires,
        "reading_takes_token": needs,
        "provider": None if people is None else {"name": people.settings.name, "start": "login"},
    }
    return answer(body)
