"""Errors as problem documents (RFC 9457): what came, what was expected, where."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dqmstream.errors import DqmError, WindowError
from services.gateway.closed_total import NotInMemoryError, NotYetError
from services.gateway.search import PatternError

__all__ = [
    "Problem",
    "ProblemError",
    "add_problem_answers",
    "not_found",
    "problem_answer",
    "problem_at",
    "problem_response",
]

_MEDIA_TYPE = "application/problem+json"
_LONGEST_ECHO = 200


class Problem(BaseModel):
    """Why a request was not answered."""

    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What came and what was expected.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[dict[str, Any]] = Field(
        default_factory=list, description="Each parameter that is wrong: where, what came, why."
    )


class ProblemError(Exception):
    """A request that cannot be answered.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What came and what was expected.
    more
        Members of the document besides its own, for programs.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def not_found(detail: str) -> ProblemError:
    """Nothing is known of what was asked for."""
    return ProblemError(404, detail)


def problem_answer(description: str) -> dict[str, Any]:
    """How a refusal is announced in the OpenAPI document."""
    schema = Problem.model_json_schema()
    return {"description": description, "content": {_MEDIA_TYPE: {"schema": schema}}}


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer that says why there is no other."""
    path = request.url.path
    return problem_at(path, status, detail, errors=errors, headers=headers, more=more)


def problem_at(
    path: str,
    status: int,
    detail: str,
    *,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The same where there is no request that can be trusted to have a host, or none at all."""
    body = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "errors": errors or [],
        **(more or {}),
    }
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type=_MEDIA_TYPE)


def add_problem_answers(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return problem_response(
            request, error.status, error.detail, headers=error.headers, more=error.more
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {
                "where": ".".join(str(part) for part in each["loc"]),
                "got": repr(each.get("input"))[:_LONGEST_ECHO],
                "expected": each["msg"],
            }
            for each in error.errors()
        ]
        detail = "; ".join(f"{e['where']}: got {e['got']}, {e['expected']}" for e in errors)
        return problem_response(request, 422, detail, errors=errors)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return problem_response(
            request, error.status_code, str(error.detail), headers=error.headers
        )

    @app.exception_handler(PatternError)
    async def _pattern(request: Request, error: PatternError) -> Response:
        return problem_response(request, 422, str(error))

    @app.exception_handler(NotInMemoryError)
    async def _not_in_memory(request: Request, error: NotInMemoryError) -> Response:
        return problem_response(request, 404, str(error))

    @app.exception_handler(NotYetError)
    async def _not_yet(request: Request, error: NotYetError) -> Response:
        return problem_response(request, 503, str(error), headers={"retry-after": "1"})

    @app.exception_handler(WindowError)
    async def _window(request: Request, error: WindowError) -> Response:
        return problem_response(request, 409, str(error))

    @app.exception_handler(DqmError)
    async def _other(request: Request, error: DqmError) -> Response:
        return problem_response(request, 503, str(error))
