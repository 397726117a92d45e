"""Deployments and their steps, in words and for programs."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dqmstream.deployments.standing import Deployment
from dqmstream.deployments.step import read_step
from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion

__all__ = ["STATES", "deployment_row", "row_of"]

STATES: Final[Mapping[str, str]] = {"running": "running beside", "rolled_back": "rolled back"}
"""States in words, where they are others."""


def row_of(version: ConfigurationVersion) -> dict[str, Any]:
    """A step, for programs."""
    row: dict[str, Any] = {
        "number": version.number,
        "hash": version.hash,
        "who": version.who,
        "why": version.why,
        "when": version.when,
    }
    try:
        step = read_step(version.text)
    except ConfigurationError:  # of a newer release
        return row | {"action": "?", "deployment": "?", "before": "", "after": "", "report": None}
    return row | {
        "action": step.action,
        "deployment": step.deployment,
        "before": step.before,
        "after": step.after,
        "report": step.report,
    }


def deployment_row(one: Deployment) -> dict[str, Any]:
    """A deployment, for programs."""
    row: dict[str, Any] = msgspec.to_builtins(one)
    described = row.pop("described")
    return row | {
        "hash": one.described.hash,
        "release": described["release"],
        "set": described["set"],
        "workspaces": sorted(described["workspaces"]),
    }
