"""The deployment's files, read as their programs read them."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from services.settings import Settings
from services.settings_layers import PREFIX, load_settings

__all__ = [
    "CANDIDATE",
    "COMPOSE",
    "DOCKER",
    "KUBERNETES",
    "ROOT",
    "image_environment",
    "load",
    "load_all",
    "made",
    "our_services",
    "settings_of",
]

ROOT: Final = Path(__file__).parents[2]
DOCKER: Final = ROOT / "docker"
KUBERNETES: Final = ROOT / "k8s"
COMPOSE: Final = DOCKER / "compose.yaml"
CANDIDATE: Final = DOCKER / "candidate.yaml"
_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


def load(path: Path) -> Any:
    """One YAML document; a compose file's variables take their defaults."""
    return yaml.safe_load(_VARIABLE.sub(lambda found: found["default"], path.read_text()))


def load_all(path: Path) -> list[dict[str, Any]]:
    """All YAML documents of a file."""
    return list(yaml.safe_load_all(path.read_text()))


def made(script: Path) -> str:
    """What a script that makes one of the shipped files would write now."""
    code = script.read_text().replace("Path(__file__).parent", "Path('.').absolute()")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        (written,) = Path(folder).rglob("*.json")
        return written.read_text()


def our_services() -> dict[str, dict[str, Any]]:
    """Services of the compose file that run this program, by name."""
    services = load(COMPOSE)["services"]
    return {name: one for name, one in services.items() if one["image"].startswith("dqmstream:")}


def image_environment() -> dict[str, str]:
    """DQMSTREAM_* variables that the image sets."""
    text = (DOCKER / "Dockerfile").read_text()
    return dict(re.findall(rf"({PREFIX}[A-Z_]+)=(\S+)", text))


def settings_of(environment: Mapping[str, str | int], files: Path) -> Settings:
    """What a service makes of its environment; secrets, and what else is mounted, are looked for in
    the folder `files`.

    An unknown setting, or one that contradicts another, is the program's own error.
    """
    given = image_environment() | {name: str(value) for name, value in environment.items()}
    for name, value in given.items():
        if name.endswith("_FILE"):
            secret = files / Path(value).name
            secret.write_text("a secret")
            given[name] = str(secret)
        elif name == f"{PREFIX}NOTIFICATIONS":
            file = files / Path(value).name
            file.write_text("")
            given[name] = str(file)
    return load_settings({}, given).settings
