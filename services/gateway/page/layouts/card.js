/** A cell of a layout on the page: its title, its canvases, what the shifter should know, and what is lacking. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { lumisections, number } from "../format.js";
import { markWords } from "../marks.js";
import { badge, setBadge } from "../outcomes.js";
import { describePlot } from "../plot.js";
import { statistics } from "../plots/shapes.js";
import { setLinked } from "./linked.js";

let made = 0;

export class Card {
  constructor(cell) {
    made += 1;
    this.cell = cell;
    this._description = h("p", { class: "cell-description", id: `cell-${made}` });
    this._title = h("a", { class: "cell-title", "aria-describedby": `cell-${made}` });
    this._badge = badge("NOT_RUN");
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.other = h("canvas", { "aria-hidden": "true" });
    this._otherBadge = badge("NOT_RUN");
    this._captions = [h("span"), h("span")];
    this._pair = h("figure", { hidden: true }, h("figcaption", {}, this._otherBadge, this._captions[1]), this.other);
    this._differs = h("strong", { class: "differs", hidden: true }, "▲ outcomes differ");
    this._mine = h("figcaption", { hidden: true }, this._captions[0]);
    this._nothing = h("div", { class: "cell-nothing", hidden: true }, h("b"), h("code"), h("span"));
    this._statistics = h("dl", { class: "statistics", hidden: true });
    this._over = h("ul", { class: "cell-over" });
    this._foot = h("footer", {}, h("span"), h("span"));
    this.tools = h("div", { class: "cell-tools", role: "toolbar", hidden: true });
    this.root = h("article", { class: "card cell" },
      h("header", {}, this._badge, h("h3", {}, this._title), this._differs, this.tools),
      h("div", { class: "cell-plots" }, h("figure", {}, this._mine, this.canvas), this._nothing, this._pair, this._statistics),
      this._over, this._description, this._foot);
  }

  /** What does not change with the contents. */
  describe(cell, { elements, link, editing, columns, pair, run }) {
    this.cell = cell;
    const [path] = cell.paths;
    const element = elements.get(path);
    this.isThere = Boolean(element) || Boolean(cell.set);
    this.label = cell.title || element?.title || path.split("/").at(-1);
    setText(this._title, this.label);
    setAttributes(this._title, { href: this.isThere && !editing ? link(path) : null, title: cell.paths.join("\n") });
    setLinked(this._description, cell.description || element?.description || "");
    Object.assign(this.root.style, { gridColumn: `span ${Math.min(cell.span, columns)}`, gridRow: `span ${cell.rows}` });
    setAttributes(this.root, { "data-wide": pair, "data-rows": cell.rows > 1 ? cell.rows : null, "data-there": this.isThere });
    for (const part of [this._pair, this._mine]) show(part, pair);
    show(this.canvas.parentElement, this.isThere);
    show(this._nothing, !this.isThere);
    if (!this.isThere) this._lack(path, elements.size > 0, run);
    const others = cell.paths.slice(1);
    keyed(this._over, others, () => h("li", {}, h("a"), h("small")), (item, each) => {
      setText(item.firstElementChild, elements.get(each)?.title ?? each);
      const there = elements.has(each) || Boolean(cell.set);
      setAttributes(item.firstElementChild, { href: there && !editing ? link(each) : null, title: each });
      setText(item.lastElementChild, there ? "" : "not booked in this run");
    });
    show(this._over, others.length > 0);
  }

  /** Why nothing is drawn here. */
  _lack(path, known, run) {
    const [head, code, why] = this._nothing.children;
    setText(head, known ? "Not there" : "Waiting");
    setText(code, path);
    setText(why, known ? `Run ${run ?? "–"} books no element of this path.` : "What the run books is not known yet.");
    this._say(null, null);
    setAttributes(this.root, { "data-drawn": false, "aria-label": `${this.label}: ${head.textContent.toLowerCase()}. ${path}. ${why.textContent}` });
  }

  /** What has been drawn: contents, outcome, what could not be drawn over it. */
  drawn(plot, outcome, lacking, stats) {
    const { window: words, totals, element } = plot?.header ?? {};
    this._say(outcome, words, totals && element?.axes.length ? totals.entries : null);
    setAttributes(this.root, {
      "data-drawn": Boolean(plot),
      "aria-label": `${this.label}: ${describePlot(plot)}; ${outcome ?? "no quality test"}`,
    });
    const problems = lacking.map(({ label, why }) => `${label}: ${why}`);
    setAttributes(this._foot, { title: problems.join("\n") });
    if (problems.length) setText(this._foot.lastElementChild, `▲ ${problems[0]}${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}`);
    const rows = stats ? statistics(plot).slice(0, 5) : [];
    keyed(this._statistics, rows.map(([name]) => name), (name) => h("div", {}, h("dt", {}, name), h("dd")), (row, name) => {
      setText(row.lastElementChild, number(rows.find(([each]) => each === name)[1]));
    });
    show(this._statistics, rows.length > 0);
  }

  /**
   * What has been drawn beside, of another set or a candidate; `says` in what contents differ, `covers` which LSs if they
   * are others, `both` how both judged the same LS.
   */
  paired(names, outcomes, other, { says, covers, both, problem }) {
    names.forEach((name, at) => setText(this._captions[at], at && covers ? `${name}, ${covers}` : name));
    const { totals, element, problem: lacks, away } = other?.header ?? {};
    const isThere = Boolean(totals);
    setAttributes(this.root, { "data-beside": isThere });
    if (!this.isThere && element && !this.cell.title) setText(this._title, element.title);
    show(this._otherBadge, outcomes[1] !== null);
    setBadge(this._otherBadge, outcomes[1] ?? "NOT_RUN");
    // Of a candidate that is away nobody knows what it has.
    const lone = this.isThere ? (lacks && !away ? names[0] : "") : isThere ? names[1] : "";
    const [ours, theirs] = both?.outcomes ?? [];
    const differs = isThere && this.isThere && ours !== theirs;
    const untested = [theirs, ours].indexOf(null);
    const how = untested < 0 ? "outcomes differ" : `judged only ${names[untested]}`;
    const words = lone ? `only ${lone}` : [differs && how, says].filter(Boolean).join(", ");
    setText(this._differs, words ? `▲ ${words}` : "");
    show(this._differs, Boolean(words));
    setAttributes(this._differs, { title: !differs ? null : `LS ${both.lumisection}: ${ours ?? "no test"} here, ${theirs ?? "no test"} beside` });
    setAttributes(this.root, { "data-differs": differs });
    setAttributes(this._pair, { title: problem || null });
  }

  _say(outcome, words, entries = null) {
    show(this._badge, outcome !== null);
    setBadge(this._badge, outcome ?? "NOT_RUN");
    setAttributes(this.root, { "data-outcome": outcome });
    setText(this._foot.firstElementChild, words?.run ? [`run ${words.run}`, lumisections(words), ...markWords(words.marks)].join(" · ") : "");
    setText(this._foot.lastElementChild, entries === null ? "" : `${number(entries)} entries`);
  }
}
