// One plot on one canvas. Run and LS range are printed on each, so that no picture is anonymous.

import { Scale, binName, cut, edgesOf, firstBin, frame, INK, line } from "./axes.js";
import { drawMap, valueAt } from "./heatmap.js";
import { short, whole } from "./words.js";

// Draws `plot` (header and arrays of a channel) and returns how to read a pixel off it.
export function drawPlot(canvas, plot, { large = false } = {}) {
  const context = prepare(canvas);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  context.fillStyle = INK.paper;
  context.fillRect(0, 0, width, height);
  if (!plot?.header) return () => "";
  const { element, totals, problem } = plot.header;
  footer(context, width, height, plot.header);
  if (problem || !element || !totals) {
    message(context, width, height, problem || "nothing has come yet");
    return () => "";
  }
  const box = { left: 50, top: 20, right: width - 12, bottom: height - (slanted(element, width) ? 86 : 56) };
  if (element.shape.length === 0) return drawValue(context, width, height, totals, element);
  if (element.shape.length === 2) {
    const drawn = drawMap(context, box, plot);
    return (px, py) => readMap(plot, drawn, px, py);
  }
  const drawn = drawBins(context, box, plot, large);
  return (px) => readBins(plot, drawn, px);
}

function prepare(canvas) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function slanted(element, width) {
  const axis = element.axes[0];
  if (!axis?.labels || axis.bins > (width - 62) / 16) return false;
  return axis.labels.some((name) => name.length * 6 > (width - 62) / axis.bins - 4);
}

export function windowText(window) {
  if (!window?.run) return "";
  if (!window.lumisections) return `Run ${window.run} · no LS`;
  if (window.first === window.last) return `Run ${window.run} · LS ${window.first}`;
  return `Run ${window.run} · LS ${window.first}–${window.last} (${window.lumisections} LS)`;
}

function footer(context, width, height, { window, totals }) {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  context.textAlign = "left";
  context.fillStyle = INK.text;
  const where = windowText(window);
  context.fillText(where, 8, height - 6);
  if (!totals) return;
  const notes = [];
  if (window.lumisections && !window.closed) notes.push("open");
  if (totals.nan) notes.push(`${whole(totals.nan)} NaN`);
  if (totals.outside) notes.push(`${whole(totals.outside)} outside`);
  if (window.late_events) notes.push(`${whole(window.late_events)} late`);
  if (totals.value === null) notes.push(`${short(totals.entries)} entries`);
  context.textAlign = "right";
  context.fillStyle = INK.muted;
  context.fillText(cut(context, notes.join(" · "), width - 24 - context.measureText(where).width), width - 8, height - 6);
  if (totals.invalid) {
    context.fillStyle = "#b08be0";
    context.fillText(cut(context, `INVALID: ${totals.invalid}`, width - 16), width - 8, height - 20);
  }
}

function message(context, width, height, text) {
  context.fillStyle = INK.muted;
  context.font = "13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(cut(context, text, width - 24), width / 2, height / 2);
}

function drawValue(context, width, height, totals, element) {
  const text = totals.value === null ? "no value" : typeof totals.value === "number" ? whole(totals.value) : totals.value;
  context.fillStyle = INK.text;
  context.font = "600 30px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(cut(context, text, width - 24), width / 2, height / 2 - 8);
  return () => `${element.path}: ${text}`;
}

function bins(plot) {
  const [axis] = plot.header.element.axes;
  const first = firstBin(axis);
  const inner = (array) => array?.slice(first, first + axis.bins).map((v) => (v === null ? NaN : v));
  return { axis, values: inner(plot.arrays.values), errors: inner(plot.arrays.errors) };
}

function range(values, errors, element) {
  let [low, high, positive] = [Infinity, -Infinity, Infinity];
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const error = errors?.[i] || 0;
    low = Math.min(low, value - error);
    high = Math.max(high, value + error);
    if (value > 0) positive = Math.min(positive, value);
  });
  if (!Number.isFinite(low)) return [0, 1, false];
  if (element.draw.log_y && Number.isFinite(positive)) return [positive * 0.5, Math.max(high, 1) * 1.6, true];
  if (element.storage !== "profile") low = Math.min(0, low);
  const room = (high - low) * 0.07 || Math.max(Math.abs(high) * 0.1, 1);
  return [low === 0 ? 0 : low - room, high + room, false];
}

