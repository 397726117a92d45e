"""Answers of a gateway, read: Arrow tables as elements and series."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.client.element import Axis, Element
from dqmstream.client.errors import GatewayError
from dqmstream.client.series import Series
from dqmstream.errors import UNDECODABLE

__all__ = ["elements_of", "series_of"]

_CELLS = ("counts", "values", "errors")


def elements_of(body: bytes) -> list[Element]:
    """The elements of a table with one row for each, in its order.

    Raises
    ------
    GatewayError
        If the body is no such table.
    """
    table, words = _table(body)
    columns = {name: table[name].combine_chunks() for name in _CELLS}
    return [
        _element(each, {name: _row(column, row) for name, column in columns.items()})
        for row, each in enumerate(words["elements"])
    ]


def series_of(body: bytes) -> Series:
    """The series of a table with one row for each LS.

    Raises
    ------
    GatewayError
        If the body is no such table.
    """
    table, words = _table(body)
    shape = tuple(words["shape"])
    cells: dict[str, NDArray[Any]] = {}
    for name in _CELLS:
        if name in table.schema.names:
            flat: Any = table[name].combine_chunks()
            cells[name] = flat.flatten().to_numpy().reshape(len(flat), *shape)
    return Series(
        path=words["path"],
        title=words["title"],
        run=words["run"],
        storage=words["storage"],
        axes=tuple(Axis.of(axis) for axis in words["axes"]),
        lumisections=table["lumisection"].to_numpy().astype(np.int64),
        closed=table["closed"].to_numpy(),
        complete=table["complete"].to_numpy(),
        cells=cells,
        about=words,
    )


def _table(body: bytes) -> tuple[pa.Table, Mapping[str, Any]]:
    try:
        table = pa.ipc.open_stream(body).read_all()
        return table, msgspec.json.decode((table.schema.metadata or {})[b"dqmstream"])
    except (pa.ArrowException, OSError, KeyError, *UNDECODABLE) as error:
        msg = f"the answer is no table of a gateway: {type(error).__name__} {error!s:.200}"
        raise GatewayError(msg) from error


def _row(column: Any, row: int) -> NDArray[Any] | None:
    cell = column[row]
    return cell.values.to_numpy() if cell.is_valid else None


def _element(words: Mapping[str, Any], cells: Mapping[str, NDArray[Any] | None]) -> Element:
    shape = tuple(words["shape"])
    return Element.of(
        words,
        about=words,
        cells={name: part.reshape(shape) for name, part in cells.items() if part is not None},
    )
