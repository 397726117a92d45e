"""The command that reads CMSSW's quality tests into ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json
from services.command_line.qtests.file_written import Out, Replace, check_new, write

if TYPE_CHECKING:
    from dqmstream.messages.quality import Scope
    from dqmstream.quality.cmssw_import import Imported

__all__ = ["add_to"]

_NOTHING = 2


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    group.command("import")(import_)


def import_(
    files: Annotated[list[Path], typer.Argument(help="CMSSW QualityTester XML")],
    out: Out = None,
    replace: Replace = False,
    scope: Annotated[str, typer.Option(help="of all tests: lumisection or run")] = "run",
    corrected: Annotated[
        bool,
        typer.Option(
            "--corrected",
            help="tests without CMSSW's mistakes; thresholds were chosen with them, look at each",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Read CMSSW's quality tests into a file of ours, and say what could not be mapped.

    Each LINK of a test becomes a table with cmssw_compatible = true, so that its numbers are
    CMSSW's and its thresholds mean what they did. What is written is a file of tests that the
    comparator takes (DQMSTREAM_QUALITY_TESTS).
    """
    invoke(
        _import,
        files=files,
        out=out,
        replace=replace,
        scope=scope,
        corrected=corrected,
        json=json,
    )


def _import(
    *, files: list[Path], out: Path | None, replace: bool, scope: str, corrected: bool, json: bool
) -> int:
    import msgspec  # noqa: PLC0415 help is quick without

    from dqmstream.quality.cmssw_import import import_cmssw  # noqa: PLC0415
    from dqmstream.quality.cmssw_xml import read_cmssw_xml  # noqa: PLC0415
    from dqmstream.quality.declaration import read_tests  # noqa: PLC0415

    check_new(out, replace=replace)
    read = [read_cmssw_xml(_bytes(file), file.name) for file in files]
    imported = import_cmssw(read, scope=_scope(scope), corrected=corrected)
    # What is written is what the comparator will read: it must take it as a whole.
    read_tests(imported.toml, str(out or "standard output"))
    if out is not None and imported.tests:
        write(out, imported.toml)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(_report(imported, out))).decode())
    else:
        if out is None:
            typer.echo(imported.toml, nl=False)
        for line in _lines(imported, out):
            typer.echo(line, err=out is None)
    return 0 if imported.tests else _NOTHING


def _bytes(file: Path) -> bytes:
    from dqmstream.errors import ConfigurationError  # noqa: PLC0415
    from dqmstream.quality.cmssw_xml import MAX_BYTES  # noqa: PLC0415

    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"{file}: cannot be read: {error}"
        raise ConfigurationError(msg) from error


def _scope(text: str) -> "Scope":
    from dqmstream.errors import ConfigurationError  # noqa: PLC0415

    match text:
        case "lumisection" | "run":
            return text
    msg = f"--scope is {text!r}, expected lumisection or run"
    raise ConfigurationError(msg)


def _report(imported: "Imported", out: Path | None) -> dict[str, object]:
    return {
        "out": None if out is None else str(out),
        "mapped": len(imported.tests),
        "unmapped": imported.unmapped,
        "notes": imported.notes,
        "tests": imported.tests,
    }


def _lines(imported: "Imported", out: Path | None) -> list[str]:
    active = sum(test.enabled for test in imported.tests)
    off = len(imported.tests) - active
    where = f" in {out}" if out is not None and imported.tests else ""
    lines = [
        f"{len(imported.tests)} quality tests{where}, {off} of them switched off; "
        f"{len(imported.unmapped)} not mapped, {len(imported.notes)} notes"
    ]
    for one in imported.unmapped:
        what = f"{one.test} on {one.link}: " if one.link else f"{one.test}: " if one.test else ""
        lines.append(f"not mapped: {one.file}: {what}{one.reason}")
    lines += [f"note: {note.file}: {note.test}: {note.text}" for note in imported.notes]
    return lines
