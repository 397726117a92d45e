"""The files of the page, sent compressed to browsers that take that."""

import asyncio
import gzip
from email.utils import formatdate
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.gateway.compression import takes_gzip

__all__ = ["PageFiles"]

_TEXTS: Final = {".css", ".html", ".js", ".json", ".svg"}
_LEVEL: Final = 7
_MOST_BYTES: Final = 8 << 20
"""Of compressed files that are kept: the page is a tenth of that."""


class PageFiles(StaticFiles):
    """Static files; texts among them are compressed once, on a thread, and kept.

    Parameters are those of `StaticFiles`.
    """

    def __init__(self, *, directory: Path, html: bool = False, check_dir: bool = True) -> None:
        super().__init__(directory=directory, html=html, check_dir=check_dir)
        self._packed: dict[tuple[str, int, int], bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at a path; 304 for one that the browser has."""
        found = await super().get_response(path, scope)
        if not isinstance(found, FileResponse) or Path(found.path).suffix not in _TEXTS:
            return found
        asked = dict(scope["headers"])
        found.headers["vary"] = "accept-encoding"
        takes = takes_gzip(asked.get(b"accept-encoding", b"").decode("latin-1"))
        whole = found.status_code == 200 and b"range" not in asked and scope["method"] == "GET"
        if not takes or not whole or found.stat_result is None:
            return found
        stat = found.stat_result
        key = (str(found.path), stat.st_mtime_ns, stat.st_size)
        body = self._packed.get(key)
        if body is None:
            body = await asyncio.to_thread(_pack, Path(found.path))
            if sum(map(len, self._packed.values())) + len(body) < _MOST_BYTES:
                self._packed[key] = body
        headers = {
            "content-encoding": "gzip",
            "vary": "accept-encoding",
            # The same contents in other bytes: equal as far as a weak tag says.
            "etag": f"W/{found.headers['etag']}",
            "last-modified": formatdate(stat.st_mtime, usegmt=True),
        }
        return Response(body, headers=headers, media_type=found.media_type)


def _pack(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), _LEVEL, mtime=0)
