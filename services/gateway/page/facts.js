/** Numbers about one plot: entries, what fell outside, and its largest bins. No page here. */

import { axisOf, binName } from "./axes.js";
import { count, lumisections, number } from "./format.js";
import { markWords } from "./marks.js";

const LARGEST = 12;

/** Rows `[name, text, whether it should be looked at]`. */
export function facts(plot) {
  const { element, totals, window: words, problem } = plot?.header ?? {};
  if (!totals) return problem ? [["Problem", problem, true]] : [];
  const rows = [["Run", String(words.run)], ["Lumisections", words.first === 0 ? lumisections(words) : `${lumisections(words)}, ${words.lumisections} of them`]];
  if (!element.axes.length) rows.push(["Value", number(totals.value, 8)]);
  else rows.push(["Entries", count(totals.entries)]);
  rows.push(...flowRows(plot));
  if (element.axes.length) {
    rows.push(["Not a number", count(totals.nan), totals.nan > 0]);
    rows.push(["Out of range", count(totals.outside), totals.outside > 0]);
  }
  if (words.late_events) rows.push(["Late events", count(words.late_events), true]);
  if (words.marks?.length) rows.push(["Data are", markWords(words.marks).join(", "), true]);
  if (totals.invalid) rows.push(["Not filled", totals.invalid, true]);
  if (element.projected) rows.push(["Projection", "a third axis is summed over"]);
  rows.push(["Workspace", element.workspace]);
  return rows;
}

/** Under- and overflow of one axis; of two, what lies outside the map. */
function flowRows({ header: { element }, arrays }) {
  const cells = element.storage === "profile" ? arrays.entries : arrays.values;
  const axes = element.axes.map(axisOf);
  if (!cells || !axes.length) return [];
  if (axes.length === 1) {
    const over = number(cells[cells.length - 1]);
    if (!axes[0].flow) return [["Other codes", over]];
    return [["Underflow", number(cells[0])], ["Overflow", over]];
  }
  const inside = (bin, axis) => bin >= axis.flow && bin < axis.flow + axis.bins;
  let outside = 0;
  cells.forEach((value, at) => {
    const [i, j] = [Math.floor(at / element.shape[1]), at % element.shape[1]];
    if (!inside(i, axes[0]) || !inside(j, axes[1])) outside += value;
  });
  return [["Beyond the axes", number(outside)]];
}

/** The highest bins `[name, value]` of an element whose bins have names. */
export function largestBins(plot) {
  const { element } = plot?.header ?? {};
  if (!element || element.axes.length !== 1) return [];
  const axis = axisOf(element.axes[0]);
  const { values } = plot.arrays;
  if (!axis.names || !values) return [];
  const bins = Array.from({ length: axis.bins }, (_, bin) => [values[bin + axis.flow], bin]);
  return bins
    .filter(([value]) => value > 0)
    .sort((a, b) => b[0] - a[0])
    .slice(0, LARGEST)
    .map(([value, bin]) => [binName(axis, bin), number(value)]);
}
