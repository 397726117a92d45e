/** Layers over a curve: lines of counts, points of means, their errors, and what each is. */

import { FONT, fitted, write } from "../canvas.js";

/** Pixels of a bin below which points would hide each other: then a line is drawn instead. */
const ROOM = 7;

/** Draw layers that lie below the data: stacked ones. */
export function drawFilled(pen, axis, layers, x, y, box) {
  for (const layer of layers.filter(({ filled }) => filled)) {
    const path = steps(axis, layer.values, x, y, box);
    const floor = y.log ? box.top + box.height : y.at(0);
    path.lineTo(x.at(axis.edges[axis.bins]), floor);
    path.lineTo(x.at(axis.edges[0]), floor);
    pen.save();
    pen.globalAlpha = 0.55;
    pen.fillStyle = layer.colour;
    pen.fill(path);
    pen.restore();
  }
}

/** Draw layers over the data: steps, or points where the data are points. */
export function drawOver(pen, axis, layers, x, y, box, style) {
  for (const layer of layers) {
    pen.save();
    pen.strokeStyle = layer.colour;
    pen.lineWidth = 1.5;
    const points = (style === "points" || style === "line") && box.width / axis.bins > ROOM;
    if (points) drawPoints(pen, axis, layer, x, y, box);
    else {
      pen.setLineDash(layer.filled ? [] : layer.dash);
      pen.stroke(steps(axis, layer.values, x, y, box));
    }
    pen.setLineDash([]);
    // Beside the middle of bars, where the data have theirs; through the middle of points.
    drawErrors(pen, axis, layer, x, y, box, points ? 0.5 : 0.66);
    pen.restore();
  }
}

/** Where bins are narrower than a pixel the highest of those in it is drawn, as of data. */
function steps(axis, values, x, y, box) {
  const path = new Path2D();
  const at = (value) => (y.log && !(value > 0) ? box.top + box.height + 2 : y.at(value));
  let joined = false;
  for (let bin = 0; bin < axis.bins;) {
    const left = Math.max(box.left, x.at(axis.edges[bin]));
    let [end, top] = [bin + 1, values[bin]];
    while (end < axis.bins && x.at(axis.edges[end + 1]) - left < 0.7) top = Math.max(top, values[end++]);
    bin = end;
    if (!Number.isFinite(top)) {
      joined = false;
      continue;
    }
    if (joined) path.lineTo(left, at(top));
    else path.moveTo(left, at(top));
    path.lineTo(x.at(axis.edges[end]), at(top));
    joined = true;
  }
  return path;
}

/** Hollow squares: data are round and full. */
function drawPoints(pen, axis, { values }, x, y, box) {
  const half = Math.max(1.2, Math.min(3.5, box.width / axis.bins / 4));
  const path = new Path2D();
  for (let bin = 0; bin < axis.bins; bin += 1) {
    if (!Number.isFinite(values[bin]) || (y.log && values[bin] <= 0)) continue;
    const px = (x.at(axis.edges[bin]) + x.at(axis.edges[bin + 1])) / 2;
    path.rect(px - half, y.at(values[bin]) - half, 2 * half, 2 * half);
  }
  pen.lineWidth = 1.2;
  pen.stroke(path);
}

function drawErrors(pen, axis, { values, errors }, x, y, box, place) {
  if (!errors || box.width / axis.bins < ROOM) return;
  const path = new Path2D();
  for (let bin = 0; bin < axis.bins; bin += 1) {
    if (!(errors[bin] > 0) || !Number.isFinite(values[bin])) continue;
    const px = x.at(axis.edges[bin]) + place * (x.at(axis.edges[bin + 1]) - x.at(axis.edges[bin]));
    const low = values[bin] - errors[bin];
    path.moveTo(px, y.log && low <= 0 ? box.top + box.height : y.at(low));
    path.lineTo(px, y.at(values[bin] + errors[bin]));
  }
  pen.globalAlpha = 0.7;
  pen.lineWidth = 1;
  pen.stroke(path);
}

/** A fitted function through its points. */
export function drawFit(pen, curve, colour, x, y) {
  const path = new Path2D();
  curve.x.forEach((value, i) => {
    const height = y.at(y.log ? Math.max(curve.y[i], y.low) : curve.y[i]);
    if (i) path.lineTo(x.at(value), height);
    else path.moveTo(x.at(value), height);
  });
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.stroke(path);
}

/** On a small plot, in its corner: a stroke and the name of each layer. The large one has a legend beside it. */
export function drawNames(pen, layers, box, size) {
  layers.forEach(({ label, colour, dash }, i) => {
    const text = fitted(pen, label, size.font, box.width * 0.6);
    pen.font = `400 ${size.font}px ${FONT}`;
    const [top, wide] = [box.top + 3 + i * (size.font + 3), pen.measureText(text).width];
    const right = box.left + box.width - 4;
    pen.fillStyle = "rgba(11, 15, 21, 0.72)";
    pen.fillRect(right - wide - 28, top - 1, wide + 30, size.font + 4);
    pen.save();
    pen.strokeStyle = colour;
    pen.setLineDash(dash);
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(right - wide - 24, top + size.font / 2 + 1);
    pen.lineTo(right - wide - 4, top + size.font / 2 + 1);
    pen.stroke();
    pen.restore();
    write(pen, text, right, top + 1, { size: size.font, colour, align: "right", base: "top" });
  });
}
