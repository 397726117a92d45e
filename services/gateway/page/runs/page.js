/** The page of one run: an LS strip for each subsystem, where its events are, and what can be taken away. */

import { save } from "../api.js";
import { sheet } from "../canvas.js";
import { h, keyed, setAttributes, setText } from "../dom.js";
import { HEIGHTS, OUTCOMES, badge, isProblem, rank, setBadge } from "../outcomes.js";
import { accountingRows } from "../side.js";
import { percent } from "../overview/changes.js";
import { runWords } from "./words.js";

/** Formats of all elements of a workspace; `docs/http.md` has more. */
const FORMS = [
  { form: "root", title: "ROOT" }, { form: "csv", title: "CSV" }, { form: "parquet", title: "Parquet" },
];

export class RunPage {
  constructor(model, router, known) {
    Object.assign(this, { _model: model, _router: router, _known: known });
    this._back = h("a", {}, "‹ All runs");
    this._title = h("h1");
    this._words = h("p", { class: "well" });
    this._plots = h("a", { class: "button" }, "Its plots");
    this._strips = h("ol", { class: "strips" });
    this._account = h("dl", { class: "rows" });
    this._saved = h("p", { role: "status" });
    this._exports = h("table", {}, h("tbody"));
    this.root = h("div", { hidden: true },
      h("header", {}, this._back, this._title, this._words, this._plots),
      h("section", {}, h("h2", {}, "Outcomes, LS by LS"), this._strips),
      h("section", { class: "account" }, h("h2", {}, "Where its events are"), this._account),
      h("section", { class: "exports" }, h("h2", {}, "Take away: all plots of a subsystem, summed over the run"), this._saved, h("div", { class: "scroller" }, this._exports)));
  }

  draw(rows) {
    const { run: asked } = this._router.route;
    const number = asked ?? this._model.boards.runs.header.current ?? rows[0]?.run ?? null;
    const row = rows.find(({ run }) => run === number) ?? (number === null ? null : { run: number, newest: null, marks: [] });
    setAttributes(this._back, { href: this._router.link({ runs: "", run: null }) });
    setText(this._title, number === null ? "No run yet" : `Run ${number}`);
    if (!row) return;
    const about = this._known.of(row);
    setAttributes(this._plots, { href: this._router.link({ view: "", runs: "", path: "", workspace: "", window: "run" }) });
    setText(this._words, about ? runWords({ ...row, ...about.run }, about).join(" · ") : "being read");
    if (!about) return;
    const names = Object.keys(about.outcomes);
    keyed(this._strips, names, strip, (item, name) => this._drawStrip(item, name, about));
    this._drawAccount(about);
    this._drawExports(names, number);
  }

  _drawStrip(item, name, { rows, outcomes }) {
    const [head, canvas, spans] = item.children;
    const { worst, judged, problems, fraction } = outcomes[name];
    const [mark, label, words] = head.children;
    setBadge(mark, worst);
    setText(label, name);
    setAttributes(head, { href: this._router.link({ view: "", runs: "", workspace: name, path: "", window: "run" }) });
    setText(words, judged ? `${percent(fraction)} of ${judged} judged LSs good` : "no LS judged");
    const found = spansOf(rows, name);
    setAttributes(canvas, { "aria-label": `${name}: ${found.map(([outcome, first, last]) => `${outcome} ${spanWord(first, last)}`).join(", ")}` });
    drawStrip(canvas, rows, name);
    canvas.onclick = (event) => {
      const at = Math.floor((event.offsetX / canvas.clientWidth) * rows.length);
      const { lumisection } = rows[Math.min(rows.length - 1, at)];
      this._router.go({ view: "", runs: "", workspace: name, path: "", window: `${lumisection}-${lumisection}` });
    };
    const bad = new Map(found.filter(([outcome]) => isProblem(outcome)).slice(-12).map((span) => [span.join(" "), span]));
    keyed(spans, bad.keys(), () => h("a"), (link, key) => {
      const [outcome, first, last] = bad.get(key);
      setText(link, `${outcome} ${spanWord(first, last)}`);
      setAttributes(link, { href: this._router.link({ view: "", runs: "", workspace: name, path: "", window: `${first || 0}-${last || 0}` }) });
    });
  }

  _drawAccount({ accounting, rows }) {
    const found = new Map(accountingRows(accounting, rows));
    keyed(this._account, found.keys(), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      const [text, bad] = found.get(name);
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, text);
      setAttributes(row, { "data-bad": Boolean(bad) });
    });
  }

  _drawExports(names, number) {
    keyed(this._exports.firstElementChild, names, (name) => h("tr", {}, h("th", { scope: "row" }, name), FORMS.map(({ form, title }) => h("td", {},
      h("button", { type: "button", title: `${name} as ${title}`, onclick: (event) => this._save(name, form, event.currentTarget.closest("tr").dataset.run) }, title)))),
    (row) => setAttributes(row, { "data-run": number }));
  }

  async _save(workspace, form, run) {
    setText(this._saved, `${workspace} as ${form} is being made`);
    try {
      const bytes = await save(`runs/${run}/contents/${form}`, { workspace, match: "**", window: "run" }, `run${run}_${workspace}.${form}`);
      setText(this._saved, `${workspace} as ${form}: ${bytes} bytes saved`);
    } catch (error) {
      setText(this._saved, `${workspace} as ${form} cannot be had: ${error.message}`);
    }
  }
}

function strip() {
  return h("li", {}, h("a", {}, badge("NOT_RUN"), h("b"), h("small")), h("canvas", { role: "img" }), h("p", { class: "spans" }));
}

const spanWord = (first, last) => (first === last ? `LS ${first}` : `LS ${first}–${last}`);

/** Spans of LSs with the same outcome: `[outcome, first, last]`, rising. */
function spansOf(rows, name) {
  const spans = [];
  for (const { lumisection, outcomes } of rows) {
    const outcome = outcomes[name]?.[0] ?? "NOT_RUN";
    const last = spans.at(-1);
    if (last?.[0] === outcome && last[2] === lumisection - 1) last[2] = lumisection;
    else spans.push([outcome, lumisection, lumisection]);
  }
  return spans;
}

/** Of more LSs than pixels, the worst in a pixel is what is drawn. What is lacking is marked below. */
function drawStrip(canvas, rows, name) {
  const { pen, width, height } = sheet(canvas);
  if (!width || !rows.length) return;
  const step = width / rows.length;
  const order = rows.map((row, i) => [row, i]).sort(([a], [b]) => rank(a.outcomes[name]?.[0]) - rank(b.outcomes[name]?.[0]));
  for (const [row, i] of order) {
    const outcome = row.outcomes[name]?.[0] ?? "NOT_RUN";
    const tall = (HEIGHTS[outcome] ?? 0.12) * (height - 6);
    pen.fillStyle = (OUTCOMES[outcome] ?? OUTCOMES.NOT_RUN).colour;
    pen.fillRect(i * step, height - 5 - tall, Math.max(1, step - (step > 3 ? 1 : 0)), tall);
    if (row.closed && (!row.complete || row.late || row.missing.length || row.dropped)) {
      pen.fillStyle = OUTCOMES.WARNING.colour;
      pen.fillRect(i * step, height - 3, Math.max(1.5, step - 1), 3);
    }
  }
}
