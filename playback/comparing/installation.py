"""An environment with what a release needs and this Python has not, made once in the cache.

It is a venv over the packages that are installed here: what meets the requirements stays as it is,
what does not is installed in the venv, before them. So a package of workspaces has this dqmstream,
and a release of dqmstream the packages of workspaces that are installed. pip's own configuration
says from where; without a network it is enough that `PIP_NO_INDEX` and `PIP_FIND_LINKS` are set.
"""

import site
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from playback.comparing.cache import made_once
from playback.comparing.dependencies import InstalledDistribution
from playback.comparing.programs import last_words, output, pip
from playback.comparing.requirements import Needs

__all__ = ["installation"]

SECONDS: Final = 1800.0
"""What fetching, building and installing may take together."""
_SAID: Final = 6


def installation(
    needs: Needs,
    installed: Mapping[str, InstalledDistribution],
    cache: Path,
    name: str,
) -> Path:
    """Python of an environment in which the requirements are installed. Blocks.

    Its scripts name the folder it was made in, and are not for use; its interpreter is.

    Parameters
    ----------
    installed
        What is installed here, which decides what is to be added.
    name
        Of the release, for messages.

    Raises
    ------
    ConfigurationError
        If there is no pip, or it fails or does not end in time.
    """
    wanted = sorted(map(str, needs.applying))
    below = _folders()
    versions = {one: there.version for one, there in installed.items()}
    key = content_hash([wanted, sys.version, sys.prefix, below, versions])

    def make(folder: Path) -> None:
        # Without pip of its own: it takes seconds to unpack, and ours can install there.
        command = [sys.executable, "-P", "-m", "venv", "--without-pip", "--symlinks", str(folder)]
        output(command, name)
        (own,) = folder.glob("lib/python*/site-packages")
        # In the order of sys.path, so after the venv's own; with what stands in their .pth files.
        lines = "".join(f"import site; site.addsitedir({one!r})\n" for one in below)
        (own / "_installed_below.pth").write_text(lines, encoding="utf-8")
        _install(wanted, folder / "bin" / "python", name)

    return made_once(cache / f"venv-{key}", make) / "bin" / "python"


def _folders() -> list[str]:
    """Where packages are installed here, as Python looks for them."""
    own = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [one for one in [*own, *site.getsitepackages()] if Path(one).is_dir()]


def _install(wanted: list[str], python: Path, name: str) -> None:
    arguments = ["--python", str(python), "install", "--no-compile", *wanted]
    done = pip(arguments, name, use="install its requirements", seconds=SECONDS)
    if done.returncode:
        msg = f"{name}: its requirements cannot be installed: {last_words(done, _SAID)}"
        raise ConfigurationError(msg)
