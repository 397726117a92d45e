"""What is installed in a Python: run as a script by that Python, it prints JSON.

It imports nothing but the standard library: what it is asked of may have no dqmstream, or another
one. A distribution that is found twice is the first one, as an import finds it.
"""

import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from typing import Any

__all__ = ["CHECKOUT", "GROUPS", "found"]

CHECKOUT = "dqmstream playback"
"""`INSTALLER` of what stands for a checkout, whose version is not known."""
GROUPS = frozenset({"dqmstream.workspaces", "dqmstream.analyses", "dqmstream.quality_tests"})


def found() -> dict[str, Any]:
    """Version of this Python, and distributions by normalised name."""
    installed: dict[str, Any] = {}
    for one in distributions():
        # What is left of something removed has no metadata, which each Python says in its own way.
        about: Any = one.metadata
        if about is not None and about.get("Name") and about.get("Version"):
            name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
            installed.setdefault(name, _words(one, about["Version"]))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "distributions": installed}


def _words(one: Distribution, version: str) -> dict[str, Any]:
    groups = {point.group for point in one.entry_points}
    checkout = (one.read_text("INSTALLER") or "").strip() == CHECKOUT
    return {
        "version": "" if checkout else version,
        "brings": bool(groups & GROUPS),
        "requires": list(one.requires or ()),
        "address": _address(one),
    }


def _address(one: Distribution) -> str:
    """Where it was installed from, if that was no index."""
    try:
        return str(json.loads(one.read_text("direct_url.json") or "{}").get("url", ""))
    except ValueError:
        return ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(found()))
