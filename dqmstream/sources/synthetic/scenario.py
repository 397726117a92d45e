"""Scenarios: a synthetic run, its sources and what goes wrong, in a TOML file of a page."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.faults import (
    Fault,
    LateSource,
    SourceFault,
    SourceTroubles,
    fault_of_table,
)
from dqmstream.sources.synthetic.faults.fault import SOURCE_NAME
from dqmstream.sources.synthetic.fill import Fill
from dqmstream.sources.synthetic.source import Part, SyntheticSource

__all__ = ["SOURCE", "Scenario", "read_scenario", "shipped_scenarios"]

SOURCE: Final = "synthetic"
"""Name of the source of a run that has one."""

_FOLDER: Final = "scenarios"
_NUMBERS: Final = ("run", "seed", "lumisections", "rate", "lumisection_seconds", "chunk_events")
_KEYS: Final = ("description", *_NUMBERS, "subsystems", "sources", "fill", "fault")
_FILL_KEYS: Final = tuple(one.name for one in fields(Fill))


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A synthetic run with all that goes wrong in it.

    Parameters
    ----------
    config
        The run, and what breaks in the detector.
    name, description
        What it is called, and what a shifter should see.
    sources
        Names of the sources that share the events of the run.
    source_faults
        What is wrong with them.

    Raises
    ------
    ConfigurationError
        If sources are none or two of one name, or a fault is of a source that is not there.
    """

    config: SyntheticConfig
    name: str = ""
    description: str = ""
    sources: tuple[str, ...] = (SOURCE,)
    source_faults: tuple[SourceFault, ...] = ()

    def __post_init__(self) -> None:
        if not self.sources or len(set(self.sources)) < len(self.sources):
            msg = f"sources are {list(self.sources)}: expected at least one, each name once"
            raise ConfigurationError(msg)
        for name in self.sources:
            if not re.fullmatch(SOURCE_NAME, name):
                msg = f"source {name!r}: expected letters, digits and '_', '-' between them"
                raise ConfigurationError(msg)
        for fault in self.source_faults:
            if fault.source not in self.sources:
                msg = f"fault {fault}: the sources are {', '.join(self.sources)}"
                raise ConfigurationError(msg)
        if all(self.troubles(name).last(self.config.lumisections) < 1 for name in self.sources):
            msg = "every source is missing from LS 1 on: expected one that comes"
            raise ConfigurationError(msg)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All of them."""
        return (*self.config.faults, *self.source_faults)

    @property
    def needs_pace(self) -> bool:
        """Whether something comes late, which it cannot if all is sent as fast as it goes."""
        return any(isinstance(fault, LateSource) for fault in self.source_faults)

    def troubles(self, source: str) -> SourceTroubles:
        """What is wrong with a source."""
        return SourceTroubles.of(source, self.source_faults)

    def with_faults(self, faults: Iterable[Fault]) -> "Scenario":
        """The scenario with these faults, and no others."""
        all_faults = tuple(faults)
        of_sources = tuple(one for one in all_faults if isinstance(one, SourceFault))
        others = tuple(one for one in all_faults if not isinstance(one, SourceFault))
        config = replace(self.config, faults=others)
        return replace(self, config=config, source_faults=of_sources)

    def event_sources(self, *, live_as: str = "") -> tuple[SyntheticSource, ...]:
        """Its sources, but for those that never come; `live_as` as `SyntheticSource` takes it."""
        detector = SyntheticDetector(self.config)
        made = [
            SyntheticSource(
                detector,
                name=name,
                part=Part(number, len(self.sources)),
                troubles=self.troubles(name),
                live_as=live_as,
            )
            for number, name in enumerate(self.sources)
        ]
        return tuple(one for one in made if one.troubles.last(self.config.lumisections) >= 1)


def shipped_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with this release, by name."""
    files = [one for one in _shipped().iterdir() if one.name.endswith(".toml")]
    return tuple(
        _read(one.read_text(encoding="utf-8"), one.name.removesuffix(".toml"), one.name)
        for one in sorted(files, key=lambda one: one.name)
    )


def read_scenario(name_or_file: str) -> Scenario:
    """A scenario that is shipped, or one in a file.

    Parameters
    ----------
    name_or_file
        A name; or a path, which ends in `.toml`.

    Raises
    ------
    ConfigurationError
        If there is none, a key is unknown, or a value is of another type or out of range: with
        file and key.
    """
    if name_or_file.endswith(".toml"):
        path = Path(name_or_file)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"scenario {name_or_file}: {getattr(error, 'strerror', None) or error}"
            raise ConfigurationError(msg) from error
        return _read(text, path.stem, name_or_file)
    file = _shipped() / f"{name_or_file}.toml"
    names = sorted(one.name.removesuffix(".toml") for one in _shipped().iterdir())
    if name_or_file not in names:
        known = ", ".join(name for name in names if not name.startswith("_"))
        msg = f"scenario {name_or_file!r}: expected a file that ends in .toml, or one of {known}"
        raise ConfigurationError(msg)
    return _read(file.read_text(encoding="utf-8"), name_or_file, file.name)


def _shipped() -> Any:
    return resources.files("dqmstream.sources.synthetic") / _FOLDER


def _read(text: str, name: str, file: str) -> Scenario:
    where = f"scenario {file}"
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{where}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    _refuse_unknown(where, document, _KEYS)
    _refuse_unknown(f"{where}: fill", _value(where, document, "fill", dict, {}), _FILL_KEYS)
    tables = _value(where, document, "fault", list[dict[str, Any]], [])
    faults = [
        fault_of_table(table, f"{where}: fault number {number}")
        for number, table in enumerate(tables, start=1)
    ]
    settings = (*_NUMBERS, "subsystems", "fill")
    given = {key: document[key] for key in settings if key in document}
    try:
        plain = Scenario(
            config=msgspec.convert({"run": 1} | given, SyntheticConfig),
            name=name,
            description=" ".join(_value(where, document, "description", str, "").split()),
            sources=tuple(_value(where, document, "sources", list[str], [SOURCE])),
        )
        return plain.with_faults(faults)
    except (msgspec.ValidationError, ConfigurationError) as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error


def _refuse_unknown(where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        msg = f"{where}: key {unknown[0]!r} is unknown, expected some of {', '.join(known)}"
        raise ConfigurationError(msg)


def _value(where: str, table: Mapping[str, Any], key: str, kind: Any, default: Any) -> Any:
    try:
        return msgspec.convert(table.get(key, default), kind)
    except msgspec.ValidationError as error:
        msg = f"{where}: key {key!r}: {error}"
        raise ConfigurationError(msg) from error
