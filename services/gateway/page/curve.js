/** One-dimensional elements: bars and steps of counts, points with errors of means. */

import { binAt, binName, lowestPositive, scale } from "./axes.js";
import { drawHorizontal, drawVertical, frame, roomForNames, roomForNumbers, sizes } from "./canvas.js";
import { INK } from "./colours.js";
import { number } from "./format.js";
import { drawFilled, drawFit, drawNames, drawOver } from "./plots/over.js";

/**
 * Draw counts, sums of weights or means over one axis.
 *
 * @param layers what is drawn over it, as `plots/layers.js` makes it
 * @returns a function from a pixel to `{text, box}` of the bin there, or null; its `x` and `frame` are
 *   the scale and the box of the drawing
 */
export function drawCurve({ pen, width, height }, { element, axes, arrays, bad, large, layers = [] }) {
  const [axis] = axes;
  const size = sizes(large);
  const bins = inBins(arrays, axis);
  const beside = layers.filter(({ curve }) => !curve).map((layer) => ({ ...layer, ...inBins(layer, axis) }));
  // What is hidden has room, so that two plots have one scale; it is not drawn.
  const over = beside.filter(({ hidden }) => !hidden);
  const bottom = roomForNames(axis, width - size.left - size.right, height, size);
  const upright = { top: size.top, height: height - size.top - bottom, floor: height };
  const y = vertical([bins, ...beside], element, upright);
  const left = roomForNumbers(pen, y, size);
  const box = { ...upright, left, width: width - left - size.right };
  const x = horizontal(axis, element.draw.log_x, box);
  drawVertical(pen, y, box, size, { title: element.value_axis });
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  mark(pen, axis, bad, x, box);
  const style = styleOf(element, axis);
  drawFilled(pen, axis, over, x, y, box);
  if (style === "points" || style === "line") drawPoints(pen, axis, bins, x, y, box, style);
  else drawSteps(pen, axis, bins, x, y, box, style);
  drawOver(pen, axis, over, x, y, box, style);
  for (const { curve, colour } of layers.filter((layer) => layer.curve)) drawFit(pen, curve, colour, x, y);
  pen.restore();
  drawHorizontal(pen, x, axis, box, size);
  frame(pen, box);
  arrows(pen, axis, bad, x, box, large);
  if (!large) drawNames(pen, over, box, size);
  return Object.assign(locator(axis, bins, x, box, element, over), { x, frame: box, axes });
}

/** Cells without flow. */
function inBins(arrays, axis) {
  const part = (cells) => cells?.subarray(axis.flow, axis.flow + axis.bins) ?? null;
  return { values: part(arrays.values), errors: part(arrays.errors), entries: part(arrays.entries) };
}

function styleOf({ draw, storage }, axis) {
  if (draw.style !== "auto" && draw.style !== "map") return draw.style;
  if (storage === "profile") return "points";
  return axis.discrete && axis.bins <= 80 ? "bars" : "steps";
}

function horizontal(axis, log, box) {
  const { edges, bins } = axis;
  const low = log ? lowestPositive(edges) : edges[0];
  const usable = log && low !== null && edges[bins] > low;
  return scale(usable || !log ? low : edges[0], edges[bins], box.left, box.left + box.width, usable);
}

/** Counts stand on zero; means float, with room for their errors; all that is drawn has room. */
function vertical(drawn, { storage, draw }, box) {
  const [from, to] = [box.top + box.height, box.top];
  let [low, high] = [Infinity, -Infinity];
  for (const { values, errors } of drawn) {
    for (let i = 0; i < values.length; i += 1) {
      const spread = errors && Number.isFinite(errors[i]) ? errors[i] : 0;
      if (values[i] - spread < low) low = values[i] - spread;
      if (values[i] + spread > high) high = values[i] + spread;
    }
  }
  const lowest = draw.log_y ? lowestPositive(drawn[0].values) : null;
  // What a layout says counts, unless a logarithm has no place for it.
  if (draw.y_range && !(draw.log_y && draw.y_range[0] <= 0)) return scale(...draw.y_range, from, to, Boolean(draw.log_y));
  if (lowest !== null) return scale(lowest * 0.5, Math.max(high * 1.5, lowest * 10), from, to, true);
  if (low === Infinity) [low, high] = [0, 1];
  if (storage !== "profile") return scale(Math.min(0, low * 1.05), high > 0 ? high * 1.08 : 1, from, to);
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return scale(low >= 0 && low < room * 3 ? 0 : low - room, high + room, from, to);
}

function drawSteps(pen, axis, { values, errors }, x, y, box, style) {
  const zero = y.log ? box.top + box.height : y.at(0);
  const at = (value) => (y.log && !(value > 0) ? box.top + box.height + 2 : y.at(value));
  const gap = style === "bars" && box.width / axis.bins > 4 ? Math.min(3, box.width / axis.bins / 5) : 0;
  // On whole pixels of the screen: between neighbours that share one there would be a seam.
  const ratio = pen.getTransform().a;
  const side = gap ? (px) => px : (px) => Math.round(px * ratio) / ratio;
  const edges = [];
  const tops = [];
  let start = 0;
  // Bins narrower than a pixel are drawn together as high as the highest: a hot one is never lost.
  while (start < axis.bins) {
    const left = Math.max(box.left, x.at(axis.edges[start]));
    let end = start + 1;
    let top = values[start];
    while (end < axis.bins && x.at(axis.edges[end + 1]) - left < 0.7) {
      top = Math.max(top, values[end]);
      end += 1;
    }
    edges.push(side(left));
    tops.push(at(top));
    start = end;
  }
  edges.push(side(x.at(axis.edges[axis.bins])));
  pen.fillStyle = gap ? "rgba(98, 183, 240, 0.72)" : INK.fill;
  for (let i = 0; i < tops.length; i += 1) {
    pen.fillRect(edges[i] + gap / 2, tops[i], Math.max(0.5, edges[i + 1] - edges[i] - gap), zero - tops[i]);
  }
  if (!gap) outline(pen, edges, tops, zero);
  if (errors) drawErrors(pen, axis, values, errors, x, y, box);
}

