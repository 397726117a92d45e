"""Writes the lock: every dependency pinned with hashes, without download addresses."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Compile the runtime and development dependencies into one lock on standard output."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    optional = project["project"]["optional-dependencies"]
    for group in [*project["dependency-groups"].values(), *optional.values()]:
        wanted += group
    with tempfile.TemporaryDirectory() as folder:
        source, lock = Path(folder, "all.in"), Path(folder, "all.lock")
        source.write_text("\n".join(wanted))
        quiet = ["--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links"]
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "piptools", "compile", "--quiet", "--strip-extras",
             "--allow-unsafe", "--generate-hashes", "--no-annotate", "--no-header",
             "--no-emit-options", *quiet, "--output-file", str(lock), str(source)],
            check=True,
        )  # fmt: skip
        sys.stdout.write("# Written by `make lock`: pinned versions with their hashes.\n")
        sys.stdout.write(lock.read_text())


if __name__ == "__main__":
    main()
