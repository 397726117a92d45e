"""Writes the lock: every dependency pinned with hashes, without download addresses.

`pip-compile` notes where it downloaded from only if told to; nothing here does.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Compile the runtime and development dependencies into one lock on standard output."""
    command = [
        sys.executable, "-m", "piptools", "compile",
        "--quiet", "--strip-extras", "--allow-unsafe", "--generate-hashes", "--no-emit-index-url",
        "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options", "--no-annotate",
        "--no-header", "--newline", "lf", "--output-file", "-", "--group", "test", "--group", "rules",
        "--all-build-deps", str(ROOT / "pyproject.toml"),
    ]  # fmt: skip
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    sys.stdout.write("# Written by `make lock`. Pinned versions with their hashes.\n")
    sys.stdout.write(result.stdout)


if __name__ == "__main__":
    main()
