"""All settings of all services: one typed object, and where each value came from.

Layers, each over the one before: defaults, a TOML file, the environment (`DQMSTREAM_*`), flags.
pydantic checks the values; the layering is ours because pydantic-settings does not say which layer
a value came from, and ignores unknown variables of its own prefix.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dqmstream.errors import ConfigurationError

__all__ = ["PREFIX", "InForce", "Settings", "load_settings"]

PREFIX: Final = "DQMSTREAM_"
_NOT_SETTINGS: Final = {"DQMSTREAM_CONFIG", "DQMSTREAM_TEST_DATA"}


def _listed(value: object) -> object:
    """`a, b` in a variable or flag is the list ("a", "b")."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Settings(BaseModel):
    """What is in force. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: Path = Field(Path("dqmstream-data"), description="folder of the embedded log and store")
    store: str = Field("", description="SQLAlchemy URL of the store; empty: SQLite in the folder")
    partitions: int = Field(2, ge=1, le=64, description="partitions of dqm.events, fixed for ever")
    histogram_partitions: int = Field(2, ge=1, le=64, description="partitions of dqm.histograms")
    fillers: int = Field(1, ge=1, le=16, description="fillers in this process")
    workspaces: Names = Field((), description="workspaces to fill; empty: all that are installed")
    workspace_files: Names = Field((), description="TOML files that declare further workspaces")
    quality_tests: str = Field("", description="TOML file of quality tests; empty: the shipped one")
    publish_interval: float = Field(1.0, gt=0, le=60, description="between updates of an open LS")
    update_interval: float = Field(0.5, gt=0, le=60, description="between updates of a browser")
    lumisection_timeout: float = Field(60.0, gt=0, description="silence that closes an open LS")
    run_timeout: float = Field(300.0, gt=0, description="silence that ends a run")
    max_open: int = Field(8, ge=1, le=1000, description="open LSs per run; more close the oldest")
    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8000, ge=0, le=65535, description="port of the gateway; 0: any free one")
    events_retention_hours: float = Field(6.0, gt=0, description="how long dqm.events are kept")
    fsync: bool = Field(False, description="flush each write to disk: survives loss of power")
    numba_cache: str = Field("", description="folder of compiled kernels; empty: in the user cache")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="log lines of this level and above, on standard error"
    )
    log_format: Literal["text", "json"] = Field("text", description="for people, or for programs")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.run_timeout < self.lumisection_timeout:
            msg = (
                f"run_timeout ({self.run_timeout}) is below lumisection_timeout "
                f"({self.lumisection_timeout}): a run cannot end before its LSs close"
            )
            raise ValueError(msg)
        if self.store and "://" not in self.store:
            msg = f"store {self.store!r} is no URL such as sqlite:///folder/store.sqlite"
            raise ValueError(msg)
        return self

    @property
    def store_url(self) -> str:
        """URL of the store."""
        return self.store or f"sqlite:///{self.data.absolute() / 'store.sqlite'}"


class InForce(NamedTuple):
    """Settings, and for each name the layer its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None = None
) -> InForce:
    """Settings from all layers.

    Parameters
    ----------
    flags
        Values from the command line; None counts as not given.
    environment
        The process's environment; `DQMSTREAM_CONFIG` names the file if `file` does not.
    file
        TOML file with the settings' names at its top level.

    Raises
    ------
    ConfigurationError
        If one is unknown, of the wrong type or out of range, or if two contradict each other.
    """
    if file is None and environment.get("DQMSTREAM_CONFIG"):
        file = Path(environment["DQMSTREAM_CONFIG"])
    layers: list[tuple[str, Mapping[str, object]]] = []
    if file is not None:
        layers.append((f"file {file}", _read_file(file)))
    layers.append(("environment", _from_environment(environment)))
    layers.append(("flag", {name: value for name, value in flags.items() if value is not None}))
    values: dict[str, object] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for layer, given in layers:
        for name, value in given.items():
            if name not in Settings.model_fields:
                raise ConfigurationError(_unknown(name, layer))
            values[name] = value
            origins[name] = layer
    try:
        return InForce(Settings.model_validate(values), origins)
    except ValidationError as error:
        raise ConfigurationError(_explained(error, origins)) from error


def _read_file(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError as error:
        msg = f"settings file {file} does not exist"
        raise ConfigurationError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"settings file {file} is not TOML: {error}"
        raise ConfigurationError(msg) from error


def _from_environment(environment: Mapping[str, str]) -> Mapping[str, object]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS
    }


def _unknown(name: str, layer: str) -> str:
    close = difflib.get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "; `dqmstream config` lists them all"
    shown = f"{PREFIX}{name.upper()}" if layer == "environment" else name
    return f"unknown setting {shown!r} ({layer}){hint}"


def _explained(error: ValidationError, origins: Mapping[str, str]) -> str:
    sentences = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "settings"
        text = problem["msg"].removeprefix("Value error, ")
        where = f" ({origins[name]})" if name in origins else ""
        got = f", got {problem['input']!r}" if name in origins else ""
        sentences.append(f"{name}{where}: {text}{got}")
    return "; ".join(sentences)
