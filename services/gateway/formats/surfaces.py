"""What plots are painted on: pixels (PNG) or lines (SVG), with the same few strokes.

Positions are pixels from the upper left. Anchors are Pillow's: l, m, r (left, middle, right), then
a, m, d (upper edge, middle, lower edge of the text).
"""

import base64
import io
from functools import cache
from typing import Final, Protocol
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from services.gateway.palette import BACKGROUND, INK

__all__ = ["Colour", "PixelSurface", "Surface", "VectorSurface"]

Colour = tuple[int, int, int]

_HORIZONTAL: Final = {"l": "start", "m": "middle", "r": "end"}
_BASELINE: Final = {"a": 0.93, "m": 0.35, "d": -0.24}
"""Where the baseline lies below an anchor, in heights of the font (DejaVu Sans)."""

_CONTROLS: Final = {code: None for code in range(32) if code not in {9, 10, 13}}


class Surface(Protocol):
    """Where a plot is painted."""

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        size: int = 11,
        anchor: str = "la",
        colour: Colour = INK,
    ) -> None:
        """Words at a place."""
        ...

    def line(self, ends: tuple[float, float, float, float], colour: Colour, width: int = 1) -> None:
        """A straight line."""
        ...

    def box(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        """A filled rectangle: left, top, right, bottom."""
        ...

    def frame(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        """The outline of a rectangle."""
        ...

    def picture(self, at: tuple[int, int], pixels: NDArray[np.uint8]) -> None:
        """Pixels uint8[height, width, 3] at their left upper corner."""
        ...

    def finished(self) -> bytes:
        """The file."""
        ...


class PixelSurface:
    """A PNG."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self._image)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        size: int = 11,
        anchor: str = "la",
        colour: Colour = INK,
    ) -> None:
        self._draw.text(at, text, fill=colour, font=_font(size), anchor=anchor)

    def line(self, ends: tuple[float, float, float, float], colour: Colour, width: int = 1) -> None:
        self._draw.line(ends, fill=colour, width=width)

    def box(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        self._draw.rectangle(edges, fill=colour)

    def frame(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        self._draw.rectangle(edges, outline=colour)

    def picture(self, at: tuple[int, int], pixels: NDArray[np.uint8]) -> None:
        self._image.paste(Image.fromarray(pixels), at)

    def finished(self) -> bytes:
        out = io.BytesIO()
        self._image.save(out, "PNG")
        return out.getvalue()


class VectorSurface:
    """An SVG. Pictures in it are PNGs; nothing in it is fetched, and no style sheet is needed.

    Parameters
    ----------
    title, about
        What screen readers say, and a text for programs (JSON).
    """

    def __init__(self, width: int, height: int, *, title: str, about: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" '
            'font-family="DejaVu Sans, Verdana, sans-serif">',
            f"<title>{_plain(title)}</title>",
            f"<metadata>{_plain(about)}</metadata>",
            f'<rect width="{width}" height="{height}" fill="{_hex(BACKGROUND)}"/>',
        ]

    def text(
        self,
        at: tuple[float, float],
        text: str,
        *,
        size: int = 11,
        anchor: str = "la",
        colour: Colour = INK,
    ) -> None:
        x, y = at[0], at[1] + _BASELINE[anchor[1]] * size
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" fill="{_hex(colour)}" '
            f'text-anchor="{_HORIZONTAL[anchor[0]]}" xml:space="preserve">{_plain(text)}</text>'
        )

    def line(self, ends: tuple[float, float, float, float], colour: Colour, width: int = 1) -> None:
        x1, y1, x2, y2 = ends
        self._parts.append(
            f'<path d="M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}" stroke="{_hex(colour)}" '
            f'stroke-width="{width}"/>'
        )

    def box(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        self._parts.append(f'<rect {_corners(edges)} fill="{_hex(colour)}"/>')

    def frame(self, edges: tuple[float, float, float, float], colour: Colour) -> None:
        self._parts.append(f'<rect {_corners(edges)} fill="none" stroke="{_hex(colour)}"/>')

    def picture(self, at: tuple[int, int], pixels: NDArray[np.uint8]) -> None:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        height, width = pixels.shape[:2]
        source = base64.b64encode(out.getvalue()).decode()
        self._parts.append(
            f'<image x="{at[0]}" y="{at[1]}" width="{width}" height="{height}" '
            f'href="data:image/png;base64,{source}"/>'
        )

    def finished(self) -> bytes:
        return "".join([*self._parts, "</svg>"]).encode()


def _corners(edges: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = edges
    width, height = right - left, bottom - top
    return f'x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{height:.2f}"'


def _plain(text: str) -> str:
    """Text without what XML gives a meaning, or forbids."""
    return escape(text.translate(_CONTROLS).encode("utf-8", "replace").decode())


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """DejaVu Sans as browsers use it, where it is there: it has the letters of units."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)
