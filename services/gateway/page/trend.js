/**
 * One number per lumisection: a line on a canvas, small below a scalar or large in the detail; or
 * points against a condition of the lumisection, such as its pile-up.
 */

import { scale } from "./axes.js";
import { drawHorizontal, drawVertical, frame, roomForNumbers, say, sheet, sizes, write } from "./canvas.js";
import { INK } from "./colours.js";
import { number } from "./format.js";

export const AGAINST = {
  lumisection: "lumisection", pileup: "pile-up", luminosity: "luminosity [/cm²/s]",
  delivered: "delivered [/pb]", recorded: "recorded [/pb]", prescale_index: "prescale index",
  fill: "fill",
};

/**
 * Draw `{lumisections, values, errors, closed, against, x}`; a value with an error has a bar; an LS that is still open is hollow. LS 0, what
 * was imported of the whole run, is said in words, never a point.
 *
 * @param chosen first and last LS of the window, shaded; null for none
 * @param ranges what is shown, first and last LS (of what else it is drawn against), and of the values; null or nothing for all
 * @returns a function from a pixel to `{text, box, lumisection}` of the LS there, or null
 */
export function drawTrend(canvas, given, { title = "", large = false, chosen = null, ranges = [] } = {}) {
  const { pen, width, height } = sheet(canvas);
  const [trend, whole] = apart(given);
  const scattered = (trend?.against ?? "lumisection") !== "lumisection";
  const places = scattered ? trend.x : trend?.lumisections;
  const known = (trend?.values ?? []).filter((value, i) => Number.isFinite(value) && Number.isFinite(places[i]));
  // What is open is not all there: it must not set the scale.
  const closed = known.length ? trend.values.filter((value, i) => Number.isFinite(value) && Number.isFinite(places[i]) && trend.closed[i]) : [];
  if (!known.length) {
    const none = scattered ? `no LS with a number and a known ${AGAINST[trend.against]}` : "no number to show";
    say(pen, trend ? trend.problem || whole || none : "", width, height, false);
    return () => null;
  }
  const size = large ? { ...sizes(true), bottom: 42, font: 12 } : { ...sizes(false), bottom: 16 };
  const tall = height - size.top - size.bottom;
  const y = scale(...(ranges[1] ?? reach(closed.length > 1 ? closed : known, barEnds(trend, places))), size.top + tall, size.top);
  const left = roomForNumbers(pen, y, size);
  const box = { left, top: size.top, width: width - left - size.right, height: tall, floor: height };
  const [first, last] = ranges[0] ?? [places[0], places.at(-1)];
  const span = scattered ? ranges[0] ?? around(places.filter(Number.isFinite)) : [first - 0.5, last + 0.5];
  const x = scale(...span, box.left, box.left + box.width);
  if (chosen && !scattered) shade(pen, chosen, x, box);
  drawVertical(pen, y, box, size, { title });
  drawHorizontal(pen, x, { title: large ? AGAINST[trend.against ?? "lumisection"] : "", discrete: !scattered }, box, size);
  frame(pen, box);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top - 3, box.width, box.height + 6);
  pen.clip();
  drawLine(pen, { ...trend, places, scattered, chosen }, x, y, box);
  pen.restore();
  if (whole) write(pen, whole, box.left + box.width - 4, box.top + 4, { size: size.font, align: "right", base: "top" });
  if (scattered) return (px, py) => nearest(trend, x, y, px, py);
  return (px, py) => locate(trend, x, box, px, py);
}

/**
 * A trend without LS 0, which is no LS: what was imported of the whole run, as words beside it.
 * An element that has LSs has nothing there: its 0 entries say nothing.
 */
function apart(trend) {
  const at = trend?.lumisections.indexOf(0) ?? -1;
  if (at < 0) return [trend, ""];
  const without = (list) => list?.filter((_, i) => i !== at);
  const { lumisections, values, errors, closed, x } = trend;
  const value = values[at];
  return [
    { ...trend, lumisections: without(lumisections), values: without(values), errors: without(errors), closed: without(closed), x: without(x) },
    Number.isFinite(value) && value !== 0 ? `whole run: ${number(value)}` : "",
  ];
}

/**
 * Both ends of the error bars of closed LSs, but for bars that would press all the others flat: those
 * more than four times as long as the middle one are cut off by the frame.
 */
function barEnds({ values, errors, closed }, places) {
  const bars = values.map((value, i) => ({ value, error: errors?.[i] })).filter(({ value, error }, i) =>
    closed[i] && error > 0 && Number.isFinite(value) && Number.isFinite(places[i]));
  const most = 4 * (bars.map(({ error }) => error).sort((a, b) => a - b)[bars.length >> 1] ?? 0);
  return bars.filter(({ error }) => error <= most).flatMap(({ value, error }) => [value - error, value + error]);
}

