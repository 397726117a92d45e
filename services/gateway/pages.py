"""Lists in pages: a cursor asks for the next one, and a link says how.

Every list takes `after` and `limit`, and answers `after` (null at the end) and `next`, which is
also the `Link` header: whoever follows it until there is none has all. A cursor names the last row,
never a count of rows, wherever rows may come in meanwhile.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.responses import Response

from services.gateway.asking import answer, etag, unchanged

__all__ = ["paged"]


def paged(request: Request, body: dict[str, Any], after: int | str | None) -> Response:
    """The answer that holds one page, with an ETag of its content.

    Parameters
    ----------
    body
        The page.
    after
        The cursor that asks for the next one; None at the end.
    """
    link = None
    if after is not None:
        asked = parse_qsl(request.url.query, keep_blank_values=True)
        kept = [(name, value) for name, value in asked if name != "after"]
        link = f"{request.url.path}?{urlencode([*kept, ('after', after)])}"
    body = {**body, "after": after, "next": link}
    tag = etag(body)
    if (same := unchanged(request, tag)) is not None:
        return same
    response = answer(body, tag)
    if link is not None:
        response.headers["link"] = f'<{link}>; rel="next"'
    return response
