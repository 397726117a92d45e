/**
 * Time travel: along the run by LSs, with a slider, by playing, or to where the verdict changed, of the
 * element that is shown large, else of the workspace; and in what was known, to any moment of the
 * past, with a slider too; and the LSs that are shown can be held, to compare others with them. Keys: `[` and `]` go to changes of the verdict, `c` holds.
 */

import { sheet } from "../canvas.js";
import { byId, framed, h, keyed, setAttributes, setText, show } from "../dom.js";
import { clock, zone } from "../format.js";
import { candidateOf, sourceName } from "../layouts/source.js";
import { HEIGHTS, OUTCOMES } from "../outcomes.js";
import { changesAt } from "../overview/changes.js";
import { MOST, formatOver, parseOver } from "../plots/others.js";
import { rangeOf, unreadMoment } from "../router.js";
import { windowEnds } from "../windows.js";
import { Knowledge } from "./knowledge.js";
import { Verdicts } from "./verdicts.js";

const STEP = 1000;

export class Travel {
  constructor(model, router) {
    Object.assign(this, { _model: model, _router: router, _timer: 0 });
    this._verdicts = new Verdicts(model, router);
    this._verdicts.addEventListener("outcomes", framed(() => this.draw()));
    this._before = button("◂ change", "", "[", () => this.jump(-1));
    this._after = button("change ▸", "", "]", () => this.jump(1));
    this._nowhere = h("small", { class: "nowhere", role: "status", hidden: true });
    this._play = button("▶ Play", "Show one LS after the other", null, () => this._toggle());
    this._track = h("canvas", { "aria-hidden": "true" });
    this._slider = h("input", { type: "range", step: 1, "aria-label": "Lumisection that is shown", oninput: () => this._go(this._slider.valueAsNumber) });
    this._moment = h("input", { type: "datetime-local", step: 1, "aria-label": "Moment whose knowledge is shown", onchange: () => this._travel() });
    this._zone = h("small", { title: "The zone of all times of this page: the browser's" });
    this._past = button("As it was known at …", "Plots and outcomes as the shifter saw them at a moment", null, () => this._open());
    this._knowledge = new Knowledge((at) => router.go({ at }, { replace: true }));
    this._banner = h("p", { id: "past", role: "status", hidden: true }, h("b"), h("span"), button("Back to now", "Show what is known now", null, () => router.go({ at: "" })));
    this._unread = h("p", { id: "unread", role: "alert", hidden: true }, h("b"), h("span"), button("Show now", "Take the moment out of the address", null, () => router.go({ at: "" })));
    this._hold = button("Compare", "Hold the LSs that are shown, and draw them over others that the slider or the strip shows then", "c", () => this.hold());
    this._held = h("span", { class: "held", role: "status" });
    byId("travel").append(this._before, this._play, h("div", { class: "slide" }, this._track, this._slider), this._after, this._nowhere, this._hold, this._held, this._past, this._moment, this._zone, this._knowledge.root);
    for (const part of [this._moment, this._zone]) show(part, false);
    byId("strip").before(this._banner, this._unread);
    document.addEventListener("keydown", (event) => this._key(event));
    window.addEventListener("resize", () => this.draw());
  }

  draw() {
    const { lumisections: rows, chosen, moment } = this._model;
    const { at, view } = this._router.route;
    if (this._timer && view) this._stop();
    show(byId("travel"), rows.length > 1 || moment !== null);
    if (rows.length) {
      const value = chosen || rows.at(-1).lumisection;
      setAttributes(this._slider, { min: rows[0].lumisection, max: rows.at(-1).lumisection, "aria-valuetext": `LS ${value}${chosen ? "" : ", the newest"}` });
      this._slider.value = value;
    }
    const judged = this._judged();
    const changes = changesAt(...judged);
    const here = chosen ?? Infinity;
    this._drawNowhere(judged[0]);
    this._before.disabled = !changes.some((lumisection) => lumisection < here);
    this._play.disabled = !rows.length;
    this._after.disabled = !changes.some((lumisection) => lumisection > here);
    this._drawUnread();
    show(this._banner, moment !== null);
    document.body.toggleAttribute("data-past", moment !== null);
    if (moment !== null) {
      setText(this._banner.children[0], `As it was known at ${clock(moment)} (${zone(moment)})`);
      setText(this._banner.children[1], pastWords(this._model));
      if (document.activeElement !== this._moment) this._moment.value = local(new Date(at));
    }
    // The field takes the browser's time: whoever is at home reads another clock than the log book.
    setText(this._zone, zone(moment ?? undefined));
    const isAsked = moment !== null || this._asked === true;
    for (const part of [this._moment, this._zone]) show(part, isAsked);
    const { live, run } = this._model;
    this._knowledge.draw(isAsked ? this._model.lumisectionsNow : [], moment, live && !run?.ended ? Date.now() * 1e6 : null);
    this._drawHeld();
    drawTrack(this._track, ...judged, chosen);
  }

  /** What stands in the address for a moment and is none: what is shown is not the past. */
  _drawUnread() {
    const at = unreadMoment(location.hash);
    show(this._unread, Boolean(at));
    if (!at) return;
    setText(this._unread.children[0], "This is now, not the past");
    setText(this._unread.children[1], `The address asks for the moment “${at.slice(0, 60)}”, which is none: expected date, time and zone as 2026-11-22T03:12:00Z.`);
  }

