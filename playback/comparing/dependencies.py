"""What a side ran in beside its release: its Python and the distributions there. Pure."""

from collections.abc import Iterator, Mapping

import msgspec

from dqmstream.quality.pattern import matches
from playback.comparing.finding import Finding, Kind
from playback.comparing.policy import Policy

__all__ = [
    "Dependency",
    "InstalledDistribution",
    "RanIn",
    "dependency_findings",
    "differing",
]

_PYTHON = "python"
_OWN = "dqmstream"


class InstalledDistribution(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution. `brings` says that it has workspaces, analyses or quality tests; `address`
    where it came from, if that was no index; `version` is empty of a checkout."""

    version: str
    brings: bool = False
    requires: tuple[str, ...] = ()
    address: str = ""


class RanIn(msgspec.Struct, frozen=True, kw_only=True):
    """Python, and versions of distributions by normalised name; empty of a checkout.

    `releases` are those of them that are what is tried, rather than what it needs. `notes` say what
    could not be looked at.
    """

    python: str
    distributions: dict[str, str]
    releases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, python: str, installed: Mapping[str, InstalledDistribution], notes: tuple[str, ...]
    ) -> "RanIn":
        """What is remembered of what is installed."""
        return cls(
            python=python,
            distributions={name: one.version for name, one in sorted(installed.items())},
            releases=tuple(
                sorted(name for name, one in installed.items() if one.brings or name == _OWN)
            ),
            notes=notes,
        )


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution, or Python itself, whose version differs; empty where it is not installed.
    `release` says that it is what is tried."""

    name: str
    production: str
    candidate: str
    release: bool = False


def differing(production: RanIn | None, candidate: RanIn | None) -> tuple[Dependency, ...]:
    """What differs, Python first; nothing, if a side was made already and nobody knows in what."""
    if production is None or candidate is None:
        return ()
    return tuple(_differing(production, candidate))


def _differing(production: RanIn, candidate: RanIn) -> Iterator[Dependency]:
    if production.python != candidate.python:
        yield Dependency(name=_PYTHON, production=production.python, candidate=candidate.python)
    old, new = production.distributions, candidate.distributions
    releases = {*production.releases, *candidate.releases}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        # Of a checkout no version is known: the report says which it is.
        if was != now and "" not in (was, now):
            yield Dependency(
                name=name, production=was or "", candidate=now or "", release=name in releases
            )


def dependency_findings(found: tuple[Dependency, ...], policy: Policy) -> Iterator[Finding]:
    """Those that the policy wants to stay as they are."""
    for one in found:
        if not one.release and any(matches(pattern, one.name) for pattern in policy.pinned):
            yield Finding(
                kind=Kind.DEPENDENCY,
                subject=one.name,
                text=f"from {one.production or 'none'} to {one.candidate or 'none'}",
                before=one.production,
                after=one.candidate,
            )
