"""The least that Python's web servers do: one Starlette route that returns bytes it was given.

`python -m playback.bench.plain_http FILE` serves the file's bytes at /, with the gateway's server
settings, on a free port that it prints.
"""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["main"]


def main(path: str) -> None:
    """Serve until killed."""
    body = Path(path).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(body, media_type="application/json")

    app = Starlette(routes=[Route("/", answer)])
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"page: http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_level="error")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
