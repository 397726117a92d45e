"""Asks tests that failed again, alone: what fails by chance is told of loudly, and judges nothing.

A test that fails beside ten thousand others and then passes three times in processes of its own was
held up by the machine or has a race of its own. That is a bug to be mended, but not one of the
change that is judged. Tests of crashes get no second chance: what they may find once in many runs
are lost events. Neither do more failures than chance would bring.

Reads which tests failed from the cache of pytest in this folder. Ends with 0 if all that failed
passed each time, else with 1.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3
"""Failed tests of one run that may be chance."""
TIMES = 3
SECONDS = 600.0
"""For one test once, with all it starts."""


def main() -> int:
    """Ask again what failed; the status of this process."""
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    final = _why_final(failed)
    if final:
        _say(f"not asked again: {final}")
        return 1
    for name in failed:
        for time in range(1, TIMES + 1):
            _say(f"asked again, {time} of {TIMES}: {name}")
            if not _passes(name):
                _say(f"FAILED again: {name}")
                return 1
    for name in failed:
        _say(f"UNSTEADY: {name} failed, then passed {TIMES} times alone; mend it, it failed above")
    return 0


def _why_final(failed: list[str]) -> str:
    """Why these failures stand as they are; empty if they may be chance."""
    if not failed:
        return "no test failed, so the run itself did"
    if len(failed) > MOST:
        return f"{len(failed)} tests failed, of chance at most {MOST} would"
    crashes = [name for name in failed if name.startswith("tests/crash/")]
    return f"a test of crashes has no second chance: {crashes[0]}" if crashes else ""


def _passes(name: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    try:
        return subprocess.run(command, env=os.environ, timeout=SECONDS, check=False).returncode == 0  # noqa: S603
    except subprocess.TimeoutExpired:
        return False


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