/** From where to where the numbers and their bars go, with some room; 0 is kept where it is near. */
export function reach(known, bars) {
  const low = [...known, ...bars].reduce((a, b) => Math.min(a, b));
  const high = [...known, ...bars].reduce((a, b) => Math.max(a, b));
  const room = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

/** A scale with room for points at its ends. */
function around(known) {
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const room = (high - low) * 0.03 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function shade(pen, [first, last], x, box) {
  const left = Math.max(box.left, x.at(first - 0.5));
  const right = Math.min(box.left + box.width, x.at(last + 0.5));
  pen.fillStyle = "rgba(98, 183, 240, 0.12)";
  if (right > left) pen.fillRect(left, box.top, right - left, box.height);
}

function drawLine(pen, { lumisections, values, errors, closed, places, scattered, chosen }, x, y, box) {
  const radius = scattered ? 2.5 : Math.max(1, Math.min(3, box.width / lumisections.length / 3));
  const line = new Path2D();
  let joined = false;
  values.forEach((value, i) => {
    const finite = Number.isFinite(value) && closed[i] && !scattered;
    if (finite && joined) line.lineTo(x.at(places[i]), y.at(value));
    else if (finite) line.moveTo(x.at(places[i]), y.at(value));
    joined = finite;
  });
  pen.strokeStyle = INK.line;
  pen.lineWidth = 1.25;
  pen.stroke(line);
  drawBars(pen, { values, errors, places }, x, y, radius);
  values.forEach((value, i) => {
    if (!Number.isFinite(value) || !Number.isFinite(places[i])) return;
    const inside = !scattered || !chosen || (chosen[0] <= lumisections[i] && lumisections[i] <= chosen[1]);
    pen.beginPath();
    pen.arc(x.at(places[i]), y.at(value), radius, 0, 7);
    pen.fillStyle = !closed[i] ? INK.empty : inside ? INK.line : INK.muted;
    pen.fill();
    if (!closed[i]) pen.stroke();
  });
}

/** Standard errors: a line through each point, with a cap where there is room for one. */
function drawBars(pen, { values, errors, places }, x, y, radius) {
  const bars = new Path2D();
  const cap = radius >= 2 ? radius : 0;
  values.forEach((value, i) => {
    const error = errors?.[i];
    if (!(error > 0) || !Number.isFinite(value) || !Number.isFinite(places[i])) return;
    const [at, low, high] = [x.at(places[i]), y.at(value - error), y.at(value + error)];
    bars.moveTo(at, low);
    bars.lineTo(at, high);
    for (const end of [low, high]) {
      bars.moveTo(at - cap, end);
      bars.lineTo(at + cap, end);
    }
  });
  pen.lineWidth = 1;
  pen.stroke(bars);
}

/** A value as words, with its error if it has one. */
function told(value, error) {
  return error > 0 ? `${number(value)} ± ${number(error)}` : number(value);
}

function locate({ lumisections, values, errors, closed }, x, box, px, py) {
  if (py < box.top || py > box.top + box.height || px < box.left || px > box.left + box.width) return null;
  const lumisection = Math.round(x.value(px));
  const i = lumisections.indexOf(lumisection);
  if (i < 0) return null;
  const left = x.at(lumisection - 0.5);
  return {
    lumisection,
    text: `LS ${lumisection}: ${told(values[i], errors?.[i])}${closed[i] ? "" : " (still open)"}`,
    box: { left, top: box.top, width: x.at(lumisection + 0.5) - left, height: box.height },
  };
}

/** The LS whose point is nearest, within reach of the pointer. */
function nearest({ lumisections, values, errors, closed, against, x: places }, x, y, px, py) {
  let [best, found] = [12, -1];
  values.forEach((value, i) => {
    if (!Number.isFinite(value) || !Number.isFinite(places[i])) return;
    const distance = Math.hypot(x.at(places[i]) - px, y.at(value) - py);
    if (distance < best) [best, found] = [distance, i];
  });
  if (found < 0) return null;
  const [left, top] = [x.at(places[found]) - 4, y.at(values[found]) - 4];
  const open = closed[found] ? "" : " (still open)";
  return {
    lumisection: lumisections[found],
    text: `LS ${lumisections[found]}, ${AGAINST[against]} ${number(places[found])}: ${told(values[found], errors?.[found])}${open}`,
    box: { left, top, width: 8, height: 8 },
  };
}