/** The line of steps, from and to `zero`, as rectangles: a stroke of so many corners costs many times as much to paint. */
function outline(pen, edges, tops, zero) {
  const thick = 1.25;
  const half = thick / 2;
  pen.fillStyle = INK.line;
  let before = zero;
  for (let i = 0; i < tops.length; i += 1) {
    pen.fillRect(edges[i] - half, tops[i] - half, edges[i + 1] - edges[i] + thick, thick);
    const [up, down] = before < tops[i] ? [before, tops[i]] : [tops[i], before];
    if (down - up > thick) pen.fillRect(edges[i] - half, up + half, thick, down - up - thick);
    before = tops[i];
  }
  pen.fillRect(edges.at(-1) - half, Math.min(before, zero), thick, Math.abs(zero - before));
}

function drawPoints(pen, axis, { values, errors }, x, y, box, style) {
  const room = box.width / axis.bins;
  const held = values.reduce((many, value) => many + Number.isFinite(value), 0);
  const radius = Math.max(1.1, Math.min(3.2, box.width / held / 3));
  if (errors) drawErrors(pen, axis, values, errors, x, y, box);
  pen.strokeStyle = INK.line;
  pen.fillStyle = INK.line;
  pen.lineWidth = 1.25;
  const line = new Path2D();
  let joined = false;
  for (let bin = 0; bin < axis.bins; bin += 1) {
    const value = values[bin];
    if (!Number.isFinite(value) || (y.log && value <= 0)) {
      joined = false;
      continue;
    }
    const [left, right] = [x.at(axis.edges[bin]), x.at(axis.edges[bin + 1])];
    const [px, py] = [(left + right) / 2, y.at(value)];
    if (style === "line") joined ? line.lineTo(px, py) : line.moveTo(px, py);
    else if (room > 6) {
      line.moveTo(left + 1, py);
      line.lineTo(right - 1, py);
    }
    joined = true;
    pen.beginPath();
    pen.arc(px, py, style === "line" ? radius / 2 : radius, 0, 7);
    pen.fill();
  }
  pen.stroke(line);
}

function drawErrors(pen, axis, values, errors, x, y, box) {
  if (box.width / axis.bins < 2.5) return;
  const path = new Path2D();
  for (let bin = 0; bin < axis.bins; bin += 1) {
    if (!(errors[bin] > 0) || !Number.isFinite(values[bin])) continue;
    const px = (x.at(axis.edges[bin]) + x.at(axis.edges[bin + 1])) / 2;
    const low = values[bin] - errors[bin];
    path.moveTo(px, y.log && low <= 0 ? box.top + box.height : y.at(low));
    path.lineTo(px, y.at(values[bin] + errors[bin]));
  }
  pen.strokeStyle = INK.error;
  pen.lineWidth = 1;
  pen.stroke(path);
}

/** Bad bins: a band behind, an arrow above. */
function mark(pen, axis, bad, x, box) {
  pen.fillStyle = "rgba(255, 107, 74, 0.30)";
  for (const { bins: [bin] } of bad) {
    const [left, right] = [x.at(axis.edges[bin]), x.at(axis.edges[bin + 1])];
    const wide = Math.max(3, right - left);
    pen.fillRect((left + right - wide) / 2, box.top, wide, box.height);
  }
}

function arrows(pen, axis, bad, x, box, large) {
  const half = large ? 7 : 5;
  pen.fillStyle = INK.bad;
  for (const { bins: [bin] } of bad) {
    const middle = (x.at(axis.edges[bin]) + x.at(axis.edges[bin + 1])) / 2;
    pen.beginPath();
    pen.moveTo(middle - half, box.top - half + 2);
    pen.lineTo(middle + half, box.top - half + 2);
    pen.lineTo(middle, box.top + half + 2);
    pen.fill();
  }
}

function locator(axis, { values, errors, entries }, x, box, element, over) {
  return (px, py) => {
    if (py < box.top || py > box.top + box.height) return null;
    const bin = binAt(axis, x.value(px));
    if (bin < 0) return null;
    const spread = errors ? ` ± ${number(errors[bin], 3)}` : "";
    const of = entries ? `, ${number(entries[bin])} entries` : "";
    const name = axis.title && !axis.names ? `${axis.title}: ` : "";
    const left = x.at(axis.edges[bin]);
    const others = over.map((layer) => `\n${layer.label}: ${number(layer.values[bin])}`).join("");
    return {
      text: `${name}${binName(axis, bin)}\n${element.value_axis}: ${number(values[bin])}${spread}${of}${others}`,
      box: { left, top: box.top, width: x.at(axis.edges[bin + 1]) - left, height: box.height },
    };
  };
}
