"""Where the Chromium is that benchmarks and tests look at the page with."""

import os
import shutil
from typing import Final

__all__ = ["chromium"]

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The one that DQMSTREAM_CHROMIUM names, else the first on PATH; None without any."""
    named = os.environ.get("DQMSTREAM_CHROMIUM")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)
