"""Notifications by Apprise: people read what happened, and nothing secret is told of failures."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.messages.notifications import Delivery
from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.declaration import Declared
from services.notifier.address import Address
from services.notifier.addresses import addresses_of, check_known, secrets_in
from services.notifier.by_apprise import ByApprise
from tests.notified import NOON, receiver, step
from tests.receiving import FaultyReceiver

# Its import warns of itself, and it is imported where it is first used; it leaves sockets of tries
# that failed to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

TOKEN = "3ccdd113474722377935511fc85d3dd4"  # noqa: S105 of a test


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """What it leaves is collected here, where its warnings are ignored: later they fail a test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "apprise":
            thread.join(20)


def attempt(*numbers: int) -> Attempt:
    deliveries = tuple(
        Delivery(
            key=f"k{number}",
            subscription="all",
            state="pending",
            step=step(number, meaning="A sector is dark.", action="Ring.", contact="16 5000"),
            position=number,
            since=NOON,
            due=NOON,
            when=NOON,
        )
        for number in numbers
    )
    return Attempt("chat", "all", deliveries)


def chat(url: str, timeout: float = 60.0) -> Address:
    """Patient with the first try, which imports Apprise."""
    made = receiver(
        "chat", kind="apprise", url="", secret_variable="", url_variable="URL", timeout=timeout
    )
    return Address(receiver=made, url=url)


async def test_a_chat_is_told_what_happened_and_what_to_do() -> None:
    """Mattermost's own plug-in, to a server of ours."""
    async with FaultyReceiver.listening(lambda one: "slow" if one else "none") as server:
        sender = ByApprise(chat(f"mmost://127.0.0.1:{server.port}/{TOKEN}"))
        assert await sender.send(attempt(1)) is None
        assert await sender.send(attempt(1, 2)) is None
        first, second = (json.loads(one.body)["text"] for one in server.requests)
    for words in (
        "raised: quality:Muon/pt",
        "run 398600 LS 3",
        "A sector is dark",
        "Ring",
        "16 5000",
    ):
        assert words in first
    assert "2 raised" in second
    assert sender.address == "mmost://..."


@pytest.mark.parametrize("fault", ["500", "redirect", "reset"])
async def test_a_failure_is_one_and_says_no_secret(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A redirect is followed to nowhere."""
    async with (
        FaultyReceiver.listening(lambda one: fault if one else "none") as server,  # type: ignore[arg-type,return-value]
        FaultyReceiver.listening() as foreign,
    ):
        server.elsewhere = foreign.url
        failure = await ByApprise(chat(f"mmost://127.0.0.1:{server.port}/{TOKEN}")).send(attempt(1))
        assert foreign.connections == 0
    assert failure is not None
    assert TOKEN not in failure.problem
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err


async def test_while_a_try_hangs_there_is_no_other() -> None:
    async with FaultyReceiver.listening(lambda one: "hang" if one else "none") as server:
        sender = ByApprise(chat(f"mmost://127.0.0.1:{server.port}/{TOKEN}?rto=30", timeout=0.3))
        failures = [await sender.send(attempt(1)), await sender.send(attempt(1))]
        await server.until(lambda: bool(server.requests))
        assert len(server.requests) == 1
    problems = [one.problem for one in failures if one]
    assert problems == ["not delivered within 0.3 s", "the try before still hangs"]
    await asyncio.sleep(0)


async def test_what_is_no_address_is_a_failure() -> None:
    failure = await ByApprise(chat("nothing://x")).send(attempt(1))
    assert failure is not None
    assert failure.problem == "Apprise failed: ValueError"


def test_what_apprise_does_not_know_stops_the_start() -> None:
    declared = Declared(receivers=(chat("").receiver,))
    with pytest.raises(ConfigurationError, match="receiver 'chat': Apprise knows no such address"):
        check_known(addresses_of(declared, {"URL": "nothing://x"}))


LATER_FOUND = """
import structlog
from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.receiver import Receiver
from services.processes.notify import receivers_found
from services.settings import Settings

secrets = set()
chat = Receiver(name="chat", kind="apprise", url_variable="URL")
try:
    receivers_found(Settings(), Declared(receivers=(chat,)), secrets)
except ConfigurationError as error:
    print(error)
receivers_found(Settings(), Declared(), secrets)
structlog.get_logger().warning("something failed", error="at s3cr3t.example.org")
"""


def test_a_secret_of_a_receiver_that_was_refused_is_hidden_still_when_others_are_found() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATER_FOUND],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "URL": "nothing://s3cr3t.example.org"},
    )
    assert "Apprise knows no such address" in done.stdout
    assert "something failed" in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr


def test_secrets_come_from_the_environment_and_are_known() -> None:
    declared = Declared(
        receivers=(
            receiver(url="https://hooks.example.org/services/verysecretpath"),
            chat("").receiver,
        ),
        allowed=("https://hooks.example.org",),
    )
    environment = {"SECRET": "0123456789abcdef", "URL": f"mmosts://host.example.org/{TOKEN}"}
    found = addresses_of(declared, environment)
    assert {"0123456789abcdef", TOKEN, "verysecretpath"} <= set(secrets_in(found))
    assert TOKEN not in repr(found)
    with pytest.raises(ConfigurationError, match=r"receiver 'chat': .* no variable URL"):
        addresses_of(declared, {"SECRET": "0123456789abcdef"})
    with pytest.raises(ConfigurationError, match="receiver 'log': a key of 5 bytes"):
        addresses_of(declared, environment | {"SECRET": "short"})