function drawBins(context, box, plot, large) {
  const { element } = plot.header;
  const { axis, values, errors } = bins(plot);
  const edges = edgesOf(axis);
  const [low, high, log] = range(values, errors, element);
  const across = new Scale(edges[0], edges.at(-1), box.left, box.right, element.draw.log_x);
  const up = new Scale(low, high, box.bottom, box.top, log);
  frame(context, box, { x: axis, across, up, valueName: element.value_axis, grid: true });
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.clip();
  if (errors || element.draw.style === "points") points(context, { edges, values, errors, across, up, large });
  else if (element.draw.style === "line") outline(context, { edges, values, across, up });
  else bars(context, { edges, values, across, up });
  context.restore();
  return { across, up, box };
}

function bars(context, { edges, values, across, up }) {
  const base = up.at(up.log ? up.low : 0);
  context.fillStyle = INK.bar;
  values.forEach((value, i) => {
    if (!value) return;
    const [left, right] = [across.at(edges[i]), across.at(edges[i + 1])];
    const top = up.at(value);
    const gap = right - left > 6 ? 1 : 0;
    context.fillRect(left, Math.min(top, base), Math.max(1, right - left - gap), Math.max(1, Math.abs(base - top)));
  });
}

function outline(context, { edges, values, across, up }) {
  context.strokeStyle = INK.bar;
  context.lineWidth = 1.5;
  context.beginPath();
  values.forEach((value, i) => {
    context.lineTo(across.at(edges[i]), up.at(value || 0));
    context.lineTo(across.at(edges[i + 1]), up.at(value || 0));
  });
  context.stroke();
}

function points(context, { edges, values, errors, across, up, large }) {
  context.lineWidth = 1;
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const [left, right] = [across.at(edges[i]), across.at(edges[i + 1])];
    const [x, y] = [(left + right) / 2, up.at(value)];
    const error = errors?.[i] || 0;
    line(context, INK.bar, left, y, right, y);
    if (error) line(context, INK.bar, x, up.at(value - error), x, up.at(value + error));
    context.fillStyle = INK.point;
    context.beginPath();
    context.arc(x, y, large ? 3 : 1.8, 0, 2 * Math.PI);
    context.fill();
  });
}

function binUnder(axis, scale, pixel) {
  const value = scale.inverse(pixel);
  const edges = edgesOf(axis);
  if (value < edges[0] || value >= edges.at(-1)) return -1;
  let [low, high] = [0, axis.bins - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function readBins(plot, { across, box }, px) {
  const { axis, values, errors } = bins(plot);
  if (px < box.left || px > box.right) return "";
  const bin = binUnder(axis, across, px);
  if (bin < 0) return "";
  const error = errors ? ` ± ${short(errors[bin])}` : "";
  return `${axis.label || "bin"} ${binName(axis, bin)}: ${short(values[bin])}${error}`;
}

function readMap(plot, { across, up, box }, px, py) {
  if (px < box.left || px > box.right || py < box.top || py > box.bottom) return "";
  const [x, y] = plot.header.element.axes;
  const [i, j] = [binUnder(x, across, px), binUnder(y, up, py)];
  if (i < 0 || j < 0) return "";
  return `${x.label || "x"} ${binName(x, i)}, ${y.label || "y"} ${binName(y, j)}: ${short(valueAt(plot, i, j))}`;
}

// Contents of the flow bins of a plot with one axis, as text; empty if there is nothing in them.
export function flowText(plot) {
  const { element } = plot.header;
  const [axis] = element.axes;
  const counts = plot.arrays.entries ?? plot.arrays.values;
  if (element.shape.length !== 1 || !counts) return "";
  if (axis.codes) return counts.at(-1) ? `other codes ${short(counts.at(-1))}` : "";
  const [under, over] = [counts[0], counts.at(-1)];
  return under || over ? `underflow ${short(under)}, overflow ${short(over)}` : "";
}
