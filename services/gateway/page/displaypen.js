/** What both views draw with: circles, rulers, and how far the pointer is from a line. */

import { stroke, write } from "./canvas.js";

const UNITS = { mm: 0.1, cm: 1, m: 100 };

/** A ruler of a round length for each direction of `frame` {right, up}: pixels in a cm; `unit` is mm, cm or m. */
export function drawRuler(pen, frame, ink, unit) {
  const one = UNITS[unit];
  const across = round(70 / frame.right / one);
  const [x, y] = [16, frame.height - 16];
  const right = x + across * one * frame.right;
  stroke(pen, ink.text, [[x, y - 4], [x, y], [right, y], [right, y - 4]], 1.5);
  write(pen, `${across} ${unit}`, right + 6, y, { size: 12, colour: ink.muted, align: "left", base: "middle" });
  if (frame.right === frame.up) return;
  const tall = round(50 / frame.up / one);
  const top = y - 10 - tall * one * frame.up;
  stroke(pen, ink.text, [[x + 4, y - 10], [x, y - 10], [x, top], [x + 4, top]], 1.5);
  write(pen, `${tall} ${unit}`, x + 8, top + 6, { size: 12, colour: ink.muted, align: "left", base: "middle" });
}

/** A circle, filled if a colour is given for that. */
export function circle(pen, x, y, radius, colour, width = 1, fill = "") {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) {
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

/** Pixels between a point and a line through many. */
export function distance([x, y], at) {
  let least = Infinity;
  for (let i = 1; i < at.length; i += 1) {
    const [[x1, y1], [x2, y2]] = [at[i - 1], at[i]];
    const square = (x2 - x1) ** 2 + (y2 - y1) ** 2;
    const t = square ? Math.min(1, Math.max(0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / square)) : 0;
    least = Math.min(least, Math.hypot(x - x1 - t * (x2 - x1), y - y1 - t * (y2 - y1)));
  }
  return least;
}

/** The nearest of 1, 2, 5 times a power of ten, at or below. */
function round(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = [5, 2, 1].find((each) => each * power <= value * 1.0001) ?? 1;
  return Number((lead * power).toPrecision(1));
}
