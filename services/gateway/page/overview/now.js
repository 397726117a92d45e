/** How data taking goes: big figures of now, each with a strip over the LSs. */

import { sheet } from "../canvas.js";
import { setAttributes, setText, h, keyed } from "../dom.js";
import { age, number, timeOf } from "../format.js";

const LUMISECTIONS = 120;
const BAR = "#62b7f0";
const OPEN = "#3f6f92";
const CHOSEN = "#ffffff";

/** Figures with strips, by name: title, unit, the number of one LS, the number of now. */
const FIGURES = new Map([
  ["rate", { title: "Rate", of: rateOf, now: nowRate, says: "events per second, LS by LS" }],
  ["delay", { title: "Stream delay", of: delayOf, now: nowDelay, says: "seconds from the newest events of an LS to their histograms in the log" }],
  ["pileup", { title: "Pile-up", of: (row) => row.conditions?.pileup ?? null, now: ofConditions("pileup"), says: "mean number of interactions, LS by LS" }],
  ["luminosity", { title: "Luminosity /cm²/s", of: (row) => row.conditions?.luminosity ?? null, now: ofConditions("luminosity"), says: "instantaneous luminosity in /cm²/s, LS by LS" }],
]);

/** Words without strips. */
const WORDS = new Map([
  ["fill", ["Fill", ({ conditions }) => conditions?.fill ?? "–"]],
  ["beams", ["Beam mode", ({ conditions }) => conditions?.beam_mode || (conditions?.beams_stable ? "STABLE" : "–")]],
  ["age", ["Newest data", ({ fresh, moment }) => (moment !== null ? `as known at ${timeOf(moment)}` : fresh.seconds === null ? "–" : `${age(fresh.seconds)} ago`)]],
]);

export class Now {
  constructor(root, model) {
    this._root = root;
    this._model = model;
  }

  draw() {
    const known = stateOf(this._model);
    const names = [...WORDS.keys(), ...[...FIGURES.keys()].filter((name) => isKnown(name, known))];
    keyed(this._root, names, make, (part, name) => this._draw(part, name, known));
  }

  _draw(part, name, known) {
    const value = part.querySelector("dd");
    if (WORDS.has(name)) {
      setText(value, String(WORDS.get(name)[1](known)));
      return;
    }
    const figure = FIGURES.get(name);
    setText(value, figure.now(known));
    const shown = known.rows.slice(-LUMISECTIONS);
    const values = shown.map((row, i) => figure.of(row, shown[i + 1], known));
    const canvas = part.querySelector("canvas");
    const numbers = values.filter((each) => each !== null);
    const span = numbers.length ? `${number(Math.min(...numbers), 3)} to ${number(Math.max(...numbers), 3)}` : "not known";
    setAttributes(canvas, { "aria-label": `${figure.says}: ${span}`, title: `${figure.says}: ${span}` });
    drawBars(canvas, shown, values, this._model.chosen);
  }
}

function make(name) {
  if (WORDS.has(name)) return h("div", { class: "word" }, h("dt", {}, WORDS.get(name)[0]), h("dd"));
  return h("div", { class: "figure" }, h("dt", {}, FIGURES.get(name).title), h("dd"), h("canvas", { role: "img" }));
}

/** What all figures are made from. */
function stateOf(model) {
  const { rate, conditions } = model.boards.run.header;
  const fresh = model.freshness;
  const { moment, lumisections: rows } = model;
  if (moment === null) return { rate, conditions, fresh, run: model.run, rows, moment };
  return { rate: null, conditions: rows.at(-1)?.conditions ?? null, fresh, run: null, rows, moment };
}

function isKnown(name, { rows }) {
  return ["rate", "delay"].includes(name) || rows.some((row) => FIGURES.get(name).of(row) !== null);
}

/** Events per second of the log's clock; only of an LS that is over. */
function rateOf(row, next) {
  if (!row.began || !next?.began || next.began <= row.began) return null;
  return row.seen / ((next.began - row.began) / 1e9);
}

/** Seconds from the newest events of an LS to their histograms. */
function delayOf(row) {
  return row.delay ?? null;
}

function nowRate({ rate, fresh, run, rows, moment }) {
  if (moment !== null) {
    // Of an LS that was over then, as far as is known now.
    const past = rows.length > 1 ? rateOf(rows.at(-2), rows.at(-1)) : null;
    return past === null ? "–" : `${number(past, 3)} ev/s`;
  }
  if (fresh.state === "live" && rate !== null && rate !== undefined) return `${number(rate, 3)} ev/s`;
  const mean = fresh.state === "ended" ? meanRate(run, rows) : null;
  return mean === null ? "–" : `${number(mean, 3)} ev/s, mean of the run`;
}

/** Events per second of a run that is over, from its first LS to its newest histograms; null if either is not known. */
function meanRate(run, rows) {
  const from = rows[0]?.began ?? run?.began;
  const until = run?.newest;
  return run?.events && from && until > from ? run.events / ((until - from) / 1e9) : null;
}

function nowDelay({ rows }) {
  const delay = rows.length ? delayOf(rows.at(-1)) : null;
  return delay === null ? "–" : age(delay);
}

function ofConditions(name) {
  return ({ conditions }) => {
    const value = conditions?.[name] ?? null;
    return value === null ? "–" : number(value, 3);
  };
}

/** Bars from zero: heights can be compared. What is not known is a dot on the line, not a zero. */
function drawBars(canvas, rows, values, chosen) {
  const { pen, width, height } = sheet(canvas);
  if (!width) return;
  const most = Math.max(...values.map((value) => value ?? 0), 1e-12);
  const step = Math.min(14, width / Math.max(30, rows.length));
  rows.forEach((row, i) => {
    const x = width - (rows.length - i) * step;
    pen.fillStyle = row.lumisection === chosen ? CHOSEN : row.closed ? BAR : OPEN;
    const tall = values[i] === null ? 1 : Math.max(1.5, (values[i] / most) * (height - 2));
    pen.fillRect(x, height - tall, Math.max(1, step - 1), tall);
  });
}
