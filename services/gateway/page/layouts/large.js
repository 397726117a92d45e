/** What a layout says of its plots when they are large: which there are in their order, and how their cells draw them. No page here. */

import { OFF } from "../plots/references.js";

/**
 * Parts of the address that draw an element large as the cell does: reference and scale, logarithms, ranges
 * of axes and the box of statistics. What has no part there is read from the layout (`opened.js`).
 *
 * @param element as booked; null if the run does not book it
 * @param ref of the address: who has switched references off wants none here either
 */
export function largeParts({ draw, reference }, element, ref) {
  const parts = {};
  const chosen = { none: OFF, catalogue: reference.name, run: `run:${reference.run}` }[reference.choice];
  if (chosen && ref !== OFF) parts.ref = chosen;
  if (draw.normalise !== null) parts.norm = draw.normalise;
  if (draw.stats !== null) parts.box = draw.stats ? "on" : "off";
  if (!element?.axes?.length) return parts;
  const switched = ["x", "y", "z"].filter((axis) => draw[`log_${axis}`] !== null && draw[`log_${axis}`] !== Boolean(element.draw[`log_${axis}`]));
  if (switched.length) parts.log = switched.join("");
  // Of a trend the ranges are those of LSs and of what is shown of them: the large plot has neither.
  const ranges = element.draw.per_lumisection ? [] : [draw.x_range, element.axes.length > 1 ? draw.y_range : null];
  const zoom = ranges.map((range) => (range ? range.join(":") : "")).join(",").replace(/,+$/, "");
  if (zoom) parts.zoom = zoom;
  return parts;
}

/** What stands in an address for a cell, by its place in the tab: its number; nothing for the first that has the path. */
export function cellWord(cells, at, path) {
  return cells.findIndex(({ paths }) => paths.includes(path)) === at ? "" : String(at + 1);
}

/** The plots of cells in their order, `{path, cell, word}`; `word` is `cellWord`'s. Only those that are booked. */
export function stepsOf(cells, isBooked) {
  return cells.flatMap((cell, at) => cell.paths.filter(isBooked).map((path) => ({ path, cell, word: cellWord(cells, at, path) })));
}

/** The place of the plot that an address names; the first of its path if no cell is named, or it is not there; -1 for none. */
export function stepAt(steps, path, word) {
  const named = steps.findIndex((step) => step.path === path && step.word === word);
  return named < 0 ? steps.findIndex((step) => step.path === path) : named;
}
