"""Settings from all layers, and which layer each value came from.

Each over the one before: defaults, a TOML file, the environment (`DQMSTREAM_*`), flags. pydantic
checks the values; the layering is ours because pydantic-settings does not say which layer a value
came from, and ignores unknown variables of its own prefix.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import SecretStr, ValidationError

from dqmstream.errors import ConfigurationError
from services.secrets import HIDDEN, hide_password
from services.settings import Settings

__all__ = ["PREFIX", "InForce", "load_settings"]

PREFIX: Final = "DQMSTREAM_"
_NOT_SETTINGS: Final = {
    "DQMSTREAM_CONFIG",
    # Of the commands that ask a gateway: they may stand in a shell from which one is started.
    "DQMSTREAM_TOKEN",
    "DQMSTREAM_URL",
    # Of the tests, which start the program with their own environment.
    "DQMSTREAM_CHROMIUM",
    "DQMSTREAM_JSROOT",
    "DQMSTREAM_SCREENSHOTS",
    "DQMSTREAM_TEST_DATA",
    "DQMSTREAM_TEST_KAFKA",
    "DQMSTREAM_TEST_PLOTS",
    "DQMSTREAM_TEST_STREAMER_MB",
}


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
        name = str(next(iter(problem["loc"]), "settings"))
        text = problem["msg"].removeprefix("Value error, ")
        where = f" ({origins[name]})" if name in origins else ""
        got = f", got {_shown_input(name, problem['input'])}" if name in origins else ""
        sentences.append(f"{name}{where}: {text}{got}")
    return "; ".join(sentences)


def _shown_input(name: str, value: object) -> str:
    if Settings.model_fields[name].annotation == (SecretStr | None):
        return HIDDEN
    return repr(hide_password(value) if isinstance(value, str) else value)
