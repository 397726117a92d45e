"""`dqmstream export`: elements of a gateway as a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError

__all__ = ["export"]

_FORMATS: Final = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".json": "uhi",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".png": "png",
    ".root": "root",
    ".svg": "svg",
}


def export(
    *,
    paths: Sequence[str],
    to: Path,
    each: bool,
    form: str,
    asked: Mapping[str, Any],
    url: str,
    token: str,
    json: bool,
) -> int:
    """Ask for a file, and write it whole or not at all."""
    chosen = form or _FORMATS.get(to.suffix.lower(), "")
    if not chosen:
        msg = f"{to}: suffix {to.suffix!r} is none of {', '.join(_FORMATS)}: say --format"
        raise ConfigurationError(msg)
    if not to.parent.is_dir():
        msg = f"{to}: there is no folder {to.parent}"
        raise ConfigurationError(msg)
    query = {name: value for name, value in asked.items() if name != "run"}
    with Client(url, token=token) as client:
        if each:
            if len(paths) != 1:
                msg = f"--each writes one element, {len(paths)} are named"
                raise ConfigurationError(msg)
            body = client.export_series(paths[0], chosen, run=asked["run"], **query)
        elif len(paths) == 1 and set(paths[0]) & set("*?["):
            body = client.export((), chosen, run=asked["run"], match=paths[0], **query)
        else:
            body = client.export(paths, chosen, run=asked["run"], **query)
    part = to.with_name(f".{to.name}.part")
    part.write_bytes(body)
    part.replace(to)
    if json:
        written = {"file": str(to), "format": chosen, "bytes": len(body)}
        typer.echo(msgspec.json.encode(written).decode())
    else:
        typer.echo(f"{to}: {len(body):,} bytes of {chosen}")
    return 0
