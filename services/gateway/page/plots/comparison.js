/** Data against what is drawn over them, cell by cell: ratios, pulls, differences. No canvas here. */

import { errorsOf } from "./layers.js";

/** Ways to compare: title, the value of agreement, and the formula as it is told. */
export const WAYS = {
  ratio: {
    title: "ratio", centre: 1,
    formula: "r = data / other; error √(σ²data + r² σ²other) / other, both being independent",
  },
  pull: {
    title: "pull", centre: 0,
    formula: "(data − s·other) / √(s (data + other)) of counts, s the scale: normalised residuals of two "
      + "histograms of one distribution; of means (data − other) / √(σ²data + σ²other)",
  },
  difference: {
    title: "difference", centre: 0,
    formula: "data − other; error √(σ²data + σ²other)",
  },
};

/**
 * `{values, errors}` of all cells of a plot against a layer; NaN where there is nothing to be said.
 *
 * Pulls of counts are those of R. A. Fisher's chi2 of homogeneity (N. Gagunashvili, 2006, eq. 3): the
 * variance is that of a common rate, so that a bin without data has a pull, too.
 */
export function compared(plot, layer, way) {
  const { element } = plot.header;
  const data = plot.arrays.values;
  const spread = errorsOf(element, plot.arrays);
  const [values, errors] = [new Float64Array(data.length), new Float64Array(data.length)];
  for (let at = 0; at < data.length; at += 1) {
    const [a, b, sa, sb] = [data[at], layer.values[at], finite(spread[at]), finite(layer.errors[at])];
    if (way === "ratio") {
      values[at] = b ? a / b : NaN;
      errors[at] = b ? Math.sqrt(sa ** 2 + (values[at] * sb) ** 2) / Math.abs(b) : NaN;
    } else if (way === "difference") {
      values[at] = a || b ? a - b : element.storage === "profile" ? a - b : NaN;
      errors[at] = Math.hypot(sa, sb);
    } else {
      const variance = element.storage === "count" ? layer.factor * (a + b / layer.factor) : sa ** 2 + sb ** 2;
      values[at] = variance > 0 ? (a - b) / Math.sqrt(variance) : NaN;
      errors[at] = NaN;
    }
  }
  return { values, errors: way === "pull" ? null : errors };
}

const finite = (value) => (Number.isFinite(value) ? value : 0);

/** From where to where compared values are shown: what is usual, with agreement inside. */
export function reachOf(values, way) {
  const known = Float64Array.from(values.filter(Number.isFinite)).sort();
  const at = (share) => known[Math.min(known.length - 1, Math.max(0, Math.floor(known.length * share)))];
  if (!known.length) return way === "ratio" ? [0.5, 1.5] : [-3, 3];
  const [low, high] = [at(0.02), at(0.98)];
  if (way === "ratio") return [Math.max(0, Math.min(0.5, low - 0.1)), Math.min(4, Math.max(1.5, high + 0.1))];
  const most = Math.max(Math.abs(low), Math.abs(high)) * 1.15;
  const wide = way === "pull" ? Math.min(12, Math.max(3.5, most)) : most || 1;
  return [-wide, wide];
}
