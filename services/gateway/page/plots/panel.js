/** The panel below a plot: its ratio, pull or difference to what is drawn over it. */

import { axisOf, scale } from "../axes.js";
import { drawVertical, frame, sheet, sizes, stroke } from "../canvas.js";
import { INK } from "../colours.js";
import { number } from "../format.js";
import { drawPlot } from "../plot.js";
import { WAYS, compared, reachOf } from "./comparison.js";

const SIZE = { ...sizes(true), font: 10 };

/**
 * Draw the panel of a curve, below it and as wide as it.
 *
 * @param above what `drawPlot` returned for the curve
 * @param layers at least one
 * @returns `{text, box}` by pixels, as `drawPlot`
 */
export function drawPanel(canvas, plot, layers, way, above) {
  const { pen, height } = sheet(canvas);
  const { x, frame: { left, width }, axes: [axis] } = above;
  const rows = layers.map((layer) => ({ ...layer, ...compared(plot, layer, way) }));
  const [low, high] = reachOf(rows.flatMap((row) => told(row, axis)), way);
  const box = { left, width, top: 6, height: height - 12, floor: height };
  const y = scale(low, high, box.top + box.height, box.top);
  drawVertical(pen, y, box, SIZE, { title: WAYS[way].title });
  stroke(pen, INK.muted, [[left, y.at(WAYS[way].centre)], [left + width, y.at(WAYS[way].centre)]], 1.2);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  // Of one layer the points have the colour of the data; of several each has its own.
  for (const row of rows) drawRow(pen, axis, row, x, y, box, rows.length > 1 ? row.colour : INK.line);
  pen.restore();
  frame(pen, box);
  return (px, py) => {
    const bin = axis.edges.findLastIndex((edge) => edge <= x.value(px));
    if (bin < 0 || bin >= axis.bins || py < box.top || py > box.top + box.height) return null;
    const words = rows.map(({ label, values, errors }) => {
      const at = bin + axis.flow;
      const spread = errors && Number.isFinite(errors[at]) ? ` ± ${number(errors[at], 3)}` : "";
      return `${WAYS[way].title} to ${label}: ${number(values[at])}${spread}`;
    });
    const start = x.at(axis.edges[bin]);
    return { text: words.join("\n"), box: { left: start, top: box.top, width: x.at(axis.edges[bin + 1]) - start, height: box.height } };
  };
}

/** Values of bins that say something: a ratio known to half of itself or worse sets no scale. */
function told({ values, errors }, { flow, bins }) {
  return [...values.subarray(flow, flow + bins)].filter((value, bin) => !errors || errors[bin + flow] < Math.abs(value) / 2);
}

function drawRow(pen, axis, { values, errors }, x, y, box, colour) {
  const radius = Math.max(1.1, Math.min(3, box.width / axis.bins / 3));
  const bars = new Path2D();
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  for (let bin = 0; bin < axis.bins; bin += 1) {
    const value = values[bin + axis.flow];
    if (!Number.isFinite(value)) continue;
    const px = (x.at(axis.edges[bin]) + x.at(axis.edges[bin + 1])) / 2;
    const beyond = value > y.high ? 1 : value < y.low ? -1 : 0;
    if (beyond) drawArrow(pen, px, beyond > 0 ? box.top + 1 : box.top + box.height - 1, beyond);
    else {
      pen.beginPath();
      pen.arc(px, y.at(value), radius, 0, 7);
      pen.fill();
    }
    const error = errors?.[bin + axis.flow];
    if (!(error > 0) || box.width / axis.bins < 2.5) continue;
    bars.moveTo(px, y.at(value - error));
    bars.lineTo(px, y.at(value + error));
  }
  pen.lineWidth = 1;
  pen.stroke(bars);
}

/** What lies beyond the panel: an arrow at its edge. */
function drawArrow(pen, x, y, way) {
  pen.beginPath();
  pen.moveTo(x - 4, y + 6 * way);
  pen.lineTo(x + 4, y + 6 * way);
  pen.lineTo(x, y);
  pen.fill();
}

/** Draw the same of a map: a map of its own, of one layer. */
export function drawPanelMap(canvas, plot, layer, way, ranges) {
  const { values, errors } = compared(plot, layer, way);
  const shift = WAYS[way].centre;
  const element = {
    ...plot.header.element, storage: "profile", draw: { ...plot.header.element.draw, style: "map", log_z: false },
    value_axis: shift ? `${WAYS[way].title} − ${shift}` : WAYS[way].title,
  };
  const moved = shift ? values.map((value) => value - shift) : values;
  const [low, high] = reachOf(innerOf(element, values), way);
  const most = Math.max(high - shift, shift - low);
  const arrays = { values: moved, errors: errors ?? undefined, entries: undefined };
  return drawPlot(canvas, { header: { ...plot.header, element }, arrays, colours: { low: -most, high: most } }, { large: true, ranges });
}

/** Cells without flow. */
export function innerOf({ axes, shape }, values) {
  const [across, up] = axes.map(axisOf);
  if (!up) return values.subarray(across.flow, across.flow + across.bins);
  const inner = (at) => {
    const [i, j] = [Math.floor(at / shape[1]) - across.flow, (at % shape[1]) - up.flow];
    return i >= 0 && i < across.bins && j >= 0 && j < up.bins;
  };
  return values.filter((_, at) => inner(at));
}
