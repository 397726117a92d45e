/** The runs: a list with accounting and outcomes, and a page for each. */

import { h, framed, keyed, setAttributes, setText, show } from "../dom.js";
import { plural, zone } from "../format.js";
import { badge, isProblem, setBadge } from "../outcomes.js";
import { filterForm, formatFilters, parseFilters, queryOf } from "./filters.js";
import { KnownRuns } from "./known.js";
import { RunPage } from "./page.js";
import { RunPages } from "./pages.js";
import { countWords, isShort, runWords } from "./words.js";

/** The word of the address for the page of one run. */
const ONE = "page";

/** Open the view in `root`; see `views.js`. */
export function open(root, parts) {
  const view = new Runs(root, parts);
  return { follow: (route) => view.follow(route), leave: () => view.leave() };
}

class Runs {
  constructor(root, { model, router }) {
    Object.assign(this, { _model: model, _router: router, _shown: false });
    this._known = new KnownRuns();
    this._pages = new RunPages();
    this._form = filterForm((filters) => router.go({ runs: formatFilters(filters) }, { replace: true }));
    this._words = h("p", { class: "well", role: "status" });
    this._body = h("ol", { class: "runs" });
    this._more = h("button", { type: "button", onclick: () => this._pages.older() }, "Older runs");
    this._list = h("div", {}, h("header", {}, h("h1", {}, "Runs"), this._words), this._form.root, this._body, this._more);
    this._page = new RunPage(model, router, this._known);
    root.append(this._list, this._page.root);
    this._redraw = framed(() => this._shown && this._draw());
    model.addEventListener("change", ({ detail: { what } }) => ["runs", "run", "strip"].includes(what) && this._follow());
    this._known.addEventListener("change", this._redraw);
    this._pages.addEventListener("change", this._redraw);
    window.addEventListener("resize", this._redraw);
  }

  follow() {
    const begins = !this._shown;
    this._shown = true;
    if (begins) this._pages.renew();
    this._draw();
  }

  _follow() {
    if (!this._shown) return;
    if (this._router.route.runs !== ONE) this._pages.renew();
    this._redraw();
  }

  leave() {
    this._shown = false;
  }

  /** Runs that were listed, live ones as they are now, newest first. */
  get _rows() {
    const live = this._model.boards.runs.rows;
    return this._pages.rows.map((row) => ({ ...row, ...live[row.run] }));
  }

  /** The same, and live ones that are not meant by the filters: a run may be looked at by its number. */
  get _all() {
    const rows = new Map(this._rows.map((row) => [row.run, row]));
    for (const row of Object.values(this._model.boards.runs.rows)) if (!rows.has(row.run)) rows.set(row.run, row);
    return [...rows.values()].sort((a, b) => b.run - a.run);
  }

  _draw() {
    const { route } = this._router;
    const one = route.runs === ONE;
    show(this._list, !one);
    show(this._page.root, one);
    // Without a run that is named or live it is the newest that is stored.
    if (one && !this._all.length) this._pages.list(queryOf(parseFilters("")));
    if (one) this._page.draw(this._all);
    else this._drawList(parseFilters(route.runs));
  }

  _drawList(filters) {
    this._form.set(filters);
    this._pages.list(queryOf(filters));
    const shown = new Map(this._rows.map((row) => [row.run, row]));
    const { more, busy, problem } = this._pages;
    const words = [plural(shown.size, "run"), more ? "older ones to be asked for" : "", busy && !shown.size ? "being read" : "", `times are ${zone()}`, problem];
    setText(this._words, words.filter(Boolean).join(" · "));
    keyed(this._body, shown.keys(), entry, (item, run) => this._drawRow(item, shown.get(run)));
    show(this._more, more);
  }

  _drawRow(item, row) {
    const { summary } = row;
    const [link, outcomes, account] = item.children;
    setAttributes(link, { href: this._router.link({ view: "runs", runs: ONE, run: row.run, path: "", window: "last-10" }) });
    setBadge(link.children[0], summary.worst);
    setText(link.children[1], `Run ${row.run}`);
    setText(link.children[2], runWords(row, summary).join(" · "));
    const names = Object.keys(summary.outcomes);
    keyed(outcomes, names, () => h("a", {}, badge("NOT_RUN"), h("span")), (part, name) => {
      const { worst, judged, problems } = summary.outcomes[name];
      setBadge(part.firstElementChild, worst);
      setText(part.lastElementChild, problems ? `${name} ${problems} of ${judged}` : name);
      setAttributes(part, {
        href: this._router.link({ view: "", runs: "", run: row.run, workspace: name, path: "", window: "run" }),
        title: `${name}: ${judged ? `${problems} of ${judged} LSs that were judged have problems` : "no LS was judged"}`,
        "data-problem": isProblem(worst),
      });
    });
    setText(account, countWords(summary.accounting));
    setAttributes(account, { "data-bad": isShort(summary.accounting) });
  }
}

function entry() {
  return h("li", {}, h("a", { class: "run" }, badge("NOT_RUN"), h("b"), h("small")), h("div", { class: "outcomes" }), h("p"));
}
