"""What a command says when it cannot go on: each thing once, and where it happened."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError, LogError
from services.command_line.invoke import invoke
from services.logging.logs import set_up_logs
from services.logging.recent import RECENT, RecentLines
from services.processes.process import Process, Ready, Service
from services.settings import Settings

WRONG = "the bins are wrong, expected at least one"


@pytest.fixture(autouse=True)
def _own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other services of this process said is none of it."""
    monkeypatch.setattr(RECENT, "_lines", RecentLines()._lines)


def failing(sentence: str) -> int:
    """A command with two services, which fail over the same thing at the same moment."""

    async def fails(_: Process, ready: Ready) -> None:
        ready()
        await both_ready.wait()
        raise ConfigurationError(sentence)

    async def main() -> None:
        services = [Service(name=name, start=fails) for name in ("comparator", "gateway")]
        async with Process.running(settings, services, SystemClock()) as process:
            both_ready.set()
            await process.finished.wait()

    settings, both_ready = Settings(data=Path("data")), asyncio.Event()
    asyncio.run(main())
    return 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_service_that_fails_says_why_once(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To people; to programs and heartbeats as well, in the line of the log."""
    monkeypatch.chdir(tmp_path)
    set_up_logs("info", form)
    with pytest.raises(typer.Exit) as ended:
        invoke(failing, sentence=WRONG)
    assert ended.value.exit_code == 2
    *lines, last = capsys.readouterr().err.splitlines()
    assert last in {
        f"dqmstream: {' and '.join(names)}: {WRONG}"
        for names in (["comparator", "gateway"], ["gateway", "comparator"])
    }
    failed = [line for line in lines if "service failed" in line]
    assert len(failed) == 2
    if form == "text":
        assert not any(WRONG in line for line in lines)
    else:
        assert [json.loads(line)["error.message"] for line in failed] == [WRONG, WRONG]
    told = RECENT.of("gateway")
    assert [line.text for line in told] == [f"service failed error={WRONG}"]


def test_different_things_that_went_wrong_are_all_said(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        errors = [
            LogError("the log is full"),
            ConfigurationError(WRONG),
            LogError("the log is full"),
        ]
        errors[0].add_note("filler")
        errors[2].add_note("recorder")
        raise BaseExceptionGroup("all", [errors[0], ExceptionGroup("some", errors[1:])])

    with pytest.raises(typer.Exit) as ended:
        invoke(command)
    assert ended.value.exit_code == 1
    said = capsys.readouterr().err
    assert said == f"dqmstream: filler and recorder: the log is full; {WRONG}\n"


_PRINTS = """
import asyncio
import typer
from services.command_line.invoke import invoke

async def prints() -> None:
    while True:
        typer.echo("one more line")
        await asyncio.sleep(0)

async def both() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(prints())
        tasks.create_task(prints())

app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def main() -> None:
    invoke(lambda: asyncio.run(both()))

app()
"""


def test_a_command_whose_reader_has_gone_ends_without_a_trace() -> None:
    """As in `dqmstream demo | head`."""
    with subprocess.Popen(
        [sys.executable, "-c", _PRINTS], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        assert command.stdout.readline() == b"one more line\n"
        command.stdout.close()
        said = command.stderr.read()
    assert (command.returncode, said) == (1, b"")
