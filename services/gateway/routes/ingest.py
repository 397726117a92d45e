"""Routes: events over HTTP. Every request names what it is, so sending it again is harmless."""

from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.producing.outbox import EndedLumisection
from dqmstream.producing.standings import joins_at
from services.gateway.access import requires
from services.gateway.access_tokens import Role
from services.gateway.asking import Gateway
from services.gateway.caller import Caller
from services.gateway.documents import JSON, parsed, taking
from services.gateway.ingest import Ingest
from services.gateway.ingest_body import expand, media_type, read_body
from services.gateway.ingest_chunk import ARROW, NDJSON, IngestSource, Sent
from services.gateway.ingest_models import (
    LARGEST_LUMISECTION,
    LARGEST_RUN,
    MOST_CHUNKS,
    MOST_EVENTS,
    NAME,
    ChunkAnswer,
    EndRun,
    IngestAnswer,
    LumisectionAnswer,
    LumisectionCounts,
    RunEndAnswer,
    SourceStanding,
    StartAnswer,
    StartSource,
)
from services.gateway.problems import ProblemError, not_found, problem_answer

__all__ = ["router"]

_SOURCE: Final = "/sources/{source}/{incarnation}"
_CHUNK: Final = _SOURCE + "/lumisections/{lumisection}/chunks/{number}"

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body broke off, or is damaged."),
    403: problem_answer("The token's role is not enough, or it is bound to other sources."),
    404: problem_answer("This gateway takes no events, or knows no such source."),
    409: problem_answer("It contradicts what the log has."),
    421: problem_answer("The Host header names no host of this gateway."),
    422: problem_answer("A name, number or the body is refused: nothing was written."),
    503: problem_answer("The log is away: send it again, after Retry-After seconds."),
}
_BODY_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    408: problem_answer("The body did not come in time."),
    413: problem_answer("The body is too large; `body_limit` says how large it may be."),
    415: problem_answer("The body is of another type, or compressed in an unknown way."),
}

router = APIRouter(prefix="/ingest/runs/{run}", tags=["ingest"], responses=_PROBLEMS)

Model = TypeVar("Model", bound=BaseModel)
Producer = Annotated[Caller, Depends(requires(Role.PRODUCER))]
RunNumber = Annotated[int, Path(ge=1, le=LARGEST_RUN)]
SourceName = Annotated[
    str, Path(pattern=NAME, description="Stable name of the source.", examples=["pixel-daq-1"])
]
Incarnation = Annotated[
    str,
    Path(
        pattern=NAME,
        description="This life of it: of a source that can be read again the hash of what it "
        "reads and how it is cut into chunks; else drawn at each start.",
        examples=["5f0c9d2e7a41b836"],
    ),
]
Lumisection = Annotated[int, Path(ge=1, le=LARGEST_LUMISECTION)]


def _open(parts: Gateway) -> Ingest:
    if parts.ingest is None or not parts.access.tokens.takes_events:
        detail = "this gateway takes no events: it has no token of role producer, or is set so"
        raise not_found(detail)
    return parts.ingest


Open = Annotated[Ingest, Depends(_open)]


def _speaker(
    caller: Producer,
    run: RunNumber,
    source: SourceName,
    incarnation: Incarnation,
    rereadable: Annotated[
        bool,
        Query(
            description="Whether the source can read its input again and then sends the same "
            "chunks; else it is live, and its events come once. The same in all its requests."
        ),
    ] = False,
) -> IngestSource:
    if not caller.speaks_for(source):
        detail = f"the token {caller.name!r} sends for {', '.join(caller.sources)}, not {source!r}"
        raise ProblemError(403, detail)
    return IngestSource(run=run, name=source, incarnation=incarnation, rereadable=rereadable)


Speaker = Annotated[IngestSource, Depends(_speaker)]


async def _document(
    request: Request, parts: Gateway, ingest: Ingest, caller: Caller, model: type[Model]
) -> Model:
    """A JSON body, read within its limits."""
    limits = parts.settings.limits
    media_type(request, JSON)
    with ingest.budget.reserve(caller.name) as held:
        raw = await read_body(
            request,
            held,
            limit=limits.ingest_document,
            seconds=limits.ingest_body_seconds,
            whose="the document",
        )
        encoding = request.headers.get("content-encoding", "")
        text = await ingest.workers.run(
            expand, raw, encoding, limit=limits.ingest_document, whose="the document"
        )
    return parsed(text, model)


@router.get("", response_model=IngestAnswer, summary="What a source needs to know before it begins")
async def show_ingest(ingest: Open, _: Producer, run: RunNumber) -> IngestAnswer:
    """Limits, and how far the log is known to have the sources of a run.

    Of all of them, whatever the token is bound to: sources wait for each other.
    """
    standings = await ingest.standings(run)
    return IngestAnswer(
        run=run,
        body_limit=ingest.body_limit,
        partitions=ingest.partitions,
        sources=[_standing(one) for one in standings],
    )


@router.get(
    "/sources/{source}", response_model=SourceStanding, summary="How far a source is in the log"
)
async def show_source(
    ingest: Open, _: Producer, run: RunNumber, source: SourceName
) -> SourceStanding:
    """Where to go on: after `lumisection` if it is read again, at `joining` if it is live."""
    found = await ingest.standing(run, source)
    if found is None:
        detail = f"run {run} source {source!r} was never started"
        raise not_found(detail)
    return _standing(found)


