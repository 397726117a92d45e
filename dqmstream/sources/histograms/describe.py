"""What a user says of files that cannot say it themselves: run, columns, axes, kinds of values.

It is a TOML file with the names of `Description` at its top level, and what holds for single
data sets (of HDF5 and npz files) or names (of tables) in tables below `datasets`::

    run = 276582
    marks = ["altered"]

    [columns]
    lumisection = "lumi"

    [datasets.EBTimingTask_EBTMT_timing_map]
    path = "EcalBarrel/timing"
    values = "means"
    axes = [{ bins = 34, lower = -85, upper = 85, label = "ieta" },
            { bins = 72, lower = 0, upper = 360, label = "iphi" }]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Axis, Regular
from dqmstream.messages.events import MARKS

__all__ = ["AxisWords", "Dataset", "Description", "read_description"]


class AxisWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`bins` bins of equal width over [lower, upper)."""

    bins: int
    lower: float
    upper: float
    label: str = ""
    unit: str = ""

    def axis(self) -> Axis:
        """As a booking has it."""
        return Regular(
            bins=self.bins,
            lower=float(self.lower),
            upper=float(self.upper),
            label=self.label,
            unit=self.unit,
        )


class Dataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one array, or one named histogram of tables, holds.

    `path` is empty for the name itself. `values` says whether numbers are counts or sums
    (`values`), or the means of a profile (`means`); empty is what the file says, else `values`.
    """

    path: str = ""
    title: str = ""
    values: Literal["", "values", "means"] = ""
    axes: tuple[AxisWords, ...] = ()


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is said of the files of one import.

    `run` is that of files without one; `columns` maps what is meant (`run`, `lumisection`, `name`,
    `bins`, `entries`, `x_min`, ...) to the names of columns or arrays; `marks` are words of
    `messages.events.MARKS` besides `imported`.
    """

    run: int | None = None
    columns: dict[str, str] = {}
    marks: tuple[str, ...] = ()
    datasets: dict[str, Dataset] = {}

    def dataset(self, name: str) -> Dataset:
        """What is said of a data set; nothing, unless it is named."""
        return self.datasets.get(name, _NOTHING_SAID)


_NOTHING_SAID = Dataset()


def read_description(
    file: Path | None,
    *,
    run: int | None = None,
    columns: Mapping[str, str] | None = None,
    marks: tuple[str, ...] = (),
) -> Description:
    """The description of a TOML file, with what flags say over it.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or names what is not known.
    """
    said = Description()
    if file is not None:
        try:
            said = msgspec.toml.decode(file.read_bytes(), type=Description)
        except OSError as error:
            msg = f"description {file}: {error.strerror}"
            raise ConfigurationError(msg) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            msg = f"description {file}: {error}"
            raise ConfigurationError(msg) from error
    said = msgspec.structs.replace(
        said,
        run=said.run if run is None else run,
        columns=said.columns | dict(columns or {}),
        marks=tuple(dict.fromkeys((*said.marks, *marks))),
    )
    unknown = sorted(set(said.marks) - set(MARKS))
    if unknown:
        msg = f"marks {', '.join(unknown)} are not known, expected some of {', '.join(MARKS)}"
        raise ConfigurationError(msg)
    if said.run is not None and not 1 <= said.run < 1 << 31:
        msg = f"run {said.run} cannot be: runs are numbered from 1"
        raise ConfigurationError(msg)
    return said
