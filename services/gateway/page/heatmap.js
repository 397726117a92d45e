// Two axes: colours for values. Empty bins stay dark, so that a dead region is seen as such.

import { Scale, edgesOf, firstBin, frame, INK, axisName } from "./axes.js";
import { short } from "./words.js";

// Anchors of matplotlib's viridis (CC0): even in lightness, and for all eyes.
const ANCHORS = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]];

export function heat(share) {
  const place = Math.min(Math.max(share, 0), 1) * (ANCHORS.length - 1);
  const low = Math.min(Math.floor(place), ANCHORS.length - 2);
  const part = place - low;
  return ANCHORS[low].map((value, i) => Math.round(value + (ANCHORS[low + 1][i] - value) * part));
}

export function drawMap(context, box, plot) {
  const { element } = plot.header;
  const [x, y] = element.axes;
  const inner = { ...box, right: box.right - 54 };
  const [values, low, high] = inside(plot, element);
  const log = element.draw.log_z && low > 0 && high > low;
  const across = new Scale(edgesOf(x)[0], edgesOf(x).at(-1), inner.left, inner.right);
  const up = new Scale(edgesOf(y)[0], edgesOf(y).at(-1), inner.bottom, inner.top);
  context.imageSmoothingEnabled = false;
  paint(context, { values, x, y, across, up, low, high, log });
  frame(context, inner, { x, y, across, up, valueName: axisName(y), grid: false });
  scaleBar(context, inner, low, high, log);
  return { across, up, box: inner };
}

export function valueAt(plot, binX, binY) {
  const { element } = plot.header;
  const [x, y] = element.axes;
  const index = (binX + firstBin(x)) * element.shape[1] + binY + firstBin(y);
  return plot.arrays.values[index];
}

function inside(plot, element) {
  const [x, y] = element.axes;
  const values = new Array(x.bins * y.bins);
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < x.bins; i += 1) {
    for (let j = 0; j < y.bins; j += 1) {
      let value = valueAt(plot, i, j);
      if (value === null || (element.storage === "count" && value === 0)) value = NaN;
      values[i * y.bins + j] = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (element.storage !== "profile" && !(element.draw.log_z && low > 0)) low = Math.min(0, low);
  return [values, low, high > low ? high : low + 1];
}

function paint(context, { values, x, y, across, up, low, high, log }) {
  const xs = edgesOf(x).map((edge) => Math.round(across.at(edge)));
  const ys = edgesOf(y).map((edge) => Math.round(up.at(edge)));
  const span = log ? Math.log(high / low) : high - low;
  for (let i = 0; i < x.bins; i += 1) {
    for (let j = 0; j < y.bins; j += 1) {
      const value = values[i * y.bins + j];
      if (Number.isNaN(value)) continue;
      const share = log ? Math.log(value / low) / span : (value - low) / span;
      context.fillStyle = `rgb(${heat(share).join()})`;
      context.fillRect(xs[i], ys[j + 1], Math.max(1, xs[i + 1] - xs[i]), Math.max(1, ys[j] - ys[j + 1]));
    }
  }
}

function scaleBar(context, box, low, high, log) {
  const [left, width] = [box.right + 8, 10];
  const height = box.bottom - box.top;
  for (let pixel = 0; pixel < height; pixel += 1) {
    context.fillStyle = `rgb(${heat(1 - pixel / height).join()})`;
    context.fillRect(left, box.top + pixel, width, 1);
  }
  const scale = new Scale(low, high, box.bottom, box.top, log);
  context.fillStyle = INK.muted;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const tick of scale.ticks(Math.max(2, height / 40))) {
    context.fillText(short(tick), left + width + 4, scale.at(tick));
  }
}
