"""Bodies in pieces: the same bytes, and never more of them at once than a transport takes."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.gateway.limits_pieces import InPieces


@pytest.mark.parametrize("sizes", [[0], [1], [65_536], [65_537], [1 << 20, 0], [70_000, 0, 9, 1]])
async def test_pieces_are_the_body_and_the_last_one_ends_it(sizes: list[int]) -> None:
    sent: list[Message] = []
    bodies = [bytes([index]) * size for index, size in enumerate(sizes)]

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for left, body in zip(range(len(bodies) - 1, -1, -1), bodies, strict=True):
            await send({"type": "http.response.body", "body": body, "more_body": left > 0})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def take(message: Message) -> None:
        sent.append(message)

    await InPieces(app)({"type": "http"}, receive, take)
    assert sent[0]["type"] == "http.response.start"
    assert b"".join(message["body"] for message in sent[1:]) == b"".join(bodies)
    assert max(len(message["body"]) for message in sent[1:]) <= 65_536
    assert [message.get("more_body", False) for message in sent[1:]] == [
        *[True] * (len(sent) - 2),
        False,
    ]
