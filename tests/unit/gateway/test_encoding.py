"""Work for answers is bounded: what is too much waits, or is refused and may come again."""

import asyncio
import threading

import pytest

from services.gateway.formats.encoding import Encoding, Turns
from services.gateway.problems import ProblemError


async def test_only_so_many_answers_are_encoded_at_once():
    encoding, lock = Encoding(2), threading.Lock()
    running, most = 0, 0
    may_end = threading.Event()

    def encode(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                may_end.set()
        may_end.wait(60)
        with lock:
            running -= 1
        return number

    results = await asyncio.gather(*(encoding.run(encode, number) for number in range(8)))
    assert results == list(range(8))
    assert most == 2


async def test_more_large_answers_than_there_are_turns_are_refused_until_one_ends():
    turns = Turns(2)
    async with turns.turn("a"):
        async with turns.turn("a"):
            with pytest.raises(ProblemError, match="at most 2 at once") as refused:
                async with turns.turn("a"):
                    pass
        async with turns.turn("a"):
            pass
    assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")


async def test_a_turn_ends_with_whatever_goes_wrong_in_it():
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with turns.turn("a"):
                raise RuntimeError


async def test_one_client_takes_no_more_turns_than_it_may_and_others_have_the_rest():
    turns = Turns(3, 2)
    async with turns.turn("a"), turns.turn("a"):
        with pytest.raises(ProblemError, match="at most 2 at once") as refused:
            async with turns.turn("a"):
                pass
        async with turns.turn("b"):
            pass
        async with turns.turn("b"):
            pass
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "1")
    async with turns.turn("a"):
        pass
