"""What a release says it needs, and what of it is not met by what is installed. Pure but for
reading the metadata of a wheel.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from dqmstream.errors import ConfigurationError
from playback.comparing.dependencies import InstalledDistribution

__all__ = ["Needs", "Unmet", "needs_of_project", "needs_of_wheel", "unmet"]

_LARGEST: Final = 4 << 20
"""Bytes of a wheel's METADATA: some hold a whole page of documentation."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a release needs.

    Parameters
    ----------
    requirements
        Of other distributions; those of extras are with them, and left aside by their markers.
    python
        Versions of Python.
    known
        False where they are made when the release is built.
    """

    requirements: tuple[Requirement, ...] = ()
    python: SpecifierSet = field(default_factory=SpecifierSet)
    known: bool = True

    @property
    def applying(self) -> tuple[Requirement, ...]:
        """Requirements without those that markers leave aside here."""
        return tuple(one for one in self.requirements if _applies(one))


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """A requirement, and the version that is installed instead; empty if none is."""

    requirement: Requirement
    installed: str

    def __str__(self) -> str:
        """Without the address that it may name: there may be a password in it."""
        there = f"{self.installed} is installed" if self.installed else "not installed"
        asked = self.requirement
        extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
        which = " from an address" if asked.url else str(asked.specifier)
        return f"{asked.name}{extras}{which} ({there})"


def needs_of_wheel(file: Path, name: str) -> Needs:
    """What the metadata of a wheel say.

    Raises
    ------
    ConfigurationError
        If the file is no wheel, or its metadata cannot be understood.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            (about,) = (one for one in archive.namelist() if _is_metadata(one))
            with archive.open(about) as stream:
                found, _ = parse_email(stream.read(_LARGEST))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        msg = f"{name}: no wheel with metadata: {error}"
        raise ConfigurationError(msg) from error
    return Needs(
        requirements=_requirements(found.get("requires_dist", ()), name),
        python=_python(found.get("requires_python", ""), name),
    )


def _is_metadata(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(".dist-info/METADATA")


def needs_of_project(project: Mapping[str, Any], name: str) -> Needs:
    """What `[project]` of a `pyproject.toml` says.

    Raises
    ------
    ConfigurationError
        If it says something that is no requirement.
    """
    listed = project.get("dependencies", ())
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        msg = f"{name}: dependencies: expected a list of requirements, got {listed!r}"
        raise ConfigurationError(msg)
    return Needs(
        requirements=_requirements(listed, name),
        python=_python(str(project.get("requires-python", "")), name),
        known="dependencies" not in project.get("dynamic", ()),
    )


def _requirements(listed: Any, name: str) -> tuple[Requirement, ...]:
    try:
        return tuple(map(Requirement, listed))
    except InvalidRequirement as error:
        msg = f"{name}: no requirement: {str(error).splitlines()[0]}"
        raise ConfigurationError(msg) from error


def _python(text: str, name: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        msg = f"{name}: which Python it needs cannot be understood: {text!r}"
        raise ConfigurationError(msg) from error


def unmet(needs: Needs, installed: Mapping[str, InstalledDistribution]) -> tuple[Unmet, ...]:
    """Requirements that what is installed does not meet, those of wanted extras with them.

    Parameters
    ----------
    installed
        By normalised name.
    """
    return tuple(_unmet(needs, installed))


def _unmet(needs: Needs, installed: Mapping[str, InstalledDistribution]) -> Iterator[Unmet]:
    waiting = list(needs.applying)
    seen = set[str]()
    while waiting:
        one = waiting.pop(0)
        if str(one) in seen:
            continue
        seen.add(str(one))
        there = installed.get(canonicalize_name(one.name))
        if there is None or not _meets(one, there):
            yield Unmet(requirement=one, installed="" if there is None else there.version)
        else:
            waiting += _of_extras(there, one.extras)


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _meets(requirement: Requirement, there: InstalledDistribution) -> bool:
    if requirement.url:
        return there.address == requirement.url
    if not there.version:  # a checkout: the release that is tried, whatever it calls itself
        return True
    try:
        return requirement.specifier.contains(there.version, prereleases=True)
    except InvalidVersion:
        return not requirement.specifier


def _of_extras(there: InstalledDistribution, extras: set[str]) -> Iterator[Requirement]:
    for text in there.requires if extras else ():
        try:
            one = Requirement(text)
        except InvalidRequirement:  # of another's metadata, which pip took
            continue
        if not _applies(one) and any(_applies(one, extra) for extra in extras):
            yield one
