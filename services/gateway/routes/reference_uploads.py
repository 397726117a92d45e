"""Route: a file becomes a reference. Experts."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.ingest_body import expand, media_type, read_body
from services.gateway.reference_asked import AskedUpload
from services.gateway.reference_models import UploadAnswer
from services.gateway.routes.references import WRITING, OpenDesk, described, status_of

__all__ = ["router"]

_UPLOADS: Final = ("application/octet-stream", "application/json")
_SHOWN_LEFT_OUT: Final = 50

router = APIRouter(tags=["references"], responses=PROBLEMS)


@router.post(
    "/reference-uploads",
    response_model=UploadAnswer,
    responses=WRITING,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                one: {"schema": {"type": "string", "format": "binary"}} for one in _UPLOADS
            },
        }
    },
    summary="Upload a reference: a ROOT file, or histograms as UHI's JSON",
)
async def upload_reference(
    request: Request,
    caller: Expert,
    parts: Gateway,
    desk: OpenDesk,
    upload: Annotated[AskedUpload, Query()],
) -> Response:
    """Histograms go to the elements that are booked under their paths; others are left out.

    ROOT files are in the folders of CMS's DQM. Of UHI it is one histogram, or an object of
    histograms by path, as `contents?format=uhi` answers with.
    """
    asked = upload.reference()
    media_type(request, *_UPLOADS)
    limits = parts.settings.limits
    with desk.budget.reserve(caller.name) as held:
        raw = await read_body(
            request,
            held,
            limit=limits.reference_body,
            seconds=limits.ingest_body_seconds,
            whose="the file",
        )
        encoding = request.headers.get("content-encoding", "")
        body = await asyncio.to_thread(
            expand, raw, encoding, limit=limits.reference_body, whose="the file"
        )
        reference, uploaded = await desk.upload(
            described(asked, upload.workspace, parts.clock.wall()),
            body,
            desk.decision(status_of(asked), caller.name, asked.reason),
            file=upload.file,
            booked=await desk.booked(parts.library, upload.workspace),
            run=upload.run,
        )
    return answer(
        {
            "reference": desk.row(reference),
            "taken": uploaded.taken,
            "left_out": list(uploaded.left_out[:_SHOWN_LEFT_OUT]),
        }
    )
