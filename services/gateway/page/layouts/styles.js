/** Options of ROOT's `Draw`, and how the page draws what they mean. No page here. */

/**
 * Options as ROOT's painter looks for them, the longer before what they contain: `HISTE` is two of
 * them, and the letters of `TEXT` and `SAME` are none. Each with what it means here; "" is of no style.
 */
const OPTIONS = [
  [/TEXT\d*/, ""], [/SAMES?/, ""], [/AXI[SG]/, ""], [/FUNC/, ""], [/LIST/, ""], [/P[FLM]C/, ""], [/GOFF/, ""], [/NOSTACK[BP]?/, ""],
  [/MIN0/, ""], [/FIRST/, ""], [/FB/, ""], [/BB/, ""], [/PADS/, ""], [/CYL/, ""], [/POL/, ""], [/SPH/, ""], [/PSR/, ""],
  [/CANDLE[XY]?\d*/, "map"], [/VIOLIN[XY]?\d*/, "map"], [/COLZ?\d?Z?/, "map"], [/BOX\d?/, "map"], [/LEGO\d?Z?/, "map"], [/SURF\d?Z?/, "map"],
  [/CONT\d?Z?/, "map"], [/SCAT/, "map"], [/ARR/, "map"], [/TRI[1WD]?\d?/, "map"], [/HIST/, "steps"], [/H?BAR\d?/, "steps"], [/LF2/, "line"],
  [/E[0-6]?/, "points"], [/X0/, ""], [/P0?/, "points"], [/\*H?/, "points"], [/B1?/, "steps"], [/[LC]/, "line"], [/[AZHI]|\]\[|[XY][+-]?/, ""],
];

const OPTION = new RegExp(OPTIONS.map(([words]) => `(${words.source})`).join("|"), "y");

/** What wins where several are there: colours over all, then a histogram's steps, as `HIST` does over errors. */
const ORDER = ["map", "steps", "points", "line"];

/** The style of words of ROOT: `map`, `steps`, `points` or `line`; null for words that say nothing of it, or are none of ROOT's. */
export function styleOf(words) {
  const found = new Set();
  for (const word of (words ?? "").toUpperCase().split(/[\s,;]+/)) {
    const here = [];
    for (OPTION.lastIndex = 0; OPTION.lastIndex < word.length;) {
      const match = OPTION.exec(word);
      // A word that is not made of options is none: its letters mean nothing.
      if (!match) break;
      here.push(OPTIONS[match.slice(1).findIndex((part) => part !== undefined)][1]);
      if (OPTION.lastIndex === word.length) for (const style of here) found.add(style);
    }
  }
  return ORDER.find((style) => found.has(style)) ?? null;
}
