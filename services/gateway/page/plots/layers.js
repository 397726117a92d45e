/** Contents that are drawn over others: whether they can be, and what they are multiplied by. No canvas here. */

import { axisOf } from "../axes.js";

/** Colours of what is drawn over data, and the dashes that tell them apart without colour. */
const STROKES = [
  { colour: "#f2f5f9", dash: [6, 3] }, { colour: "#f59ac4", dash: [2, 2] }, { colour: "#8fdc8a", dash: [9, 3, 2, 3] },
  { colour: "#c7a6ff", dash: [4, 4] }, { colour: "#ffcf7d", dash: [12, 4] }, { colour: "#6fe0e3", dash: [1, 3] },
  { colour: "#ff9c7a", dash: [6, 2, 2, 2, 2, 2] }, { colour: "#b9c4d0", dash: [14, 3, 3, 3] },
];

/** The stroke of the n-th thing drawn over data; a reference has that of 0. */
const strokeOf = (n) => STROKES[n % STROKES.length];

/** What decides whether bins of two elements are the same. */
function shapeOf({ axes, storage, shape }) {
  const words = axes.map(({ type, bins, edges, lower, upper, codes }) => [type, bins, edges, lower, upper, codes]);
  return JSON.stringify([storage, shape, words]);
}

/** Whether two elements have the same bins, so that one can be drawn over the other. */
export const isLike = (element, other) => shapeOf(element) === shapeOf(other);

/** Whether contents of an element depend on how much data they are of: else they are never scaled. */
export const isScaled = ({ storage, draw }) => storage !== "profile" && !draw.efficiency;

/** Entries, or sum of weights, without flow. */
export function amountOf({ axes, shape }, { values }) {
  const inner = axes.map(axisOf);
  let sum = 0;
  if (inner.length === 1) {
    for (let bin = 0; bin < inner[0].bins; bin += 1) sum += values[bin + inner[0].flow];
    return sum;
  }
  for (let i = 0; i < inner[0].bins; i += 1) {
    const row = (i + inner[0].flow) * shape[1] + inner[1].flow;
    for (let j = 0; j < inner[1].bins; j += 1) sum += values[row + j];
  }
  return sum;
}

/** Standard errors of cells: of counts their roots. */
export function errorsOf({ storage }, arrays) {
  return storage === "count" ? Float64Array.from(arrays.values, Math.sqrt) : arrays.errors;
}

/**
 * What contents are multiplied by to be those expected of a plot, or why that is not known.
 *
 * @param norm entries, lumisections, luminosity or none; the luminosity's is what the gateway says
 * @param scale of the gateway; null for none
 */
function factorOf(plot, other, norm, scale = null) {
  const { element, window: words } = plot.header;
  if (!isScaled(element) || norm === "none") return { factor: 1 };
  if (norm === "luminosity") return scale > 0 ? { factor: scale } : { why: "luminosity is not known" };
  const [mine, theirs] = norm === "entries"
    ? [amountOf(element, plot.arrays), amountOf(element, other.arrays)]
    : [words.lumisections, other.header.window.lumisections];
  if (!(theirs > 0)) return { why: norm === "entries" ? "has no entries to scale by" : "has no LSs to scale by" };
  return { factor: mine > 0 ? mine / theirs : 1 };
}

/**
 * Contents to be drawn over a plot: `{label, colour, dash, factor, values, errors, entries}`, cells as
 * those of the plot; `{label, why}` if they cannot be.
 */
export function layerOf(plot, other, { label, norm = "entries", scale = null, stroke = 0 }) {
  const { element } = plot.header;
  const theirs = other.header.element;
  if (!theirs || !other.arrays.values) return { label, why: other.header.problem || "has no contents" };
  if (!isLike(element, theirs)) return { label, why: "has other bins" };
  const arrays = byName(element, theirs, other.arrays);
  const { factor, why } = factorOf(plot, { ...other, arrays }, norm, scale);
  if (why) return { label, why };
  const times = (cells) => (factor === 1 ? cells : Float64Array.from(cells, (value) => value * factor));
  return {
    label, factor, ...strokeOf(stroke), values: times(arrays.values),
    errors: times(errorsOf(element, arrays)), entries: arrays.entries,
  };
}

/** Cells in the order of the element's names, where both runs name bins and name them otherwise: a menu. */
function byName({ axes }, { axes: other }, arrays) {
  const [mine, theirs] = [axes[0]?.labels, other[0]?.labels];
  if (axes.length !== 1 || !mine?.length || !theirs?.length) return arrays;
  if (mine.every((name, bin) => name === theirs[bin])) return arrays;
  const { flow } = axisOf(axes[0]);
  const place = new Map(theirs.map((name, bin) => [name, bin + flow]));
  const ordered = (cells) => Float64Array.from(cells, (value, at) => {
    const name = mine[at - flow];
    return name === undefined ? value : cells[place.get(name)] ?? NaN;
  });
  return Object.fromEntries(Object.entries(arrays).map(([name, cells]) => [name, ordered(cells)]));
}

/** Layers one on the other, each with all before it: for counts. The highest is first, to be drawn first. */
export function stacked(plot, layers) {
  let below = plot.arrays.values;
  const sums = layers.map((layer) => {
    below = Float64Array.from(layer.values, (value, at) => value + below[at]);
    return { ...layer, values: below, errors: null, filled: true };
  });
  return sums.reverse();
}
