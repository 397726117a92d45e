/** One element, large: plot, reports, description, numbers, trend and links. */

import { byId, framed, h, keyed, setAttributes, setText, show } from "./dom.js";
import { facts, largestBins } from "./facts.js";
import { badge, setBadge } from "./outcomes.js";
import { Alarms } from "./plots/alarms.js";
import { Controls } from "./plots/controls.js";
import { Downloads } from "./plots/downloads.js";
import { Fits } from "./plots/fits.js";
import { Large } from "./plots/large.js";
import { Unbooked } from "./plots/unbooked.js";
import { Viewer } from "./plots/viewer.js";
import { Reports } from "./reports.js";
import { setLinked } from "./layouts/linked.js";
import { rangeOf, viewOf } from "./router.js";
import { coveredWords } from "./stretches.js";
import { Tip } from "./tip.js";
import { Origin } from "./travel/origin.js";
import { AGAINST, drawTrend } from "./trend.js";
import { TrendRuns } from "./trendruns.js";

const QUANTITIES = ["mean", "entries", "rate", "median", "quantile:0.05", "quantile:0.95", "rms", "error", "nan", "outside"];
const RUNS = "runs";

export class Detail {
  constructor({ model, router, feed, trends, references, others, alarms, opened }) {
    Object.assign(this, { model, router, feed, trends, references, alarms, _opened: opened });
    this._origin = new Origin();
    this._paths = [];
    this._root = byId("detail");
    this._others = others;
    this._build();
    this.draw = framed(() => this._draw());
    this._reports = new Reports(this._parts.reports, { model, router });
    this._reports.addEventListener("reports", () => this.draw());
    feed.addEventListener("plot", ({ detail }) => [this._path, ...this._opened.over].includes(detail.path) && this.draw());
    trends.addEventListener("trend", ({ detail }) => detail.path === this._path && this.draw());
    references.addEventListener("reference", ({ detail }) => detail.path === this._path && this.draw());
    others.addEventListener("others", ({ detail }) => detail.path === this._path && this.draw());
    this._large.onResize = () => this.draw();
    this._fits.addEventListener("fit", () => this.draw());
    this._opened.addEventListener("change", () => this._belong());
    model.addEventListener("change", ({ detail }) => detail.what === "elements" && this._belong());
  }

  get _path() {
    return this.router.route.path;
  }

  /** Show the element in the address, or nothing; `before` is the address before. */
  follow(route, before) {
    this._origin.follow(route, before);
    this._opened.follow(route);
    show(this._root, Boolean(this._path));
    // One chooser of the window for the page: it stands beside the title of what is shown.
    // A view that has it keeps it, and with it what is being typed there.
    if (!viewOf(this.router.route)) (this._path ? this._parts.slot : byId("toolbar")).append(byId("window"));
    show(byId("toolbar"), !this._path);
    this._reports.follow();
    this._belong();
    if (!this._path) this._alarms.draw("");
  }

  _build() {
    const parts = {
      alarms: h("section", { class: "of-alarms", "aria-label": "Alarms of this element", hidden: true }),
      unbooked: h("section", { class: "unbooked", hidden: true }),
      back: h("a", { class: "back" }, "← Back"),
      badge: badge("NOT_RUN"),
      title: h("h2"), path: h("code"), belongs: h("small"),
      slot: h("div", { class: "slot" }),
      before: h("a", { class: "step", "aria-label": "Previous plot" }, "‹"),
      after: h("a", { class: "step", "aria-label": "Next plot" }, "›"),
      figure: h("figure", { class: "whole" }),
      controls: h("form", { class: "controls", "aria-label": "How the plot is drawn" }),
      viewer: h("section", { class: "viewer" }),
      fits: h("form", { class: "fits", "aria-label": "Fit" }),
      quantity: h("select", { "aria-label": "What the trend shows" }, QUANTITIES.map((name) => h("option", {}, name))),
      against: h("select", { "aria-label": "What the trend is drawn against" },
        Object.entries({ ...AGAINST, [RUNS]: "runs" }).map(([value, name]) => h("option", { value }, name))),
      covered: h("small", { class: "covered" }),
      trend: h("canvas", { class: "trend", role: "img" }),
      reports: h("div", { class: "reports" }),
      description: h("p", { class: "description" }),
      facts: h("dl", { class: "rows" }),
      links: h("p", { class: "links" }),
      largest: h("table", { class: "largest" }, h("caption", {}, "Largest bins"), h("tbody")),
    };
    this._parts = parts;
    this._root.append(
      h("header", {}, parts.back, parts.badge, h("div", { class: "name" }, parts.title, parts.path, parts.belongs), parts.slot, parts.before, parts.after),
      parts.alarms, parts.unbooked,
      h("div", { class: "pair" },
        h("div", { class: "pictures" },
          parts.controls, parts.figure, parts.viewer,
          h("figure", {}, h("figcaption", {}, "Trend of ", parts.quantity, " against ", parts.against, " ", parts.covered), parts.trend)),
        h("aside", {},
          h("section", {}, h("h3", {}, "Quality"), parts.reports),
          h("section", {}, h("h3", {}, "For the shifter"), parts.description),
          h("section", {}, h("h3", {}, "Numbers"), parts.facts, parts.links),
          h("section", {}, h("h3", {}, "Fit"), parts.fits),
          h("section", {}, parts.largest))),
    );
    for (const [name, chooser, [usual]] of [["of", parts.quantity, QUANTITIES], ["by", parts.against, Object.keys(AGAINST)]]) {
      chooser.addEventListener("change", () => this.router.go({ [name]: chooser.value === usual ? "" : chooser.value }, { replace: true }));
    }
    const { model, router, references, alarms } = this;
    this._alarms = new Alarms(parts.alarms, { alarms, router });
    this._unbooked = new Unbooked(parts.unbooked, { model, router });
    this._large = new Large(parts.figure, { router, references, others: this._others });
    this._controls = new Controls(parts.controls, { model, router, references });
    this._downloads = new Downloads(parts.links, router);
    this._viewer = new Viewer(parts.viewer, router);
    this._fits = new Fits(parts.fits, router);
    this._trendTip = new Tip(parts.trend, (found) => {
      this.router.go(found.run ? { run: found.run, window: "run", at: "" } : { window: `${found.lumisection}-${found.lumisection}` });
    });
    this._trendRuns = new TrendRuns(router, (path) => path === this._path && this.draw());
  }

