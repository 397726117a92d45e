/** A canvas in CSS pixels, the frame of a plot, its ticks and its titles. */

import { ticks } from "./axes.js";
import { INK } from "./colours.js";

export const FONT = 'system-ui, "Segoe UI", "Liberation Sans", sans-serif';

/** Fit a canvas to its box and the screen's pixels, clear it, and return `{pen, width, height}`. */
export function sheet(canvas) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const [w, t] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== t) Object.assign(canvas, { width: w, height: t });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

let aside = null;

/**
 * Draw aside, and show on `canvas` what has come of it; returns what `draw` does.
 *
 * Where many canvases are on screen: the browser takes the pixels of each one that is drawn on itself
 * anew for every frame, changed or not, those of a bitmap once.
 */
export function onBitmap(canvas, draw) {
  aside ??= new OffscreenCanvas(1, 1);
  aside.clientWidth = canvas.clientWidth;
  aside.clientHeight = canvas.clientHeight;
  const drawn = draw(aside);
  const { width, height } = aside;
  if (!width || !height) return drawn;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(aside.transferToImageBitmap());
  return drawn;
}

/** Sizes that differ between a plot in the grid and the large one. */
export function sizes(large) {
  return large
    ? { font: 13, tick: 5, left: 66, right: 18, top: 14, bottom: 52, names: 0.3, titles: true }
    : { font: 10, tick: 3, left: 38, right: 8, top: 6, bottom: 17, names: 0.3, titles: false };
}

/** Write text; `angle` in radians, `align` as of canvases. */
export function write(pen, text, x, y, { size, colour = INK.muted, align = "center", base = "alphabetic", angle = 0, weight = 400 }) {
  pen.font = `${weight} ${size}px ${FONT}`;
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.textBaseline = base;
  if (!angle) pen.fillText(text, align === "center" ? within(pen, text, x) : x, y);
  else {
    pen.save();
    pen.translate(x, y);
    pen.rotate(angle);
    pen.fillText(text, 0, 0);
    pen.restore();
  }
}

/** Where the middle of a text may be so that the canvas's edges cut no letter. */
function within(pen, text, x) {
  const width = pen.canvas.width / pen.getTransform().a;
  const half = pen.measureText(text).width / 2;
  return Math.max(half, Math.min(x, width - half));
}

