"""The formats of contents: name, media type, and the function that makes the bytes.

Each function is pure and may take long: routes call them on a thread (`Encoding`). Libraries are
imported by the function that needs them, so that a gateway starts without.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from dqmstream.export.about import Exported
from services.gateway.drawing import draw
from services.gateway.place import Reading
from services.gateway.state import State
from services.gateway.windows import Window

__all__ = ["FORMATS", "SERIES_FORMATS", "Format", "Sheet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """What is encoded: elements over a window; pictures also have a size in pixels."""

    readings: Sequence[Reading]
    window: Window
    width: int = 640
    height: int = 440

    def exported(self) -> list[Exported]:
        """The elements, as the library writes them."""
        return [
            Exported(
                place=each.element, contents=each.contents, about=each.about, labels=each.labels
            )
            for each in self.readings
        ]

    def states(self) -> list[State]:
        """The elements, to draw; each window says all that is known of it."""
        return [_state(each, self.window) for each in self.readings]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How contents are sent: `many` elements in one answer, or one only."""

    name: str
    media_type: str
    encode: Callable[[Sheet], bytes]
    many: bool = True
    attached: bool = False
    """Whether a browser should save it as a file."""
    weight: int = 1
    """How many times as much a cell takes as in others: so many fewer cells are encoded."""

    @property
    def header(self) -> str:
        """The Content-Type header."""
        text = self.media_type.startswith("text/") or self.media_type == "image/svg+xml"
        return f"{self.media_type}; charset=utf-8" if text else self.media_type


def _json(sheet: Sheet) -> bytes:
    contents = [{**state.header, "arrays": state.arrays} for state in sheet.states()]
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps({"contents": contents}, option=options)


def _uhi(sheet: Sheet) -> bytes:
    from dqmstream.export.uhi_json import to_uhi_document  # noqa: PLC0415 loads boost

    return orjson.dumps(to_uhi_document(sheet.exported()))


def _arrow(sheet: Sheet) -> bytes:
    from dqmstream.export.columns import arrow_stream  # noqa: PLC0415

    return arrow_stream(sheet.exported())


def _parquet(sheet: Sheet) -> bytes:
    from dqmstream.export.columns import parquet_file  # noqa: PLC0415

    return parquet_file(sheet.exported())


def _npz(sheet: Sheet) -> bytes:
    from dqmstream.export.npz import npz_file  # noqa: PLC0415

    return npz_file(sheet.exported())


def _root(sheet: Sheet) -> bytes:
    from dqmstream.export.root import root_file  # noqa: PLC0415 loads uproot

    return root_file(sheet.exported())


def _csv(sheet: Sheet) -> bytes:
    from dqmstream.export.text import csv_text  # noqa: PLC0415

    return csv_text(sheet.exported())


def _png(sheet: Sheet) -> bytes:
    from services.gateway.render import render  # noqa: PLC0415 loads Pillow

    return render(sheet.states()[0], sheet.width, sheet.height)


def _svg(sheet: Sheet) -> bytes:
    from services.gateway.render import render_svg  # noqa: PLC0415 loads Pillow

    return render_svg(sheet.states()[0], sheet.width, sheet.height)


_ALL: Final = (
    Format(name="json", media_type="application/json", encode=_json),
    Format(name="uhi", media_type="application/vnd.uhi+json", encode=_uhi),
    Format(name="arrow", media_type="application/vnd.apache.arrow.stream", encode=_arrow),
    Format(
        name="parquet",
        media_type="application/vnd.apache.parquet",
        encode=_parquet,
        attached=True,
    ),
    Format(name="npz", media_type="application/x-npz", encode=_npz, attached=True),
    Format(name="root", media_type="application/x-root", encode=_root, attached=True),
    Format(name="csv", media_type="text/csv", encode=_csv, attached=True, weight=4),
    Format(name="png", media_type="image/png", encode=_png, many=False),
    Format(name="svg", media_type="image/svg+xml", encode=_svg, many=False),
)

FORMATS: Final[Mapping[str, Format]] = {each.name: each for each in _ALL}
"""By name; the first is what a client gets that accepts everything."""

SERIES_FORMATS: Final[Mapping[str, str]] = {
    "arrow": "application/vnd.apache.arrow.stream",
    "npz": "application/x-npz",
    "npy": "application/x-npy",
    "parquet": "application/vnd.apache.parquet",
}
"""Media types of one element LS by LS, by name; the first is the default."""


def _state(reading: Reading, window: Window) -> State:
    state = draw(
        reading.element,
        reading.contents,
        labels=reading.labels,
        covered=reading.covered,
        window=window,
    )
    about = reading.about.words()
    more = {name: about[name] for name in ("late", "as_of", "replaced", "marks", "reshaped")}
    header = {**state.header, "window": {**state.header["window"], **more}}
    return State(header=header, arrays=state.arrays)
