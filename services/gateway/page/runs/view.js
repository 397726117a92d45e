/** The runs: a list with accounting and outcomes, and a page for each. */

import { ask } from "../api.js";
import { h, framed, keyed, setAttributes, setText, show } from "../dom.js";
import { plural } from "../format.js";
import { badge, isProblem, setBadge } from "../outcomes.js";
import { filterForm, formatFilters, isMeant, parseFilters } from "./filters.js";
import { KnownRuns } from "./known.js";
import { RunPage } from "./page.js";
import { accountWords, isLacking, runWords } from "./words.js";

const PAGE = 50;
const MOST = 1000;

/** The word of the address for the page of one run. */
const ONE = "page";

/** Open the view in `root`; see `views.js`. */
export function open(root, parts) {
  const view = new Runs(root, parts);
  return { follow: (route) => view.follow(route), leave: () => view.leave() };
}

class Runs {
  constructor(root, { model, router }) {
    Object.assign(this, { _model: model, _router: router, _shown: false, _older: [], _after: null, _problem: "" });
    this._known = new KnownRuns();
    this._form = filterForm((filters) => router.go({ runs: formatFilters(filters) }, { replace: true }));
    this._words = h("p", { class: "well", role: "status" });
    this._body = h("ol", { class: "runs" });
    this._more = h("button", { type: "button", onclick: () => this._fetch() }, "Older runs");
    this._list = h("div", {}, h("header", {}, h("h1", {}, "Runs"), this._words), this._form.root, this._body, this._more);
    this._page = new RunPage(model, router, this._known);
    root.append(this._list, this._page.root);
    this._redraw = framed(() => this._shown && this._draw());
    model.addEventListener("change", ({ detail: { what } }) => ["runs", "run", "strip"].includes(what) && this._redraw());
    this._known.addEventListener("change", this._redraw);
    window.addEventListener("resize", this._redraw);
  }

  follow() {
    const begins = !this._shown;
    this._shown = true;
    if (begins) {
      this._older = [];
      this._after = null;
      this._fetched = null;
      this._fetch();
    }
    this._draw();
  }

  leave() {
    this._shown = false;
  }

  async _fetch() {
    try {
      const found = await ask("runs", { limit: PAGE, after: this._after });
      this._older.push(...found.runs);
      this._after = found.after;
      this._problem = "";
    } catch (error) {
      this._problem = error.message;
    }
    this._redraw();
  }

  /** Runs of the pages that were asked for, live ones as they are now, newest first. */
  get _rows() {
    const rows = new Map(this._older.map((row) => [row.run, row]));
    for (const row of Object.values(this._model.boards.runs.rows)) rows.set(row.run, row);
    return [...rows.values()].sort((a, b) => b.run - a.run);
  }

  _draw() {
    const { route } = this._router;
    const one = route.runs === ONE;
    show(this._list, !one);
    show(this._page.root, one);
    if (one) this._page.draw(this._rows);
    else this._drawList(parseFilters(route.runs));
  }

  _drawList(filters) {
    this._form.set(filters);
    const rows = this._rows;
    const meant = rows.map((row) => [row, isMeant(row, needs(filters) ? this._known.of(row) : null, filters)]);
    const shown = new Map(meant.filter(([, is]) => is).map(([row]) => [row.run, row]));
    const unknown = meant.filter(([, is]) => is === null).length;
    const words = [`${plural(shown.size, "run")} of ${rows.length} looked at`, unknown ? `${unknown} being read` : "", this._problem];
    setText(this._words, words.filter(Boolean).join(" · "));
    keyed(this._body, shown.keys(), entry, (item, run) => this._drawRow(item, shown.get(run)));
    show(this._more, this._after !== null && rows.length < MOST);
    // Filters look on by themselves until there is a page full.
    if (this._after !== null && !unknown && shown.size < PAGE && rows.length < MOST && formatFilters(filters)) this._fetchSoon();
  }

  _fetchSoon() {
    const after = this._after;
    if (this._fetched === after) return;
    this._fetched = after;
    this._fetch();
  }

  _drawRow(item, row) {
    const about = this._known.of(row);
    const [link, outcomes, account] = item.children;
    setAttributes(link, { href: this._router.link({ view: "runs", runs: ONE, run: row.run, path: "", window: "last-10" }) });
    setBadge(link.children[0], about?.worst ?? "NOT_RUN");
    setText(link.children[1], `Run ${row.run}`);
    setText(link.children[2], runWords(row, about).join(" · "));
    const names = Object.keys(about?.outcomes ?? {});
    keyed(outcomes, names, () => h("a", {}, badge("NOT_RUN"), h("span")), (part, name) => {
      const { worst, judged, problems } = about.outcomes[name];
      setBadge(part.firstElementChild, worst);
      setText(part.lastElementChild, problems ? `${name} ${problems} of ${judged}` : name);
      setAttributes(part, {
        href: this._router.link({ view: "", runs: "", run: row.run, workspace: name, path: "", window: "run" }),
        title: `${name}: ${judged ? `${problems} of ${judged} LSs that were judged have problems` : "no LS was judged"}`,
        "data-problem": isProblem(worst),
      });
    });
    setText(account, about ? accountWords(about.accounting) : "being read");
    setAttributes(account, { "data-bad": Boolean(about && isLacking(about.accounting)) });
  }
}

function entry() {
  return h("li", {}, h("a", { class: "run" }, badge("NOT_RUN"), h("b"), h("small")), h("div", { class: "outcomes" }), h("p"));
}

const needs = ({ outcome, lumi }) => Boolean(outcome || lumi);
