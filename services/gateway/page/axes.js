// Axes: edges, scales, ticks, and the frame of a plot.

import { short } from "./words.js";

export const INK = { text: "#d9e1ea", muted: "#93a1b2", grid: "#243040", frame: "#3a4859", bar: "#56b4e9", point: "#8fd0f5", paper: "#10161e", over: "#e69f00" };

const STEPS = [1, 2, 2.5, 5, 10];

// Edges of the bins without flow; categories lie at 0, 1, 2, ...
export function edgesOf(axis) {
  if (axis.edges) return axis.edges;
  if (axis.codes) return Array.from({ length: axis.bins + 1 }, (_, i) => i);
  const width = (axis.upper - axis.lower) / axis.bins;
  return Array.from({ length: axis.bins + 1 }, (_, i) => axis.lower + i * width);
}

// Index of the first bin without flow in an array with it.
export function firstBin(axis) {
  return axis.codes ? 0 : 1;
}

export function axisName(axis) {
  return axis.unit ? `${axis.label} [${axis.unit}]` : axis.label;
}

export function binName(axis, bin) {
  if (axis.labels?.[bin] !== undefined) return axis.labels[bin];
  if (axis.codes) return String(axis.codes[bin]);
  const edges = edgesOf(axis);
  if (axis.type === "integer") return short(edges[bin]);
  return `${short(edges[bin])} to ${short(edges[bin + 1])}`;
}

export class Scale {
  constructor(low, high, start, stop, log = false) {
    this.log = log && low > 0 && high > low;
    [this.low, this.high] = [low, high > low ? high : low + 1];
    [this.start, this.stop] = [start, stop];
    this.from = this.log ? Math.log10(this.low) : this.low;
    this.to = this.log ? Math.log10(this.high) : this.high;
  }

  at(value) {
    const place = this.log ? (value > 0 ? Math.log10(value) : this.from) : value;
    const share = (place - this.from) / (this.to - this.from);
    return this.start + Math.min(Math.max(share, -0.02), 1.02) * (this.stop - this.start);
  }

  inverse(pixel) {
    const place = this.from + ((pixel - this.start) / (this.stop - this.start)) * (this.to - this.from);
    return this.log ? 10 ** place : place;
  }

  ticks(most) {
    return this.log ? logTicks(this.low, this.high) : linearTicks(this.low, this.high, most);
  }
}

export function linearTicks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.map((s) => s * size).find((s) => s >= rough * 0.999) ?? 10 * size;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

export function logTicks(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first) / 6));
  const ticks = [];
  for (let power = first; power <= last; power += stride) ticks.push(10 ** power);
  return ticks.length > 1 ? ticks : [low, high];
}

// Draws frame, grid, ticks and names; `box` is {left, top, right, bottom}.
export function frame(context, box, { x, y, across, up, valueName, grid }) {
  context.lineWidth = 1;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.textAlign = "center";
  marksAcross(context, box, x, across);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [place, name] of marksUp(box, y, up)) {
    if (grid) line(context, INK.grid, box.left, place, box.right, place);
    context.fillStyle = INK.muted;
    context.fillText(cut(context, name, box.left - 8), box.left - 6, place);
  }
  context.strokeStyle = INK.frame;
  context.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
  context.fillStyle = INK.muted;
  context.textBaseline = "bottom";
  context.textAlign = "left";
  context.fillText(cut(context, valueName, box.right - box.left), box.left, box.top - 3);
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText(cut(context, axisName(x), box.right - box.left), box.right, box.bottom + 19);
}

function marksAcross(context, box, axis, scale) {
  const width = box.right - box.left;
  context.fillStyle = INK.muted;
  if (axis.labels && axis.bins <= width / 16) {
    const room = width / axis.bins;
    const slanted = axis.labels.some((name) => context.measureText(name).width > room - 4);
    const edges = edgesOf(axis);
    axis.labels.forEach((name, bin) => {
      const place = (scale.at(edges[bin]) + scale.at(edges[bin + 1])) / 2;
      line(context, INK.frame, place, box.bottom, place, box.bottom + 3);
      context.save();
      context.translate(place, box.bottom + 5);
      if (slanted) {
        context.rotate(-Math.PI / 5);
        context.textAlign = "right";
      }
      context.fillText(cut(context, name, slanted ? 62 : room - 4), 0, 0);
      context.restore();
    });
    return;
  }
  let free = -Infinity;
  for (const tick of scale.ticks(Math.max(2, width / 64))) {
    const place = scale.at(tick);
    const name = short(tick);
    const half = context.measureText(name).width / 2;
    line(context, INK.frame, place, box.bottom, place, box.bottom + 3);
    if (place - half < free) continue;
    context.fillText(name, place, box.bottom + 5);
    free = place + half + 6;
  }
}

function marksUp(box, axis, scale) {
  const height = box.bottom - box.top;
  if (axis?.labels && axis.bins <= height / 12) {
    const edges = edgesOf(axis);
    return axis.labels.map((name, bin) => [
      (scale.at(edges[bin]) + scale.at(edges[bin + 1])) / 2,
      name,
    ]);
  }
  return scale.ticks(Math.max(2, height / 38)).map((tick) => [scale.at(tick), short(tick)]);
}

export function line(context, colour, x1, y1, x2, y2) {
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  context.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
  context.stroke();
}

export function cut(context, text, room) {
  if (!text || context.measureText(text).width <= room) return text ?? "";
  let shown = text;
  while (shown.length > 1 && context.measureText(shown + "…").width > room) {
    shown = shown.slice(0, -1);
  }
  return shown + "…";
}
