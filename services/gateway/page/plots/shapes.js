/** Parts of elements: bins within a range, projections, statistics of bins. No canvas here. */

import { axisOf } from "../axes.js";

/** An axis with only the bins that lie in [low, high], whole bins; itself if that is all or none. */
export function cropped(axis, range) {
  if (!range) return axis;
  const [low, high] = range;
  let [first, end] = [0, axis.bins];
  while (first < end - 1 && axis.edges[first + 1] <= low) first += 1;
  while (end > first + 1 && axis.edges[end - 1] >= high) end -= 1;
  if (first === 0 && end === axis.bins) return axis;
  return {
    ...axis, bins: end - first, flow: axis.flow + first, first,
    names: axis.names?.slice(first, end) ?? null, edges: axis.edges.subarray(first, end + 1),
  };
}

/** `a:b` or `a:b,c:d` of an address as ranges of axes; null for what is none. */
export function rangesOf(word) {
  return (word || "").split(",").map((part) => {
    const ends = part.split(":").map(Number);
    return part && ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : null;
  });
}

/**
 * A plot of two axes as one of the first (`x`) or second (`y`), the other summed over, flow and all.
 *
 * Sums of weights add, their errors in squares. Means of bins are put together from their entries
 * and variances: of a bin of n entries with mean m and error e the sum of squares is n (m² + (n - 1) e²).
 */
export function projected(plot, word) {
  const { element } = plot?.header ?? {};
  const keep = { x: 0, y: 1 }[word];
  if (keep === undefined || element?.axes.length !== 2) return plot;
  const [rows, row] = element.shape;
  const size = element.shape[keep];
  const { values, errors, entries } = plot.arrays;
  if (!values) return plot;
  const [sums, squares, many] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < row; j += 1) {
      const [from, to] = [i * row + j, keep ? j : i];
      if (entries) {
        const n = entries[from];
        if (!n) continue;
        const spread = Number.isFinite(errors[from]) ? errors[from] : 0;
        many[to] += n;
        sums[to] += n * values[from];
        squares[to] += n * (values[from] ** 2 + (n - 1) * spread ** 2);
      } else {
        sums[to] += values[from];
        if (errors) squares[to] += errors[from] ** 2;
      }
    }
  }
  const arrays = { values: sums };
  if (entries) {
    arrays.entries = many;
    arrays.values = sums.map((sum, at) => (many[at] ? sum / many[at] : NaN));
    arrays.errors = arrays.values.map((mean, at) => (many[at] > 1 ? Math.sqrt(Math.max(0, squares[at] / many[at] - mean ** 2) / (many[at] - 1)) : NaN));
  } else if (errors) arrays.errors = squares.map(Math.sqrt);
  const draw = { ...element.draw, log_y: element.draw.log_z, log_x: keep ? element.draw.log_y : element.draw.log_x };
  const flat = { ...element, axes: [element.axes[keep]], shape: [size], draw };
  return { ...plot, header: { ...plot.header, element: flat }, arrays };
}

/**
 * Rows `[name, value]` of a statistics box. Mean and standard deviation of an axis are of the centres
 * of bins without flow, weighted with contents, as ROOT's of a histogram that was read from a file;
 * of categories there is none.
 */
export function statistics(plot) {
  const { element, totals } = plot?.header ?? {};
  if (!element?.axes.length || !totals) return [];
  const axes = element.axes.map(axisOf);
  const cells = plot.arrays.entries ?? plot.arrays.values;
  const rows = [["Entries", totals.entries]];
  axes.forEach((axis, which) => {
    if (axis.type === "category" || axis.names) return;
    const held = Float64Array.from({ length: axis.bins }, (_, bin) => slice(cells, element.shape, axes, which, bin));
    const sum = held.reduce((a, b) => a + b, 0);
    if (!(sum > 0)) return;
    const centre = (bin) => (axis.edges[bin] + axis.edges[bin + 1]) / 2;
    const mean = held.reduce((a, value, bin) => a + value * centre(bin), 0) / sum;
    const variance = held.reduce((a, value, bin) => a + value * (centre(bin) - mean) ** 2, 0) / sum;
    const name = axes.length > 1 ? ` ${"xy"[which]}` : "";
    rows.push([`Mean${name}`, mean], [`Std dev${name}`, Math.sqrt(Math.max(0, variance))]);
  });
  if (axes.length === 1 && axes[0].flow) {
    rows.push(["Underflow", cells[0]], ["Overflow", cells[cells.length - 1]]);
  }
  return rows;
}

/** Contents of one bin of an axis, over the inner bins of the other. */
function slice(cells, shape, axes, which, bin) {
  if (axes.length === 1) return cells[bin + axes[0].flow];
  const other = axes[1 - which];
  let sum = 0;
  for (let k = 0; k < other.bins; k += 1) {
    const [i, j] = which ? [k + other.flow, bin + axes[1].flow] : [bin + axes[0].flow, k + other.flow];
    sum += cells[i * shape[1] + j];
  }
  return sum;
}