  /** The paths of the list that the plot was opened from, unless that is a layout. */
  neighbours(paths) {
    this._paths = paths;
    this._belong();
  }

  /** What belongs to this plot in the list it is of, as that draws it: the plots beside it, the way back, what lies over it. */
  _belong() {
    const { brought, over } = this._opened;
    const [before, after] = this._beside(brought);
    const link = (next) => (next ? this.router.link(this._origin.step(next, brought)) : null);
    setAttributes(this._parts.before, { href: link(before) });
    setAttributes(this._parts.after, { href: link(after) });
    setAttributes(this._parts.back, { href: this.router.link(this._origin.back(brought)) });
    this.feed.want("detail", this._path ? [this._path, ...over] : []);
    if (this._path) this.draw();
  }

  /** Parts of the address of the plots before and after this one; null for none. */
  _beside(brought) {
    if (this.router.route.layout) return this._opened.around(this._origin.base("ref", brought));
    const at = this._paths.indexOf(this._path);
    return [this._paths[at - 1], this._paths[at + 1]].map((path) => (path ? { path } : null));
  }

  /** Back to where one came from. */
  leave() {
    this.router.go(this._origin.back(this._opened.brought));
  }

  /** Go to the plot before (-1) or after (1). */
  step(by) {
    (by < 0 ? this._parts.before : this._parts.after).click();
  }

  /** A key of the large plot; whether it is one. */
  key(key) {
    return this._controls.key(key);
  }

  _draw() {
    const path = this._path;
    if (!path) return;
    const plot = this.feed.plot(path);
    const isUnbooked = this._unbooked.draw(path, plot);
    show(this._root.querySelector(".pair"), !isUnbooked);
    this._alarms.draw(path);
    const element = plot?.header.element ?? this.model.elements.find((each) => each.path === path);
    const outcome = element ? this.model.verdict(element.workspace, path)?.[0] : null;
    const parts = this._parts;
    show(parts.badge, outcome !== null);
    setBadge(parts.badge, outcome ?? "NOT_RUN");
    const { cell } = this._opened;
    const isFirst = cell?.paths[0] === path;
    setText(parts.title, (isFirst && cell.title) || (element?.title ?? path));
    setText(parts.path, path);
    setText(parts.belongs, this._opened.words);
    // Nothing is asked for of what is not there.
    if (isUnbooked) {
      setAttributes(this._root, { "aria-busy": null, "data-outcome": null });
      return;
    }
    setLinked(parts.description, cell?.description || element?.description || "No description is booked.");
    setAttributes(this._root, { "aria-busy": this.feed.isCurrent(path) ? null : "true", "data-outcome": outcome });
    this._large.fitted = this._fits.curve(plot);
    this._large.draw(path, plot, this._reports.marks(), { cell, over: this._opened.over.map((each) => [each, this.feed.plot(each)]) });
    this._controls.draw(plot);
    const known = new Map(facts(plot).map(([name, ...fact]) => [name, fact]));
    keyed(parts.facts, known.keys(), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      const [value, bad] = known.get(name);
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, value);
      setAttributes(row, { "data-bad": Boolean(bad) });
    });
    this._drawLargest(plot);
    this._downloads.draw(path, element);
    this._viewer.draw(path, plot);
    this._fits.draw(path, element);
    this._drawTrend(path, element);
  }

  _drawLargest(plot) {
    const rows = largestBins(plot);
    show(this._parts.largest.parentElement, rows.length > 0);
    keyed(this._parts.largest.lastElementChild, rows.keys(), () => h("tr", {}, h("td"), h("td")), (row, i) => {
      setText(row.firstElementChild, rows[i][0]);
      setText(row.lastElementChild, rows[i][1]);
    });
  }

  _drawTrend(path, element) {
    const { window: word, of, by } = this.router.route;
    const value = element && !element.axes.length;
    const quantity = QUANTITIES.includes(of) ? of : QUANTITIES[0];
    const against = by === RUNS || Object.hasOwn(AGAINST, by) ? by : "lumisection";
    show(this._parts.quantity, !value);
    if (this._parts.quantity.value !== quantity) this._parts.quantity.value = quantity;
    if (this._parts.against.value !== against) this._parts.against.value = against;
    const title = value ? "value" : quantity;
    setAttributes(this._parts.trend, { "aria-label": `${title} of ${path} by ${against === RUNS ? RUNS : AGAINST[against]}` });
    if (against === RUNS) {
      setText(this._parts.covered, "the newest runs");
      this._trendTip.locate = this._trendRuns.draw(this._parts.trend, path, quantity, title);
      return;
    }
    const trend = this.trends.get(path, quantity, "run", against);
    setText(this._parts.covered, coveredWords(trend, this.model.lumisections.map(({ lumisection }) => lumisection)));
    const covered = this.feed.plot(path)?.header.window;
    const chosen = rangeOf(word) ?? (covered?.first ? [covered.first, covered.last] : null);
    this._trendTip.locate = drawTrend(this._parts.trend, trend, { title, large: true, chosen });
  }
}
