"""Declaring a workspace loads nothing heavy: command lines and notebooks read bookings too."""

import subprocess
import sys


def test_booking_loads_neither_arrow_nor_numba_nor_numpy() -> None:
    script = (
        "import sys, dqmstream.booking; "
        "print(sorted({'numba', 'numpy', 'pyarrow', 'zstandard'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_looking_at_contents_needs_no_numba() -> None:
    script = (
        "import sys, dqmstream.histograms.element, dqmstream.booking.columns; "
        "print('numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
