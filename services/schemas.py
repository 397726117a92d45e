"""`dqmstream schemas`: the contracts of messages and of the gateway, as files."""

from pathlib import Path

import msgspec
import typer

from dqmstream.messages.generate import generate

__all__ = ["openapi", "write_schemas"]


def openapi() -> bytes:
    """The gateway's OpenAPI document, keys in a fixed order."""
    from services.gateway.app import openapi_document  # noqa: PLC0415

    return msgspec.json.format(msgspec.json.encode(openapi_document(), order="sorted"), indent=1)


def write_schemas(*, folder: Path) -> int:
    """Write all contracts into a folder."""
    generate(folder)
    (folder / "openapi.json").write_bytes(openapi() + b"\n")
    typer.echo(f"wrote the contracts to {folder}")
    return 0