@router.get(
    _SOURCE, response_model=SourceStanding, summary="How far one life of a source is in the log"
)
async def show_incarnation(ingest: Open, speaker: Speaker) -> SourceStanding:
    """Where to go on; not found if another life has taken its place."""
    found = await ingest.standing(speaker.run, speaker.name)
    if found is None or found.incarnation != speaker.incarnation:
        newest = "none" if found is None else repr(found.incarnation)
        detail = (
            f"run {speaker.run} source {speaker.name!r}: the newest incarnation that the log knows "
            f"is {newest}, asked for is {speaker.incarnation!r}"
        )
        raise not_found(detail)
    return _standing(found)


@router.put(
    _SOURCE,
    response_model=StartAnswer,
    responses=_BODY_PROBLEMS,
    openapi_extra=taking(**{JSON: StartSource.model_json_schema()}),
    summary="A source begins a run",
)
async def start_source(
    request: Request, parts: Gateway, ingest: Open, caller: Producer, speaker: Speaker
) -> StartAnswer:
    """Once the log has it, the answer says after which LS to go on."""
    asked = await _document(request, parts, ingest, caller, StartSource)
    started = await ingest.start(caller, speaker, asked)
    return StartAnswer(
        run=speaker.run,
        source=speaker.name,
        incarnation=speaker.incarnation,
        after=started.after,
        ended=started.ended,
        replaces=started.replaces,
        body_limit=ingest.body_limit,
    )


@router.put(
    _CHUNK,
    response_model=ChunkAnswer,
    responses=_BODY_PROBLEMS,
    openapi_extra=taking(
        **{ARROW: {"type": "string", "format": "binary"}, NDJSON: {"type": "string"}}
    ),
    summary="A chunk of events",
)
async def put_chunk(
    *,
    request: Request,
    parts: Gateway,
    ingest: Open,
    caller: Producer,
    speaker: Speaker,
    lumisection: Lumisection,
    number: Annotated[int, Path(ge=0, lt=MOST_CHUNKS, description="Counted from 0 in an LS.")],
    seen: Annotated[
        int | None,
        Query(ge=0, le=MOST_EVENTS, description="Events read for it; default: those in it."),
    ] = None,
    dropped: Annotated[
        int, Query(ge=0, le=MOST_EVENTS, description="Events lost knowingly since the last one.")
    ] = 0,
) -> ChunkAnswer:
    """One Arrow IPC stream with one record batch, or lines of JSON, an event each.

    The body is validated whole before anything is written; the answer leaves once the log has
    acknowledged. Lines may begin with the types of the columns, a mapping being a collection:
    `{"columns": {"x": "float64", "hit": {"x": "float32"}}}`; else numbers are float64.
    """
    limits = parts.settings.limits
    kind = media_type(request, ARROW, NDJSON)
    with ingest.budget.reserve(caller.name) as held:
        raw = await read_body(
            request,
            held,
            limit=ingest.body_limit,
            seconds=limits.ingest_body_seconds,
            whose="the chunk",
        )
        sent = Sent(raw, kind, request.headers.get("content-encoding", ""), seen, dropped)
        written, repeated = await ingest.chunk(speaker, lumisection, number, sent, held)
    return ChunkAnswer(
        run=speaker.run,
        lumisection=lumisection,
        number=number,
        selected=written.selected,
        checksum=written.checksum,
        repeated=repeated,
    )


@router.put(
    _SOURCE + "/lumisections/{lumisection}/end",
    response_model=LumisectionAnswer,
    responses=_BODY_PROBLEMS,
    openapi_extra=taking(**{JSON: LumisectionCounts.model_json_schema()}),
    summary="A source has sent all chunks of an LS",
)
async def end_lumisection(
    *,
    request: Request,
    parts: Gateway,
    ingest: Open,
    caller: Producer,
    speaker: Speaker,
    lumisection: Lumisection,
) -> LumisectionAnswer:
    """To be sent once every chunk of the LS is answered; of LSs without chunks as well."""
    counts = await _document(request, parts, ingest, caller, LumisectionCounts)
    said = EndedLumisection(lumisection, **counts.model_dump())
    done = await ingest.end_lumisection(speaker, said)
    return LumisectionAnswer(run=speaker.run, lumisection=lumisection, acknowledged=done)


@router.put(
    _SOURCE + "/end",
    response_model=RunEndAnswer,
    responses=_BODY_PROBLEMS,
    openapi_extra=taking(**{JSON: EndRun.model_json_schema()}),
    summary="A source has ended its run",
)
async def end_run(
    request: Request, parts: Gateway, ingest: Open, caller: Producer, speaker: Speaker
) -> RunEndAnswer:
    """To be sent once the end of every LS is answered."""
    asked = await _document(request, parts, ingest, caller, EndRun)
    await ingest.end_run(caller, speaker, asked.last_lumisection)
    return RunEndAnswer(run=speaker.run, last_lumisection=asked.last_lumisection)


def _standing(one: SourceCheckpoint) -> SourceStanding:
    return SourceStanding(
        run=one.run,
        source=one.source,
        incarnation=one.incarnation,
        lumisection=one.lumisection,
        ended=one.ended,
        joining=joins_at(one),
    )
