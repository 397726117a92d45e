"""What these settings would run here, described."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dqmstream.deployments.description import Described, describe
from dqmstream.identity import content_hash
from dqmstream.references.catalogue import Catalogue
from services.deploying.release import release
from services.settings import Settings
from services.startup import booking_set, chosen_bookings, chosen_tests

__all__ = ["described_here", "references_of"]

_PLACES: Final = frozenset(
    {
        "allowed_hosts",
        "candidate",
        "candidate_store",
        "candidate_token_file",
        "candidate_url",
        "data",
        "host",
        "log_format",
        "log_level",
        "metrics_host",
        "metrics_port",
        "numba_cache",
        "oidc_url",
        "port",
        "production_url",
        "store",
        "store_password_file",
        "tokens_file",
    }
)
"""Settings that only say where something is, or what is said of it."""
_PLACED: Final = "kafka"
_FILES: Final = ("alarm_rules", "notifications", "store_retention")
_TOLD_ELSEWHERE: Final = frozenset({"workspaces", "workspace_files", "quality_tests"})
_LARGEST: Final = 700_000
"""Bytes of a description: a step must fit into a version with its summary."""


def described_here(settings: Settings, references: Mapping[str, str]) -> Described:
    """The installed release with these settings; blocking: it loads workspaces and reads files.

    Parameters
    ----------
    references
        See `references_of`.

    Raises
    ------
    DqmError
        As processes with these settings would at their start.
    """
    bookings = chosen_bookings(settings)
    found = describe(
        release(),
        booking_set(settings, bookings),
        chosen_tests(settings),
        references=references,
        settings=_settings(settings),
    )
    return found if len(found.text()) <= _LARGEST else found.without_elements()


def references_of(catalogue: Catalogue) -> dict[str, str]:
    """What stands in a catalogue: `name of workspace` to `version N`."""
    standing: dict[str, int] = {}
    for one in catalogue.versions:
        if one.status == "accepted":
            name = f"{one.name} of {one.workspace}"
            standing[name] = max(standing.get(name, 0), one.number)
    return {name: f"version {number}" for name, number in standing.items()}


def _settings(settings: Settings) -> dict[str, str]:
    shown = {
        name: str(value)
        for name, value in settings.shown().items()
        if name not in _PLACES | _TOLD_ELSEWHERE and not name.startswith(_PLACED)
    }
    for name in _FILES:
        path = getattr(settings, name)
        if path is not None:
            shown[name] = content_hash(Path(path).read_bytes())
    return shown
