/** One number of an element in each of the newest runs: side by side in the order of their numbers. */

import { Refusal, ask, runWord } from "./api.js";
import { scale } from "./axes.js";
import { drawHorizontal, drawVertical, frame, roomForNames, roomForNumbers, say, sheet, sizes, stroke, write } from "./canvas.js";
import { INK } from "./colours.js";
import { clock, number, plural } from "./format.js";
import { OUTCOMES } from "./outcomes.js";
import { reach } from "./trend.js";

const RUNS = 60;
const FRESH = 15_000;
const KEEP = 30;

/** Trends over runs as they are wanted; `changed` is called with the path when one has come. */
export class TrendRuns {
  constructor(router, changed) {
    Object.assign(this, { router, _changed: changed });
    this._held = new Map();
  }

  /** Draw that of a path into a canvas; a function from a pixel to `{text, box, run}` of the run there, or null. */
  draw(canvas, path, quantity, title = quantity) {
    return drawRuns(canvas, this._get(path, quantity), { title, shown: this.router.route.run });
  }

  /** The answer, null before it has come; asked for again when it is not fresh. */
  _get(path, quantity) {
    const { run } = this.router.route;
    const key = JSON.stringify([run, path, quantity]);
    const held = this._held.get(key);
    if (!held || (!held.running && performance.now() - held.when > FRESH)) {
      this._held.delete(key);
      this._held.set(key, { trend: held?.trend ?? null, running: true });
      if (this._held.size > KEEP) this._held.delete(this._held.keys().next().value);
      this._fetch(key, run, { path, quantity, limit: RUNS });
    }
    return this._held.get(key).trend;
  }

  async _fetch(key, run, query) {
    let trend = this._held.get(key).trend;
    try {
      trend = await newest(run, query);
    } catch (error) {
      // Without an answer the last one stays: the head of the page says that the connection is lost.
      if (error instanceof Refusal) trend = { points: [], problem: error.message };
    }
    if (!this._held.has(key)) return;
    this._held.set(key, { trend, running: false, when: performance.now() });
    this._changed(query.path);
  }
}

/** Of the newest runs; where the current one has not booked the element, of the one shown and those before it. */
async function newest(run, query) {
  try {
    return await ask("runs/current/trend/runs", query);
  } catch (error) {
    if (run === null || !(error instanceof Refusal) || error.status !== 404) throw error;
    return ask(`runs/${runWord(run)}/trend/runs`, query);
  }
}

function drawRuns(canvas, trend, { title, shown }) {
  const { pen, width, height } = sheet(canvas);
  const points = [...(trend?.points ?? [])].reverse();
  const known = points.filter(({ value }) => Number.isFinite(value));
  if (!known.length) {
    say(pen, trend ? trend.problem || points.at(-1)?.problem || "no run with a number" : "", width, height, false);
    return () => null;
  }
  const names = points.map(({ run }) => String(run));
  const axis = { title: "run", names, bins: names.length, edges: [...names, ""].map((_, i) => i - 0.5) };
  const plain = { ...sizes(true), bottom: 42, font: 12 };
  const size = { ...plain, bottom: roomForNames(axis, width - plain.left - plain.right, height, plain) };
  const tall = height - size.top - size.bottom;
  const ends = known.filter(({ error }) => error > 0).flatMap(({ value, error }) => [value - error, value + error]);
  const y = scale(...reach(known.map(({ value }) => value), ends), size.top + tall, size.top);
  const left = roomForNumbers(pen, y, size);
  const box = { left, top: size.top, width: width - left - size.right, height: tall, floor: height };
  const x = scale(-0.5, points.length - 0.5, box.left, box.left + box.width);
  const at = points.findIndex(({ run }) => run === shown);
  if (at >= 0) {
    pen.fillStyle = "rgba(98, 183, 240, 0.12)";
    pen.fillRect(x.at(at - 0.5), box.top, x.at(at + 0.5) - x.at(at - 0.5), box.height);
  }
  drawVertical(pen, y, box, size, { title });
  drawHorizontal(pen, x, axis, box, size);
  frame(pen, box);
  points.forEach((point, i) => drawPoint(pen, point, x.at(i), y, box, size));
  return (px, py) => locate(points, x, box, px, py);
}

/** A point in the colour of its verdict, hollow while its run goes on; a run without a number is a cross at the foot. */
function drawPoint(pen, { value, error, ended, outcome }, at, y, box, size) {
  if (!Number.isFinite(value)) {
    write(pen, "×", at, box.top + box.height - 3, { size: size.font });
    return;
  }
  const colour = OUTCOMES[outcome]?.colour ?? INK.line;
  if (error > 0) stroke(pen, colour, [[at, y.at(value - error)], [at, y.at(value + error)]]);
  pen.beginPath();
  pen.arc(at, y.at(value), 3.5, 0, 7);
  pen.fillStyle = ended ? colour : INK.empty;
  pen.strokeStyle = colour;
  pen.fill();
  pen.stroke();
}

function locate(points, x, box, px, py) {
  const i = Math.round(x.value(px));
  const point = points[i];
  if (!point || py < box.top || py > box.top + box.height) return null;
  const left = x.at(i - 0.5);
  return { run: point.run, text: told(point), box: { left, top: box.top, width: x.at(i + 0.5) - left, height: box.height } };
}

/** A run in words: its number, when it began, how it was judged, and why it has no number. */
function told({ run, began, booked, value, error, outcome, lumisections, ended, problem }) {
  const has = Number.isFinite(value) || typeof value === "string";
  const amount = Number.isFinite(value) ? number(value) + (error > 0 ? ` ± ${number(error)}` : "") : value;
  return [
    `run ${run}: ${has ? amount : "no number"}`,
    booked === "same" ? "" : booked,
    outcome ?? "",
    began === null ? "" : clock(began),
    lumisections ? plural(lumisections, "LS") : "",
    ended ? "" : "goes on",
    problem,
  ].filter(Boolean).join(", ");
}
