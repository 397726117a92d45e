/** What a cell of a layout says, as parts of the address of its plot when it is large. No page here. */

import { OFF } from "../plots/references.js";

/**
 * Parts of the address that draw an element large as the cell does: reference and scale, logarithms, ranges
 * of axes and the box of statistics. The range of a curve's contents and what else lies over it have none.
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
