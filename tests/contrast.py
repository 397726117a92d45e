"""Whether the words of the page can be read: contrast as WCAG 2.2 measures it, by the browser."""

from typing import Any

__all__ = ["faint_words"]

_FAINT = """() => {
  const channels = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number);
    if (text.startsWith("color(")) throw new Error(`colour of another kind: ${text}`);
    return [...found.slice(0, 3), found[3] ?? 1];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const light = (colour) => {
    const straight = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((c) => straight(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none" && !at.matches("html, body")) return null;
      layers.push(channels(style.backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const LEFT_OUT = "script, style, :disabled, [aria-disabled=true], option";
  const faint = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    // What cannot be pressed may be faint, by the rule; what is not shown is not read.
    if (!node.data.trim() || element.closest(LEFT_OUT)) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const below = behind(element);
    if (!below) continue;
    looked += 1;
    const style = getComputedStyle(element);
    const [r, g, b, a] = channels(style.color);
    let shown = a;
    for (let at = element; at; at = at.parentElement) shown *= Number(getComputedStyle(at).opacity);
    const [one, two] = [light(over([r, g, b, shown], below)), light(below)].sort((x, y) => y - x);
    const ratio = (one + 0.05) / (two + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    // A sign without a letter or digit is a graphic, of which 3 is asked.
    const isSign = !/[\\p{L}\\p{N}]/u.test(node.data);
    if (ratio >= (large || isSign ? 3 : 4.5)) continue;
    const words = node.data.trim().slice(0, 40);
    const where = `${element.parentElement.className} ${element.tagName}.${element.className}`;
    faint.push(`${ratio.toFixed(2)} “${words}” in ${where}`);
  }
  return [looked, [...new Set(faint)]];
}"""


async def faint_words(page: Any) -> tuple[int, list[str]]:
    """How many texts were looked at, and those below AA: their ratio, words and element.

    AA is 4.5, and 3 for letters of 24 px, or of 18.66 px if they are bold, and for signs.
    """
    looked, faint = await page.evaluate(_FAINT)
    return int(looked), list(faint)
