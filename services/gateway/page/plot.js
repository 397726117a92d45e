/** One element on a canvas, whatever its kind. */

import { axisOf, withoutSpare } from "./axes.js";
import { say, sheet, wrapped, write } from "./canvas.js";
import { INK } from "./colours.js";
import { drawCurve } from "./curve.js";
import { number } from "./format.js";
import { drawMap } from "./heatmap.js";
import { markWords } from "./marks.js";
import { cropped } from "./plots/shapes.js";

const NOTHING = () => null;

/**
 * Draw contents as the feed keeps them.
 *
 * @param plot `{header: {element, window, totals, problem}, arrays}`; null before any came
 * @param bad channels to mark: `[{bins, content, label}]`
 * @param layers what is drawn over one axis, as `plots/layers.js` makes it
 * @param ranges of the axes that are shown, `[low, high]` or null for each; all of them by default
 * @param draw hints in place of the booked ones, as `{log_y: true}`
 * @returns a function from a pixel to `{text, box}` of what is there, or null; where something is
 *   drawn over axes its `x` (`y`) and `frame` are the scales and the box
 */
export function drawPlot(canvas, plot, { bad = [], large = false, layers = [], ranges = [], draw = {} } = {}) {
  const paper = sheet(canvas);
  const { pen, width, height } = paper;
  if (width < 40 || height < 30) return NOTHING;
  const { totals, problem } = plot?.header ?? {};
  const element = plot?.header.element && { ...plot.header.element, draw: { ...plot.header.element.draw, ...draw } };
  const why = problem || totals?.invalid;
  if (!plot || why || !totals) {
    say(pen, why || "waiting for contents", width, height, large);
    return NOTHING;
  }
  if (!element.axes.length) {
    writeValue(pen, totals.value, width, height, large);
    return NOTHING;
  }
  const axes = axesOf(element, plot.arrays).map((axis, which) => cropped(axis, ranges[which]));
  const drawing = { element, axes, arrays: plot.arrays, bad: within(bad, axes), large, layers, colours: plot.colours };
  return element.axes.length === 1 ? drawCurve(paper, drawing) : drawMap(paper, drawing);
}

function axesOf({ axes, shape }, { values, entries }) {
  const cells = entries ?? values;
  const row = shape[1] ?? 1;
  return axes.map(axisOf).map((axis, which) => withoutSpare(axis, (bin) => {
    const at = bin + axis.flow;
    if (which === 0) return cells.subarray(at * row, (at + 1) * row).every((value) => value === 0);
    for (let i = at; i < cells.length; i += row) if (cells[i] !== 0) return false;
    return true;
  }));
}

/** Channels by the bins that are shown; those of none are left out. */
function within(bad, axes) {
  const shown = bad.map((channel) => ({ ...channel, bins: channel.bins.map((bin, which) => bin - (axes[which]?.first ?? 0)) }));
  return shown.filter(({ bins }) => axes.every((axis, which) => bins[which] === undefined || (bins[which] >= 0 && bins[which] < axis.bins)));
}

function writeValue(pen, value, width, height, large) {
  if (typeof value === "string") {
    writeText(pen, value, width, height, large);
    return;
  }
  const text = number(value, 6);
  const size = Math.min(large ? 88 : 38, (width - 20) / (text.length * 0.56));
  write(pen, text, width / 2, height / 2, { size, colour: INK.text, base: "middle", weight: 600 });
}

/** A text in as large letters as all of it has room for, down to those that can just be read. */
function writeText(pen, text, width, height, large) {
  const smallest = large ? 13 : 11;
  let [size, lines] = [large ? 30 : 22, []];
  for (; size >= smallest; size -= 1) {
    const most = Math.max(1, Math.floor((height - 8) / (size * 1.35)));
    lines = wrapped(pen, text, size, width - 20, size > smallest ? most + 1 : most);
    if (lines.length <= most) break;
  }
  const top = (height - (lines.length - 1) * size * 1.35) / 2;
  lines.forEach((line, i) => {
    write(pen, line, width / 2, top + i * size * 1.35, { size, colour: INK.text, base: "middle", weight: 400 });
  });
}

/** What a plot shows, in words: for those who cannot see it. */
export function describePlot(plot) {
  if (!plot?.header.element) return "no contents yet";
  const { element, totals, problem, window } = plot.header;
  if (problem || !totals) return `${element.title}: ${problem || "no contents yet"}`;
  const what = element.axes.length ? `${number(totals.entries)} entries` : `value ${number(totals.value)}`;
  return `${element.title}: ${what}, ${[`run ${window.run}`, `LS ${window.first} to ${window.last}`, ...markWords(window.marks)].join(", ")}`;
}
