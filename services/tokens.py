"""What `dqmstream token` does."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.clock import Clock, SystemClock
from dqmstream.errors import ConfigurationError
from services.gateway.access_file import changed_tokens, read_tokens
from services.gateway.access_tokens import Role, Token, Tokens, new_secret, sha256_of
from services.startup import settings_in_force

__all__ = ["list_tokens", "new_token", "revoke_token"]

_DAY: Final = 86_400_000_000_000


def new_token(
    *,
    role: str,
    name: str,
    sources: tuple[str, ...],
    days: int | None,
    flags: Mapping[str, object],
    config: Path | None,
    clock: Clock | None = None,
) -> int:
    """Make a token, write its hash and print it."""
    path = settings_in_force(flags, config).tokens_path
    secret, now = new_secret(), (clock or SystemClock()).wall()
    if role not in set(Role):
        msg = f"role {role!r} is none of {', '.join(Role)}"
        raise ConfigurationError(msg)
    if sources and role != Role.PRODUCER:
        msg = f"--source is of role producer: a token of role {role} sends nothing"
        raise ConfigurationError(msg)
    made = {
        "name": name,
        "role": role,
        "sha256": sha256_of(secret),
        "sources": sources,
        "made": now,
        "expires": None if days is None else now + days * _DAY,
    }
    try:
        token = msgspec.convert(made, Token)
    except msgspec.ValidationError as error:
        msg = f"token {name!r:.80}: {error}"
        raise ConfigurationError(msg) from error

    def added(tokens: Tokens) -> Tokens:
        return Tokens([*tokens.all, token])

    changed_tokens(path, added)
    typer.echo(secret)
    typer.echo(f"{role} {name}, in {path}; it is not shown again", err=True)
    return 0


def list_tokens(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """Print the tokens there are, without their hashes."""
    path = settings_in_force(flags, config).tokens_path
    tokens = read_tokens(path).all
    if json:
        rows = [
            {
                "name": token.name,
                "role": token.role,
                "sources": token.sources,
                "made": token.made,
                "expires": token.expires,
            }
            for token in tokens
        ]
        document = msgspec.json.encode({"file": str(path), "tokens": rows})
        typer.echo(msgspec.json.format(document).decode())
        return 0
    table = Table("name", "role", "sources", "made", "expires", title=str(path))
    for token in tokens:
        expires = "never" if token.expires is None else _day(token.expires)
        sources = ", ".join(token.sources) or "any"
        table.add_row(
            token.name,
            token.role,
            sources if token.role.may(Role.PRODUCER) else "",
            _day(token.made),
            expires,
        )
    Console().print(table)
    return 0


def revoke_token(*, name: str, flags: Mapping[str, object], config: Path | None) -> int:
    """Take a token out of the file."""
    path = settings_in_force(flags, config).tokens_path

    def without(tokens: Tokens) -> Tokens:
        left = [token for token in tokens.all if token.name != name]
        if len(left) == len(tokens.all):
            known = ", ".join(token.name for token in tokens.all) or "none"
            msg = f"no token of the name {name!r:.80} in {path}, there are: {known}"
            raise ConfigurationError(msg)
        return Tokens(left)

    changed_tokens(path, without)
    typer.echo(f"revoked {name}: running gateways notice within a second or two", err=True)
    return 0


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
