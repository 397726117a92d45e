/** Axes: bins of MonitorElements, scales to pixels, and ticks. No canvas here. */

import { brief, number, superscript } from "./format.js";

/**
 * An axis of an element, ready to be drawn.
 *
 * `edges` are bins + 1 numbers; integers have their bin from half below to half above; categories
 * are drawn side by side. `flow` is where the first bin lies in the cells: after the underflow,
 * which categories do not have. `names` are the bins' labels, null if they are numbers.
 */
export function axisOf(description) {
  const { type, bins, label, unit, labels } = description;
  const title = unit ? `${label} [${unit}]` : label;
  const discrete = type === "integer" || type === "category";
  let names = labels?.length ? labels : null;
  if (type === "category") names ??= description.codes.map(String);
  return { type, bins, title, unit, flow: type === "category" ? 0 : 1, names, edges: edgesOf(description), discrete };
}

function edgesOf({ type, bins, edges, lower, upper }) {
  switch (type) {
    case "variable":
      return Float64Array.from(edges);
    case "category":
      return even(bins, -0.5, bins - 0.5);
    case "integer":
      return even(bins, lower - 0.5, upper - 0.5);
    default:
      return even(bins, lower, upper);
  }
}

function even(bins, lower, upper) {
  return Float64Array.from({ length: bins + 1 }, (_, i) => lower + ((upper - lower) * i) / bins);
}

/**
 * An axis without the bins at its end that have no name of their own: a workspace books as many
 * as there may ever be, a run names those it has. `isEmpty(bin)` keeps what holds something.
 */
export function withoutSpare(axis, isEmpty) {
  if (!axis.names || !axis.discrete) return axis;
  let { bins } = axis;
  const isSpare = (bin) => axis.names[bin] === String((axis.edges[bin] + axis.edges[bin + 1]) / 2) && isEmpty(bin);
  while (bins > 0 && isSpare(bins - 1)) bins -= 1;
  if (bins === 0 || bins === axis.bins) return axis;
  return { ...axis, bins, names: axis.names.slice(0, bins), edges: axis.edges.subarray(0, bins + 1) };
}

/** What a bin is called: its label, its integer, or its range with the unit. */
export function binName(axis, bin) {
  if (axis.names) return axis.names[bin] ?? String(bin);
  if (axis.discrete) return number((axis.edges[bin] + axis.edges[bin + 1]) / 2);
  const unit = axis.unit ? ` ${axis.unit}` : "";
  return `${number(axis.edges[bin])} to ${number(axis.edges[bin + 1])}${unit}`;
}

/** The bin that holds a value; -1 outside. */
export function binAt(axis, value) {
  const { edges, bins } = axis;
  if (!(value >= edges[0] && value < edges[bins])) return -1;
  let low = 0;
  let high = bins;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** A scale from [low, high] to pixels [from, to]; a logarithmic one needs low above 0. */
export function scale(low, high, from, to, log = false) {
  const map = log ? Math.log10 : (value) => value;
  const [a, b] = [map(low), map(high)];
  const slope = (to - from) / (b - a || 1);
  return {
    low, high, from, to, log,
    at: (value) => from + (map(value) - a) * slope,
    value: (pixel) => (log ? 10 ** (a + (pixel - from) / slope) : a + (pixel - from) / slope),
  };
}

/** The lowest value above 0, where a log axis may begin; null if there is none. */
export function lowestPositive(values) {
  let lowest = Infinity;
  for (const value of values) if (value > 0 && value < lowest) lowest = value;
  return lowest === Infinity ? null : lowest;
}

/**
 * Ticks `{value, text}` of a scale, about so many; minor ones of log scales have no text.
 *
 * @param whole whether only integers may have one
 */
export function ticks(of, about, whole = false) {
  return of.log ? logTicks(of, about) : linearTicks(of, about, whole);
}

function linearTicks({ low, high }, about, whole = false) {
  const step = Math.max(whole ? 1 : 0, niceStep((high - low) / Math.max(1, about)));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) {
    const value = Number((k * step).toPrecision(12));
    found.push({ value, text: brief(value) });
  }
  return found;
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const factor = rough / power;
  return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

function logTicks({ low, high }, about) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  if (last - first <= 1 && high / low < 8) return linearTicks({ low, high }, about);
  const every = Math.max(1, Math.ceil((last - first) / about));
  const found = [];
  for (let power = first; power <= last; power += 1) {
    for (let digit = 1; digit < 10; digit += 1) {
      const value = digit * 10 ** power;
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      const named = digit === 1 && power % every === 0;
      if (digit === 1 || every === 1) found.push({ value, text: named ? powerText(power) : "" });
    }
  }
  return found;
}

function powerText(power) {
  return power >= 0 && power <= 3 ? String(10 ** power) : `10${superscript(power)}`;
}
