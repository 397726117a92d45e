/** One element, large: plot, reports, description, numbers, trend and links. */

import { address, runWord, windowQuery } from "./api.js";
import { byId, framed, h, keyed, setAttributes, setText, show } from "./dom.js";
import { facts, largestBins } from "./facts.js";
import { lumisections } from "./format.js";
import { markWords } from "./marks.js";
import { badge, setBadge } from "./outcomes.js";
import { describePlot, drawPlot } from "./plot.js";
import { Reports } from "./reports.js";
import { rangeOf } from "./router.js";
import { Tip } from "./tip.js";
import { AGAINST, drawTrend } from "./trend.js";

const QUANTITIES = ["mean", "entries", "rms", "error", "nan", "outside"];

export class Detail {
  constructor({ model, router, feed, trends }) {
    Object.assign(this, { model, router, feed, trends });
    this._root = byId("detail");
    this._quantity = "mean";
    this._against = "lumisection";
    this._build();
    this.draw = framed(() => this._draw());
    this._reports = new Reports(this._parts.reports, { model, router });
    this._reports.addEventListener("reports", () => this.draw());
    feed.addEventListener("plot", ({ detail }) => detail.path === this._path && this.draw());
    trends.addEventListener("trend", ({ detail }) => detail.path === this._path && this.draw());
    new ResizeObserver(() => this.draw()).observe(this._parts.canvas);
  }

  get _path() {
    return this.router.route.path;
  }

  /** Show the element in the address, or nothing. */
  follow() {
    show(this._root, Boolean(this._path));
    // One chooser of the window for the page: it stands beside the title of what is shown.
    (this._path ? this._parts.slot : byId("toolbar")).append(byId("window"));
    show(byId("toolbar"), !this._path);
    this.feed.want("detail", this._path ? [this._path] : []);
    this._reports.follow();
    if (this._path) this.draw();
  }

  _build() {
    const parts = {
      back: h("a", { class: "back" }, "← Back"),
      badge: badge("NOT_RUN"),
      title: h("h2"), path: h("code"),
      slot: h("div", { class: "slot" }),
      before: h("a", { class: "step", "aria-label": "Previous plot" }, "‹"),
      after: h("a", { class: "step", "aria-label": "Next plot" }, "›"),
      printed: h("p", { class: "printed" }),
      canvas: h("canvas", { class: "large", role: "img" }),
      quantity: h("select", { "aria-label": "What the trend shows" }, QUANTITIES.map((name) => h("option", {}, name))),
      against: h("select", { "aria-label": "What the trend is drawn against" },
        Object.entries(AGAINST).map(([value, name]) => h("option", { value }, name))),
      trend: h("canvas", { class: "trend", role: "img" }),
      reports: h("div", { class: "reports" }),
      description: h("p", { class: "description" }),
      facts: h("dl", { class: "rows" }),
      links: h("p", { class: "links" }, h("a", { target: "_blank" }, "PNG"), h("a", { target: "_blank" }, "JSON"), h("a", { target: "_blank" }, "UHI")),
      largest: h("table", { class: "largest" }, h("caption", {}, "Largest bins"), h("tbody")),
    };
    this._parts = parts;
    this._root.append(
      h("header", {}, parts.back, parts.badge, h("div", { class: "name" }, parts.title, parts.path), parts.slot, parts.before, parts.after),
      h("div", { class: "pair" },
        h("div", { class: "pictures" },
          h("figure", {}, parts.canvas, parts.printed),
          h("figure", {}, h("figcaption", {}, "Trend of ", parts.quantity, " against ", parts.against), parts.trend)),
        h("aside", {},
          h("section", {}, h("h3", {}, "Quality"), parts.reports),
          h("section", {}, h("h3", {}, "For the shifter"), parts.description),
          h("section", {}, h("h3", {}, "Numbers"), parts.facts, parts.links),
          h("section", {}, parts.largest))),
    );
    parts.quantity.addEventListener("change", () => {
      this._quantity = parts.quantity.value;
      this.draw();
    });
    parts.against.addEventListener("change", () => {
      this._against = parts.against.value;
      this.draw();
    });
    this._tip = new Tip(parts.canvas);
    this._trendTip = new Tip(parts.trend, (found) => {
      this.router.go({ window: `${found.lumisection}-${found.lumisection}` });
    });
  }

