"""One histogram in LSs that people judged: read from a file, and put beside good runs near it."""

import csv
import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Regular
from dqmstream.quality.stack import ReferenceStack, Stack

__all__ = ["Labelled", "beside_near_runs", "read_labelled", "stack_of"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_COLUMNS: Final = ("fromrun", "fromlumi", "histo", "Json")
_ON: Final = "DCSbit"
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
_MOST_FIELD: Final = 1 << 24
_RUNS: Final = 5
_ENOUGH: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """One histogram in n LSs.

    Parameters
    ----------
    run, lumisection
        int64[n].
    counts
        float64[n, bins], under- and overflow first and last.
    good
        bool[n]: certified as good for physics.
    on
        bool[n]: the detector had its voltage.
    """

    run: NDArray[np.int64]
    lumisection: NDArray[np.int64]
    counts: Floats
    good: Booleans
    on: Booleans

    def __len__(self) -> int:
        return len(self.run)

    @property
    def entries(self) -> Floats:
        """float64[n]."""
        total: Floats = self.counts.sum(axis=1)
        return total

    def part(self, which: Booleans) -> Self:
        """Some of the LSs."""
        return type(self)(
            run=self.run[which],
            lumisection=self.lumisection[which],
            counts=self.counts[which],
            good=self.good[which],
            on=self.on[which],
        )


def read_labelled(path: Path) -> Labelled:
    """Read a CSV file, compressed if its name ends in .gz, with one LS in each row.

    Columns as in the files that CMS's people share: `fromrun`, `fromlumi`, `histo` (a JSON list of
    counts, flow first and last), `Json` (certified as good), and `DCSbit` if it is known.

    Raises
    ------
    ValueError
        Naming the file, and what is missing or wrong in which row.
    """
    csv.field_size_limit(_MOST_FIELD)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise ValueError(msg) from error
    if not rows or any(name not in rows[0] for name in _COLUMNS):
        got = ", ".join(map(str, rows[0])) if rows else "no rows"
        msg = f"{path}: expected columns {', '.join(_COLUMNS)}, got {got}"
        raise ValueError(msg)
    read = [_read(f"{path}: row {number}", row) for number, row in enumerate(rows, 2)]
    lengths = {len(counts) for _, _, counts, _, _ in read}
    if len(lengths) > 1 or min(lengths) < 3:
        msg = f"{path}: histograms of {sorted(lengths)} bins, expected one number of at least 3"
        raise ValueError(msg)
    run, lumisection, counts, good, on = zip(*read, strict=True)
    return Labelled(
        run=np.array(run, np.int64),
        lumisection=np.array(lumisection, np.int64),
        counts=np.array(counts, np.float64),
        good=np.array(good),
        on=np.array(on),
    )


def _read(where: str, row: dict[str, str]) -> tuple[int, int, list[float], bool, bool]:
    try:
        counts = msgspec.json.decode(row["histo"], type=list[float])
        if any(not 0 <= one < 2**62 for one in counts):
            msg = "counts have to be 0 or more"
            raise ValueError(msg)
        good, on = _TRUTH[row["Json"].lower()], _TRUTH[row.get(_ON, "true").lower()]
        return int(row["fromrun"]), int(row["fromlumi"]), counts, good, on
    except KeyError as error:
        msg = f"{where}: {error} is neither True nor False"
        raise ValueError(msg) from error
    except (ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def stack_of(counts: Floats) -> Stack:
    """counts[n, bins], flow included, over one axis."""
    axis = Regular(bins=counts.shape[1] - 2, lower=0, upper=1)
    return Stack(axes=(axis,), entries=counts.astype(np.int64))


def beside_near_runs(learned: Labelled, judged: Labelled, *, earlier: bool = False) -> Stack:
    """LSs to judge, beside the good LSs of the 5 runs nearest by number, scaled by LSs.

    A run is never a reference of its own, so that LSs learned from may be asked about, too. Its
    label does not matter then: a verdict on a run is not known while it is taken.

    Parameters
    ----------
    earlier
        Only of runs before, as far as there are 5 of them.

    Raises
    ------
    ValueError
        If there is no good run beside one's own.
    """
    good = learned.part(learned.good & (learned.entries > _ENOUGH))
    runs, which, lumisections = np.unique(good.run, return_inverse=True, return_counts=True)
    if len(runs) < 2:
        msg = f"good LSs in {len(runs)} runs, expected at least 2: one is compared with others"
        raise ValueError(msg)
    total = np.zeros((len(runs), good.counts.shape[1]))
    np.add.at(total, which, good.counts)
    asked, place = np.unique(judged.run, return_inverse=True)
    number = min(_RUNS, len(runs) - 1)
    chosen = np.array([_nearest(runs, one, number, earlier=earlier) for one in asked])[place]
    references = (
        ReferenceStack(stack=stack_of(total[one]), scale=1 / lumisections[one]) for one in chosen.T
    )
    return replace(stack_of(judged.counts), references=tuple(references))


def _nearest(
    runs: NDArray[np.int64], run: np.int64, number: int, *, earlier: bool
) -> NDArray[np.intp]:
    """Indices of the nearest runs, and not the run itself; those before it first if asked for."""
    order = np.lexsort((np.abs(runs - run), runs > run if earlier else np.zeros(len(runs))))
    others: NDArray[np.intp] = order[runs[order] != run][:number]
    return others
