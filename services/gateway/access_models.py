"""What the routes of access take and answer."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.access_tokens import Role
from services.gateway.models import Answer

__all__ = [
    "LeaveAnswer",
    "LeaveLogin",
    "LoggedInAnswer",
    "MeAnswer",
    "ProviderRow",
    "RenewLogin",
    "TakeLogin",
]

Sealed = Annotated[str, Field(min_length=1, max_length=16_384)]


class ProviderRow(Answer):
    """Where people log in with a name of their own."""

    name: str = Field(description="As people call it.", examples=["login.example.org"])
    start: str = Field(description="Path of the address that leads there.")


class MeAnswer(Answer):
    """Who asks, what they may, and how one logs in."""

    name: str = Field(description="Of the token; empty without one.")
    role: Role | None
    may: list[Role] = Field(description="Roles whose rights these are; `viewer` reads.")
    expires: int | None = Field(description="Nanoseconds since 1970; null for ever.")
    reading_takes_token: bool
    provider: ProviderRow | None = Field(description="Null where only tokens log in.")


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TakeLogin(_Asked):
    """What a login has brought, and the verifier of who began it."""

    code: Sealed
    verifier: str = Field(min_length=16, max_length=200)


class RenewLogin(_Asked):
    """What came with the token."""

    renewal: Sealed


class LeaveLogin(_Asked):
    """A login that is over."""

    token: Sealed
    renewal: Sealed | None = None


class LoggedInAnswer(Answer):
    """A token of the page."""

    token: str
    expires: int = Field(description="Nanoseconds since 1970.")
    renewal: str | None = Field(description="Null where the provider lets nothing be renewed.")


class LeaveAnswer(Answer):
    """What is left to do."""

    elsewhere: str | None = Field(description="Where the login at the provider is ended, too.")
