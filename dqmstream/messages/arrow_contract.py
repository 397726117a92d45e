"""The body of an EventBatch, for producers in other languages: its rules, and known columns."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_documents"]

Document = Mapping[str, Any]

_CONVENTION: Final[Document] = {
    "body": "one Arrow IPC stream with exactly one record batch, whose rows are the events",
    "checksum": "header `checksum` is the CRC-32 (zlib) of the whole body",
    "columns": {
        "number or boolean": "one value per event: bool, int8-64, uint8-64, float32, float64",
        "list<struct<...>> of those": (
            "a collection with any number of objects per event; its members are addressed as "
            "`collection.member`"
        ),
        "utf8": "one text per event, for Text elements only",
    },
    "names": "identifiers: letters, digits and underscores, not beginning with a digit",
    "never": ["nulls", "dictionaries", "compressed buffers", "nested collections"],
    "rows": "as many as header `selected` says",
    "schema": "the same in every chunk of one incarnation of a source",
}


def arrow_documents() -> dict[str, Document]:
    """Name to document: the convention, and the columns of each source in this package."""
    found: dict[str, Document] = {"event-batch": _CONVENTION}
    for name, (title, columns) in _SOURCES.items():
        found[name] = {"title": title, "columns": [_column(field) for field in columns()]}
    return found


def _cms() -> "pa.Schema":
    from dqmstream.sources.cms.columns import header_schema  # noqa: PLC0415 heavy

    return header_schema(())


def _synthetic() -> "pa.Schema":
    from dqmstream.sources.synthetic.config import SyntheticConfig  # noqa: PLC0415 heavy
    from dqmstream.sources.synthetic.detector import SyntheticDetector  # noqa: PLC0415 heavy

    return SyntheticDetector(SyntheticConfig(run=1)).columns


_SOURCES: Final[Mapping[str, tuple[str, Callable[[], "pa.Schema"]]]] = {
    "source-cms": ("CMS streamer files: headers, and what is read of payloads", _cms),
    "source-synthetic": ("The synthetic detector with all its subsystems", _synthetic),
}
"""Sources whose columns are documented: file name to title and schema."""


def _column(field: "pa.Field[Any]") -> Document:
    import pyarrow as pa  # noqa: PLC0415 heavy

    if not pa.types.is_list(field.type):
        return {"name": field.name, "type": str(field.type)}
    members = [_column(member) for member in field.type.value_type]
    return {"name": field.name, "type": "list<struct>", "members": members}
