"""`dqmstream layouts` against a real gateway: what an expert types, and what is said."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dqmstream.transport.memory import MemoryLog
from services.cli import app
from services.gateway.access_tokens import Role
from tests.ingesting import SECRETS
from tests.unit.gateway.test_layouts import CLOCK, CMS, NAME, layout, system


def call(url: str, *arguments: str, role: Role) -> Result:
    given = {"DQMSTREAM_URL": url, "DQMSTREAM_TOKEN": SECRETS[role], "COLUMNS": "120"}
    return CliRunner().invoke(app, ["layouts", *arguments], env=given)


class Terminal(NamedTuple):
    url: str
    folder: Path

    async def __call__(self, *arguments: str, status: int = 0, role: Role = Role.EXPERT) -> str:
        result = await asyncio.to_thread(call, self.url, *arguments, role=role)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.output

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self(*arguments, "--json"))

    def file(self, document: Any, name: str = "layout.json") -> str:
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with system(MemoryLog(CLOCK)) as (client,):
        url = str(client.base_url).removesuffix("/").removesuffix("/api/v1")
        yield Terminal(url, tmp_path)


async def test_layouts_are_written_changed_and_taken_back_by_commands(terminal: Terminal) -> None:
    said = await terminal("list")
    assert [line.split()[:2] for line in said.splitlines()[1:3]] == [
        ["Shift", "shipped"],
        ["Summary", "shipped"],
    ]
    first, second = terminal.file(layout()), terminal.file(layout("two"), "two.json")
    assert f"{NAME}: version 1 stands" in await terminal("put", first, "--why", "to begin with")
    said = await terminal("put", second, "--why", "better", status=2)
    assert "version 1 was written by expert: to begin with" in said
    said = await terminal("put", second, "--why", "better", "--based-on", "1")
    assert "version 2 stands" in said
    said = await terminal("show", NAME)
    assert f"{NAME}: two\nversion 2 by expert: better\n" in said
    assert "\nall (2 columns)\n  pixel/charge\n  pixel/events + trigger/paths\n" in said
    assert await terminal.json("show", NAME, "--version", "1") == layout()
    said = await terminal("delete", NAME, "--why", "not in use")
    assert "deleted, that is version 3; `restore --to 2` undoes it" in said
    assert "expert deleted it (not in use)" in await terminal("show", NAME, status=2)
    said = await terminal("restore", NAME, "--to", "2", "--why", "after all")
    assert "version 4 stands, version 2 again" in said
    said = await terminal("versions", NAME)
    assert [line.split()[0] for line in said.splitlines()] == ["4", "3", "2", "1"]
    assert "deleted by expert: not in use" in said
    assert "nobody has written over it" in await terminal("versions", "Shift")
    assert [one["number"] for one in (await terminal.json("versions", NAME))["versions"]] == [
        4,
        3,
        2,
        1,
    ]
    said = await terminal(
        "put", first, "--name", "Mine", "--why", "a copy", role=Role.SHIFTER, status=2
    )
    assert "role shifter, this takes expert" in said


async def test_files_are_imported_and_exported_and_what_is_not_mapped_is_named(
    terminal: Terminal,
) -> None:
    more = {f"00 Shift/Many/{n:02}": [[{"path": f"Hcal/{n}"}]] for n in range(12)}
    file = terminal.file(CMS | more, "old.json")
    said = await terminal("import", file, "--dry-run")
    assert f"{file}: 1 of 14 plots mapped" in said
    assert "  Shift/Trigger: 1 tab, 2 plots\n" in said
    assert "not mapped, no shipped workspace shows this:\n    Hcal/0\n" in said
    assert "and 5 more: --all has them" in said
    assert said.endswith("nothing was written: this was a dry run\n")
    assert "Shift/Trigger" not in await terminal("list")
    said = await terminal("import", file, "--all", "--why", "from the old GUI")
    assert "Shift/Trigger: 1 tab, 2 plots, version 1" in said
    assert "Hcal/11" in said
    saved = str(terminal.folder / "saved.json")
    assert f"{saved}: 2 layouts" in await terminal("export", "-o", saved)
    assert json.loads(await asyncio.to_thread(Path(saved).read_text)) == json.loads(
        await terminal("export")
    )
    (answer,) = await terminal.json("import", saved, "--name", "Copy")
    assert [one["name"] for one in answer["written"]] == [
        "Copy/Shift/Many",
        "Copy/Shift/Trigger",
    ]
    shipped = json.loads(await terminal("export", "Shift", "Workspaces/pixel"))
    assert [one["name"] for one in shipped["layouts"]] == ["Shift", "Workspaces/pixel"]


async def test_what_cannot_be_read_is_said_before_anything_is_sent(terminal: Terminal) -> None:
    missing = str(terminal.folder / "missing.json")
    assert "cannot be read" in await terminal("put", missing, "--why", "to try", status=2)
    wrong = terminal.file(layout() | {"tabs": []})
    assert f"{wrong}: 0 tabs" in await terminal("put", wrong, "--why", "to try", status=2)
    text = terminal.file("no json")
    assert "not JSON" in await terminal("import", text, status=2)
    assert "no layout 'Nope'" in await terminal("export", "Nope", status=2)