  /** The plots before and after this one in the list it was opened from. */
  neighbours(paths) {
    const at = paths.indexOf(this._path);
    const link = (path) => (path ? this.router.link({ path }) : null);
    setAttributes(this._parts.before, { href: link(paths[at - 1]) });
    setAttributes(this._parts.after, { href: link(at < 0 ? paths[0] : paths[at + 1]) });
    setAttributes(this._parts.back, { href: this.router.link({ path: "" }) });
  }

  /** Go to the plot before (-1) or after (1). */
  step(by) {
    (by < 0 ? this._parts.before : this._parts.after).click();
  }

  _draw() {
    const path = this._path;
    if (!path) return;
    const plot = this.feed.plot(path);
    const element = plot?.header.element ?? this.model.elements.find((each) => each.path === path);
    const outcome = element ? this.model.verdict(element.workspace, path)?.[0] : null;
    const parts = this._parts;
    show(parts.badge, outcome !== null);
    setBadge(parts.badge, outcome ?? "NOT_RUN");
    setText(parts.title, element?.title ?? path);
    setText(parts.path, path);
    setText(parts.description, element?.description || "No description is booked.");
    setAttributes(this._root, { "aria-busy": this.feed.isCurrent(path) ? null : "true", "data-outcome": outcome });
    setAttributes(parts.canvas, { "aria-label": describePlot(plot) });
    this._tip.locate = drawPlot(parts.canvas, plot, { bad: this._reports.marks(), large: true });
    setText(parts.printed, printed(plot));
    keyed(parts.facts, facts(plot).map(([name]) => name), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      const [, value, bad] = facts(plot).find(([each]) => each === name);
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, value);
      setAttributes(row, { "data-bad": Boolean(bad) });
    });
    this._drawLargest(plot);
    this._drawLinks(path);
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

  _drawLinks(path) {
    const { run, window: word } = this.router.route;
    const at = `runs/${runWord(run)}/contents`;
    const query = { path, ...windowQuery(word) };
    const [png, json, uhi] = this._parts.links.children;
    setAttributes(png, { href: address(`${at}/png`, { ...query, width: 960, height: 660 }) });
    setAttributes(json, { href: address(at, query) });
    setAttributes(uhi, { href: address(`${at}/uhi`, query) });
  }

  _drawTrend(path, element) {
    const { window: word } = this.router.route;
    const value = element && !element.axes.length;
    show(this._parts.quantity, !value);
    const trend = this.trends.get(path, this._quantity, "last-500", this._against);
    const covered = this.feed.plot(path)?.header.window;
    const chosen = rangeOf(word) ?? (covered?.first ? [covered.first, covered.last] : null);
    const title = value ? "value" : this._quantity;
    this._trendTip.locate = drawTrend(this._parts.trend, trend, { title, large: true, chosen });
    setAttributes(this._parts.trend, { "aria-label": `${title} of ${path} by ${AGAINST[this._against]}` });
  }
}

/** Run and LSs, as printed on every plot. */
function printed(plot) {
  const { window: words, totals } = plot?.header ?? {};
  if (!words?.run) return "";
  const marks = [`run ${words.run}`, lumisections(words), ...markWords(words.marks)];
  if (!words.closed) marks.push("newest LS still open");
  if (!words.complete && words.closed) marks.push("not all of it came");
  if (!words.whole) marks.push("input had expired before it was read");
  if (words.late_events) marks.push(`${words.late_events} late events not in it`);
  if (totals?.invalid) marks.push(totals.invalid);
  return marks.join(" · ");
}