  /** Rows of LSs and whose outcome of them is meant: of an element that is large its own, in `worst`. */
  _judged() {
    const { lumisections: rows } = this._model;
    const { workspace, path, view } = this._router.route;
    return path && !view ? [this._verdicts.rows(), ""] : [rows, workspace];
  }

  /** What the jumps go by, and why there is nowhere to jump to. */
  _drawNowhere(rows) {
    const { path, view, workspace } = this._router.route;
    const why = path && !view ? this._verdicts.why(rows) : "";
    setText(this._nowhere, why);
    show(this._nowhere, Boolean(why));
    const whose = path && !view ? "of this element" : workspace ? `of ${workspace}` : "of the worst workspace";
    for (const [step, key, words] of [[this._before, "[", "The LS before this"], [this._after, "]", "The next LS"]]) {
      setAttributes(step, { title: why || `${words} at which the verdict ${whose} became another (${key})` });
    }
  }

  /** To the LS before or after the one that is shown at which the verdict became another. */
  jump(by) {
    const changes = changesAt(...this._judged());
    const here = this._model.chosen ?? Infinity;
    const to = by < 0 ? changes.findLast((lumisection) => lumisection < here) : changes.find((lumisection) => lumisection > here);
    if (to !== undefined) this._go(to);
  }

  /** Hold the window that is shown: other LSs are compared with it, until it is let go. */
  hold() {
    const { over, window: word } = this._router.route;
    const ends = rangeOf(word) ?? windowEnds(word, this._model.lumisections);
    const run = this._model.run?.run;
    const items = parseOver(over);
    if (!ends || !run || items.length >= MOST) return;
    const holding = parseOver([over, `${run}:${ends.join("-")}`].join(","));
    // Of what is still filled, the same LSs stay: the window goes on, what is held does not.
    this._router.go({ over: formatOver(holding), window: rangeOf(word) ? word : "lumisection" });
  }

  _drawHeld() {
    const items = parseOver(this._router.route.over);
    this._hold.disabled = items.length >= MOST || !this._model.lumisections.length;
    keyed(this._held, items.map(({ word }) => word), (word) => h("button", {
      type: "button", class: "chip", title: "Compare with it no more",
      onclick: () => this._router.go({ over: formatOver(parseOver(this._router.route.over).filter((item) => item.word !== word)) }),
    }), (chip, word) => setText(chip, `over ${candidateOf(word) ? sourceName(word) : `run ${word.replace(":", ", LS ")}`} ✕`));
  }

  _go(lumisection) {
    this._router.go({ window: `${lumisection}-${lumisection}` }, { replace: true });
  }

  _toggle() {
    if (this._timer) this._stop();
    else {
      const { lumisections: rows, chosen } = this._model;
      if (chosen === null || chosen === rows.at(-1)?.lumisection) this._go(rows[0].lumisection);
      this._timer = setInterval(() => this._step(), STEP);
    }
    setText(this._play, this._timer ? "■ Stop" : "▶ Play");
  }

  _step() {
    const { lumisections: rows, chosen } = this._model;
    const next = rows.find(({ lumisection }) => lumisection > chosen);
    if (chosen === null || !next) this._stop();
    else this._go(next.lumisection);
  }

  _stop() {
    clearInterval(this._timer);
    this._timer = 0;
    setText(this._play, "▶ Play");
  }

  _open() {
    this._asked = true;
    if (!this._moment.value) this._moment.value = local(new Date());
    this.draw();
    this._moment.focus();
  }

  _travel() {
    const moment = new Date(this._moment.value);
    const at = Number.isNaN(moment.getTime()) ? "" : moment.toISOString().replace(".000Z", "Z");
    this._router.go({ at });
  }

  _key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    if (this._router.route.view || !["[", "]", "c"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "c") this.hold();
    else this.jump(event.key === "[" ? -1 : 1);
  }
}

function button(text, title, key, onclick) {
  return h("button", { type: "button", title: key ? `${title} (${key})` : title, "aria-keyshortcuts": key, onclick }, text);
}

function pastWords({ live, lumisections: rows }) {
  if (!live) return "Contents are those stored by then; when outcomes of a stored run were found is not listed.";
  if (!rows.length) return "Nothing of this run was known then.";
  return `Up to LS ${rows.at(-1).lumisection}. Contents are those stored by then; an outcome that was found anew since is left out.`;
}

/** A date as a field of local time wants it. */
function local(date) {
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function drawTrack(canvas, rows, workspace, chosen) {
  const { pen, width, height } = sheet(canvas);
  if (!width || !rows.length) return;
  const first = rows[0].lumisection;
  const step = width / (rows.at(-1).lumisection - first + 1);
  for (const row of rows) {
    const outcome = (workspace ? row.outcomes[workspace]?.[0] : row.worst) ?? "NOT_RUN";
    const tall = (HEIGHTS[outcome] ?? 0.15) * height;
    pen.fillStyle = (OUTCOMES[outcome] ?? OUTCOMES.NOT_RUN).colour;
    pen.globalAlpha = chosen === null || row.lumisection === chosen ? 1 : 0.6;
    pen.fillRect((row.lumisection - first) * step, height - tall, Math.max(1, step - (step > 3 ? 1 : 0)), tall);
  }
}