/** The longest beginning of a text that fits, with an ellipsis if it is cut. */
export function fitted(pen, text, size, room) {
  pen.font = `400 ${size}px ${FONT}`;
  if (pen.measureText(text).width <= room) return text;
  let length = Math.max(1, Math.floor((text.length * room) / pen.measureText(text).width));
  while (length > 1 && pen.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

/**
 * Names as they fit in their room, and still differ: without the words that all begin with, and cut
 * where most of them stay apart, at the end, in the middle or at the beginning.
 */
export function distinct(pen, names, size, room) {
  pen.font = `400 ${size}px ${FONT}`;
  const fits = (text) => pen.measureText(text).width <= room;
  if (names.every(fits)) return names;
  const begin = commonBeginning(names);
  const own = names.map((name) => name.slice(begin));
  let best = [];
  for (const share of [1, 0.7, 0.5, 0.3, 0]) {
    const cut = own.map((name) => cutAt(name, share, fits));
    if (new Set(cut).size > new Set(best).size) best = cut;
  }
  return best;
}

/** Length of the words that all names begin with, up to the last mark between words. */
function commonBeginning(names) {
  const [first] = names;
  const ends = names.map((name) => [...first].findIndex((letter, i) => name[i] !== letter));
  const same = Math.min(...ends.filter((end) => end >= 0), first.length);
  if (same < 1 || new Set(names).size < 2) return 0;
  return Math.max(...["_", "/", " ", "-", ":"].map((mark) => first.lastIndexOf(mark, same - 1))) + 1;
}

/** A text with as little cut out as fits; of what is left, a share is its beginning. */
function cutAt(text, share, fits) {
  if (fits(text)) return text;
  for (let left = text.length - 1; left > 1; left -= 1) {
    const head = Math.round(left * share);
    const cut = `${text.slice(0, head)}…${text.slice(text.length - (left - head))}`;
    if (fits(cut)) return cut;
  }
  return `${text.slice(0, 1)}…`;
}

/** A text in lines that fit, cut between words where it can be, the last one with an ellipsis. */
export function wrapped(pen, text, size, room, most) {
  pen.font = `400 ${size}px ${FONT}`;
  const lines = [];
  let rest = text.trim();
  while (rest && lines.length < most) {
    const whole = fitted(pen, rest, size, room);
    if (whole === rest || lines.length === most - 1) return [...lines, whole];
    const fits = whole.length - 1;
    const space = rest.lastIndexOf(" ", fits);
    const end = space > fits / 2 ? space : fits;
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/** Ticks of a vertical scale, as many as there is room for. */
function upward(of, size) {
  const height = Math.abs(of.to - of.from);
  return ticks(of, Math.max(2, (height / (size.font * (size.titles ? 2.4 : 3.2))) | 0));
}

/** Room left of the box that the numbers of a vertical scale want, in pixels. */
export function roomForNumbers(pen, of, size) {
  pen.font = `400 ${size.font}px ${FONT}`;
  const widest = Math.max(0, ...upward(of, size).map(({ text }) => pen.measureText(text).width));
  return Math.max(size.left, Math.ceil(widest) + size.tick + 6 + (size.titles ? 20 : 0));
}

/** Lines and numbers at the ticks of the vertical scale, within `box`. */
export function drawVertical(pen, of, box, size, { lines = true, title = "" } = {}) {
  for (const { value, text } of upward(of, size)) {
    const y = Math.round(of.at(value)) + 0.5;
    if (y < box.top - 1 || y > box.top + box.height + 1) continue;
    if (lines && text) level(pen, INK.grid, box.left, y, box.width);
    const tick = text ? size.tick : size.tick / 2;
    level(pen, INK.frame, box.left - tick, y, tick);
    write(pen, text, box.left - size.tick - 3, y, { size: size.font, align: "right", base: "middle" });
  }
  if (title && size.titles) {
    const words = fitted(pen, title, size.font, box.height);
    const centre = box.top + box.height / 2;
    write(pen, words, 14, centre, { size: size.font, colour: INK.text, angle: -Math.PI / 2, base: "middle" });
  }
}

/** The same below the box: numbers, or the names of the bins as far as there is room. */
export function drawHorizontal(pen, of, axis, box, size) {
  const bottom = box.top + box.height;
  if (axis.names) drawNames(pen, of, axis, box, size);
  else {
    for (const { value, text } of ticks(of, Math.max(2, (box.width / (size.font * (size.titles ? 7 : 4.2))) | 0), axis.discrete)) {
      const x = Math.round(of.at(value)) + 0.5;
      plumb(pen, INK.frame, x, bottom, text ? size.tick : size.tick / 2);
      write(pen, text, x, bottom + size.tick + 2, { size: size.font, base: "top" });
    }
  }
  if (axis.title && size.titles) {
    const words = fitted(pen, axis.title, size.font, box.width);
    const y = box.floor - 4;
    write(pen, words, box.left + box.width / 2, y, { size: size.font, colour: INK.text });
  }
}

function drawNames(pen, of, axis, box, size) {
  const bottom = box.top + box.height;
  const room = box.width / axis.bins;
  const longest = Math.max(...axis.names.map((name) => name.length)) * size.font * 0.55;
  const flat = longest < room * 0.95;
  const every = flat ? 1 : Math.max(1, Math.ceil((size.font * 1.25) / room));
  const deep = box.floor - bottom - size.tick - (size.titles && axis.title ? size.font + 12 : 4);
  const shown = Array.from({ length: Math.ceil(axis.bins / every) }, (_, i) => axis.names[i * every] ?? "");
  const texts = flat || deep <= size.font * 3 ? shown : distinct(pen, shown, size.font - 1, deep);
  for (const [i, text] of texts.entries()) {
    const bin = i * every;
    const x = of.at((axis.edges[bin] + axis.edges[bin + 1]) / 2);
    plumb(pen, INK.frame, x, bottom, size.tick);
    if (flat) write(pen, text, x, bottom + size.tick + 2, { size: size.font, base: "top" });
    else if (deep > size.font * 3) {
      write(pen, text, x, bottom + size.tick + 3, {
        size: size.font - 1, align: "right", base: "middle", angle: -Math.PI / 2,
      });
    }
  }
}

/** Room below the box that the names of an axis want, in pixels. */
export function roomForNames(axis, width, height, size) {
  if (!axis.names) return size.bottom;
  const longest = Math.max(...axis.names.map((name) => name.length)) * size.font * 0.55;
  if (longest < (width / axis.bins) * 0.95) return size.bottom;
  if (!size.titles) return axis.bins > 40 ? 12 : Math.min(height * size.names, longest + 10);
  return Math.min(height * 0.42, longest + size.bottom);
}

/** A line one pixel wide to the right. Rectangles cost less to paint than strokes. */
export function level(pen, colour, x, y, length) {
  pen.fillStyle = colour;
  pen.fillRect(x, y - 0.5, length, 1);
}

/** The same, downwards. */
function plumb(pen, colour, x, y, length) {
  pen.fillStyle = colour;
  pen.fillRect(x - 0.5, y, 1, length);
}

/** A line through points. */
export function stroke(pen, colour, points, width = 1) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

/** The frame around the box. */
export function frame(pen, box) {
  pen.strokeStyle = INK.frame;
  pen.lineWidth = 1;
  pen.strokeRect(Math.round(box.left) + 0.5, Math.round(box.top) + 0.5, Math.round(box.width), Math.round(box.height));
}

/** Words in the middle of a plot that has nothing to show. */
export function say(pen, text, width, height, large) {
  const size = large ? 15 : 12;
  write(pen, fitted(pen, text, size, width - 16), width / 2, height / 2, { size, base: "middle" });
}
