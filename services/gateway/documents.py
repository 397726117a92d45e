"""JSON bodies that routes read themselves, so that they are never larger than they may be."""

import asyncio
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.gateway.ingest_body import expand, media_type, read_body
from services.gateway.limits import ByteBudget

__all__ = ["JSON", "parsed", "read_document", "taking"]

JSON: Final = "application/json"

Model = TypeVar("Model", bound=BaseModel)


def taking(**schemas: dict[str, Any]) -> dict[str, Any]:
    """What the OpenAPI document says of a body that a route reads itself, by media type."""
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


def parsed(text: bytes, model: type[Model]) -> Model:
    """The document that a body is; RequestValidationError if it is another one."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_context=False, include_url=False)
        raise RequestValidationError(
            [{**each, "loc": ("body", *each["loc"])} for each in errors]
        ) from error


async def read_document(
    request: Request,
    model: type[Model],
    *,
    budget: ByteBudget,
    owner: str,
    limit: int,
    seconds: float,
) -> Model:
    """A JSON body, read within its limits; ProblemError as for `read_body` and `expand`."""
    media_type(request, JSON)
    with budget.reserve(owner) as held:
        raw = await read_body(request, held, limit=limit, seconds=seconds, whose="the document")
        encoding = request.headers.get("content-encoding", "")

        def document() -> Model:
            text = expand(raw, encoding, limit=limit, whose="the document")
            return parsed(text, model)

        return await asyncio.to_thread(document)
