"""Prints the part of the lock that an image needs: `locked.py build` or `locked.py runtime`.

The lock pins everything there is, test tools too. pip resolves what is wanted under the lock's
versions, and from its answer only the names are taken: what gets installed is the lock's entry with
its hashes.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EXTRAS: Final = ("postgresql",)
_ENTRY: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==[^\s;\\]+")


def main(part: str) -> None:
    """Print the entries of the lock that `part` needs, with their hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = (ROOT / "requirements.lock").read_text()
    sys.stdout.write(only(lock, resolved(wanted(project, part), lock)))


def wanted(project: dict, part: str) -> list[str]:
    """Requirements of the built program, or of what builds it."""
    if part == "build":
        return list(project["build-system"]["requires"])
    if part == "runtime":
        optional = project["project"]["optional-dependencies"]
        return project["project"]["dependencies"] + [r for e in EXTRAS for r in optional[e]]
    sys.exit(f"locked.py: expected build or runtime, got {part!r}")


def resolved(requirements: list[str], lock: str) -> set[str]:
    """Names of all that `requirements` bring, at the lock's versions."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        pins = (_ENTRY.match(line) for line in lock.splitlines())
        constraints.write_text("".join(f"{pin.group()}\n" for pin in pins if pin))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
        options = ["--ignore-installed", "--only-binary=:all:", "--constraint", str(constraints)]
        subprocess.run(  # noqa: S603
            [*command, *options, "--report", str(report), *requirements],
            check=True,
            stdout=sys.stderr,
        )
        return {entry["metadata"]["name"] for entry in json.loads(report.read_text())["install"]}


def only(lock: str, names: set[str]) -> str:
    """The entries of `lock` for `names`; a name that the lock lacks stops the build."""
    left = {_canonical(name) for name in names}
    kept: list[str] = []
    keep = False
    for line in lock.splitlines():
        if entry := _ENTRY.match(line):
            name = _canonical(entry["name"])
            keep = name in left
            left.discard(name)
        elif not line.startswith(" "):
            keep = False
        if keep:
            kept.append(f"{line}\n")
    if left:
        sys.exit(f"locked.py: requirements.lock lacks {', '.join(sorted(left))}: run `make lock`")
    return "".join(kept)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(*sys.argv[1:])
