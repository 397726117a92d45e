"""Files of conditions: which form each has, found from what is in it.

JSON is columns by name (`{"run_number": [...], ...}`) or a list of records, both with OMS's names;
Parquet has the same columns; CSV is brilcalc's. Any may be gzipped. A table without
`lumisection_number` is one of runs: it says the fill, run type and energy of LSs that others bring;
one without `run_number` is of fills, and says their energies.
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.conditions.brilcalc import conditions_of_lines
from dqmstream.conditions.oms import RunFacts, conditions_of, fill_energy, run_of
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import SourceError
from dqmstream.messages.operations import Conditions

__all__ = ["read_conditions"]

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_MOST_BYTES: Final = 1 << 30
_RUN: Final = "run_number"
_FILL: Final = "fill_number"

Record = Mapping[str, Any]
Runs = dict[int, RunFacts]
Fills = dict[int, float]


def read_conditions(paths: Sequence[Path]) -> ConditionsTable:
    """All that the files say; of two that differ over a field of an LS, the first is believed.

    Blocks, and reads whole files: 100000 LSs take about 100 MB and two seconds.

    Raises
    ------
    SourceError
        With reason `file_missing`, `unknown_format`, `unknown_unit`, `broken` or `too_large`, and
        the path; single rows that cannot be used are counted in `rejected`.
    """
    table, runs, fills = ConditionsTable(), Runs(), Fills()
    for path in paths:
        try:
            _read(path, table, runs, fills)
        except SourceError as error:
            raise SourceError(error.reason, f"{path}: {error.detail}") from error
        # Parsers of bytes that nobody vouches for raise what they meet.
        except Exception as error:
            detail = f"{path}: {type(error).__name__}: {str(error).strip():.300}"
            raise SourceError("broken", detail) from error
    table.describe_runs(runs)
    table.describe_fills(fills)
    return table


def _read(path: Path, table: ConditionsTable, runs: Runs, fills: Fills) -> None:
    content = _content(path)
    if content.startswith(_PARQUET):
        _take_records(_parquet(content), table, runs, fills)
    elif content.lstrip()[:1] in {b"{", b"["}:
        _take_records(_json(content), table, runs, fills)
    elif content.lstrip().startswith(b"#"):
        _take(conditions_of_lines(_lines(content)), table)
    else:
        detail = f"begins with {content[:20]!r}, expected JSON, Parquet or a CSV of brilcalc"
        raise SourceError("unknown_format", detail)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP
        with gzip.open(path) if zipped else path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise SourceError("file_missing", "no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError("broken", f"cannot be read: {error}") from error
    if len(content) > _MOST_BYTES:
        raise SourceError("too_large", f"more than {_MOST_BYTES} bytes")
    return content


def _take_records(
    records: Sequence[Record], table: ConditionsTable, runs: Runs, fills: Fills
) -> None:
    """Records of LSs, of runs or of fills."""
    if not _are_runs(records):
        _take(conditions_of(records), table)
        return
    for record in records:
        try:
            if _RUN in records[0]:
                number, facts = run_of(record)
                runs[number] = _both(runs.get(number, RunFacts()), facts)
            else:
                fill, energy = fill_energy(record)
                if energy is not None:
                    fills.setdefault(fill, energy)
        except SourceError as error:
            table.rejected[error.reason] += 1


def _both(first: RunFacts, second: RunFacts) -> RunFacts:
    """What both say; where they differ the first is right."""
    return RunFacts(
        fill=second.fill if first.fill is None else first.fill,
        run_type=first.run_type or second.run_type,
        energy=second.energy if first.energy is None else first.energy,
    )


def _are_runs(records: Sequence[Record]) -> bool:
    """Whether no record is of an LS: LSs have flags of the detector, with or without a number."""
    return not any(
        name == "lumisection_number" or name.endswith("_ready")
        for record in records
        for name in record
    )


def _take(rows: Iterable[Conditions | SourceError], table: ConditionsTable) -> None:
    for row in rows:
        if isinstance(row, SourceError):
            table.rejected[row.reason] += 1
        else:
            table.add(row)


def _parquet(content: bytes) -> Sequence[Record]:
    import pyarrow as pa  # noqa: PLC0415 only this form needs it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        found: Sequence[Record] = parquet.read_table(pa.BufferReader(content)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise SourceError("broken", f"no Parquet: {error!s:.200}") from error
    return _checked(found)


def _json(content: bytes) -> Sequence[Record]:
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("broken", f"no JSON: {error}") from error
    if isinstance(document, dict):
        return _checked(list(_rows(document)))
    return _checked(document)


def _rows(columns: Mapping[str, Any]) -> Iterator[Record]:
    lengths = {
        name: len(values) if isinstance(values, list) else -1 for name, values in columns.items()
    }
    if len(set(lengths.values())) != 1 or -1 in lengths.values():
        detail = f"lengths of columns are {str(lengths)[:200]}, expected lists of one length"
        raise SourceError("broken", detail)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _checked(records: Any) -> Sequence[Record]:
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise SourceError("unknown_format", "expected columns by name, or a list of records")
    if records and not {_RUN, _FILL} & set(records[0]):
        detail = (
            f"has the fields {', '.join(map(str, records[0]))[:200]}, expected {_RUN}, or of fills "
            f"{_FILL}"
        )
        raise SourceError("unknown_format", detail)
    return records


def _lines(content: bytes) -> io.StringIO:
    try:
        return io.StringIO(content.decode())
    except UnicodeDecodeError as error:
        raise SourceError("broken", f"no text: {error}") from error
