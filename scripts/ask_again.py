"""Asks tests that failed again, alone: what fails by chance is told of loudly, and judges nothing.

A test that fails beside ten thousand others and then passes three times in processes of its own was
held up by the machine or has a race of its own. That is a bug to be mended, but not one of the
change that is judged. Tests of crashes and of exactness get no second chance: what they may find
once in many runs are lost events. Neither do failures in more files than chance would bring; in
one file, all tests may have failed for one program that they share.

Reads which tests failed from the cache of pytest in this folder. Ends with 0 if all that failed
passed each time, else with 1.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
EXACT = (
    "tests/crash/",
    "tests/unit/fold/",
    "tests/unit/store/test_exactness.py",
    "tests/integration/test_exactness.py",
)
MOST = 3
"""Files with failed tests in one run that may be chance."""
TIMES = 3
SECONDS = 900.0
"""For what failed in one file, once, with all it starts."""


def main() -> int:
    """Ask again what failed; the status of this process."""
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    by_file: dict[str, list[str]] = {}
    for name in failed:
        by_file.setdefault(name.partition("::")[0], []).append(name)
    final = _why_final(list(by_file))
    if final:
        _say(f"not asked again: {final}")
        return 1
    for file, names in by_file.items():
        for time in range(1, TIMES + 1):
            _say(f"asked again, {time} of {TIMES}: {' '.join(names)}")
            if not _pass(names):
                _say(f"FAILED again: {file}")
                return 1
    for name in failed:
        _say(f"UNSTEADY: {name} failed, then passed {TIMES} times alone; mend it, it failed above")
    return 0


def _why_final(files: list[str]) -> str:
    """Why failures in these files stand as they are; empty if they may be chance."""
    if not files:
        return "no test failed, so the run itself did"
    if len(files) > MOST:
        return f"tests of {len(files)} files failed, by chance those of at most {MOST} would"
    exact = [file for file in files if file.startswith(EXACT)]
    return f"tests of exactness have no second chance: {exact[0]}" if exact else ""


def _pass(names: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    try:
        return subprocess.run(command, timeout=SECONDS, check=False).returncode == 0  # noqa: S603
    except subprocess.TimeoutExpired:
        return False


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
