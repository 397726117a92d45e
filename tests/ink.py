"""What is painted on a canvas of the page, counted by the browser."""

from typing import Any

__all__ = ["ink"]

_INK = """([selector, rgb]) => {
  const canvas = document.querySelector(selector);
  // What is shown in turn takes its canvas away; one that is not there has no ink.
  if (!canvas?.width || !canvas.height) return 0;
  const { width, height } = canvas;
  // By a copy: a canvas that shows bitmaps has no pixels to read.
  const copy = new OffscreenCanvas(width, height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) {
    found += rgb.every((value, c) => Math.abs(data[i + c] - value) < 12) && data[i + 3] > 200;
  }
  return found;
}"""


async def ink(page: Any, canvas: str, colour: list[int]) -> int:
    """How many pixels of a canvas, by its selector, are about of a colour (red, green, blue); 0 if
    there is none."""
    return int(await page.evaluate(_INK, [canvas, colour]))
