"""`dqmstream bench verdicts`: how good are the verdicts of quality tests?

On the synthetic detector, with faults of known size in known LSs: how many LSs until an alarm, and
how many alarms in long quiet running. And on real LSs that people certified: how well scores of
tests, alone and combined, tell bad LSs from good ones, with everything learned from other runs.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dqmstream.quality.labelled import read_labelled
from playback.bench.faults.figures import figures as faults
from playback.bench.labelled.figures import figures as labelled
from playback.bench.row import Row

__all__ = ["measure"]

_FILE: Final = Path("ls-histograms") / "MainDiagonal_2017_shared.csv.gz"
_DIVISIONS: Final = (101, 102, 103)


def measure(
    *, file: Path | None = None, quick: bool = False, environment: Mapping[str, str] = os.environ
) -> list[Row]:
    """All rows.

    Parameters
    ----------
    file
        Of labelled LSs; by default that of the public data in DQMSTREAM_TEST_DATA, or in
        `shared/data` beside the checkout. Without it nothing is said of real LSs.
    quick
        One seed and 100 quiet LSs instead of five and 1000 each; one division into folds instead
        of three.
    """
    return [*faults(quick=quick), *_labelled(file or _found(environment), quick=quick)]


def _found(environment: Mapping[str, str]) -> Path | None:
    default = Path(__file__).parents[3] / "shared" / "data"
    path = Path(environment.get("DQMSTREAM_TEST_DATA", default)) / _FILE
    return path if path.exists() else None


def _labelled(file: Path | None, *, quick: bool) -> Iterator[Row]:
    if file is not None:
        divisions = _DIVISIONS[:1] if quick else _DIVISIONS
        yield from labelled(
            read_labelled(file), divisions=divisions, bootstraps=20 if quick else 100
        )
