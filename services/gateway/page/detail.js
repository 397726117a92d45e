// One plot, large: its numbers, what it should look like, what the quality tests say of it.

import { ask, link } from "./api.js";
import { badge } from "./outcomes.js";
import { drawPlot, flowText, windowText } from "./plot.js";
import { windowQuery } from "./state.js";
import { drawTrend } from "./trend.js";
import { element, short, whole } from "./words.js";

export class Detail {
  #reader = () => "";
  #reports = [];
  #asked = 0;

  constructor(parent, { onClose, plotOf, where, staleness }) {
    this.parent = parent;
    this.onClose = onClose;
    this.plotOf = plotOf;
    this.where = where;
    this.staleness = staleness;
    this.path = "";
    parent.addEventListener("keydown", (event) => {
      if (event.key === "Escape") onClose();
    });
    new ResizeObserver(() => this.draw()).observe(parent);
  }

  open(path) {
    if (path === this.path) return;
    this.path = path;
    this.#reports = [];
    this.parent.hidden = !path;
    if (!path) return;
    this.#build();
    this.draw();
    this.refresh();
    this.close.focus();
  }

  // The plot has changed, or whether it is stale.
  draw() {
    if (!this.path) return;
    const plot = this.plotOf(this.path);
    this.#reader = drawPlot(this.canvas, plot, { large: true });
    const about = plot?.header?.element;
    if (about) {
      this.title.textContent = about.title;
      this.description.textContent = about.description;
      this.description.hidden = !about.description;
    }
    this.canvas.setAttribute("aria-label", `${this.path}, ${windowText(plot?.header?.window)}`);
    this.#numbers(plot);
    this.#links();
    this.#listReports();
  }

  // The run, the window or the verdicts have changed.
  async refresh() {
    if (!this.path) return;
    this.#asked += 1;
    const [asked, path, { run, window }] = [this.#asked, this.path, this.where()];
    const query = /^\d/.test(window) ? { lumisections: window } : {};
    const [reports, trend] = await Promise.allSettled([
      ask(`/runs/${run}/reports`, { ...query, path, limit: 200 }),
      ask(`/runs/${run}/trend`, { path, last: 200 }),
    ]);
    if (asked !== this.#asked || path !== this.path) return;
    this.#reports = reports.value?.reports ?? [];
    this.#problem = reports.reason?.message ?? "";
    this.#listReports();
    this.trendTitle.textContent = trend.value ? `${trend.value.quantity} per LS` : "per LS";
    drawTrend(this.trend, trend.value);
  }

  #problem = "";

  #build() {
    this.title = element("h2", { text: this.path.split("/").at(-1) });
    this.close = element("button", { className: "quiet", type: "button", text: "✕", "aria-label": "Close" });
    this.close.addEventListener("click", () => this.onClose());
    this.canvas = element("canvas", { className: "large", role: "img" });
    this.readout = element("p", { className: "readout", text: " " });
    this.canvas.addEventListener("mousemove", (event) => {
      this.readout.textContent = this.#reader(event.offsetX, event.offsetY) || " ";
    });
    this.canvas.addEventListener("mouseleave", () => {
      this.readout.textContent = " ";
    });
    this.description = element("p", { className: "description" });
    this.numbers = element("dl", { className: "numbers" });
    this.reports = element("div", { className: "reports" });
    this.trendTitle = element("h3", { text: "per LS" });
    this.trend = element("canvas", { className: "trend", role: "img", "aria-label": "Trend over lumisections" });
    this.links = element("p", { className: "links" });
    this.parent.replaceChildren(
      element("div", { className: "detail-head" }, this.title, this.close),
      element("p", { className: "path", text: this.path }),
      this.canvas, this.readout, this.description, this.numbers,
      element("h3", { text: "Quality tests" }), this.reports,
      this.trendTitle, this.trend, this.links,
    );
  }

  #numbers(plot) {
    const { totals, window } = plot?.header ?? {};
    const rows = [];
    if (window?.run) rows.push(["window", windowText(window)], ["state", stateText(window)]);
    if (totals && totals.value === null) rows.push(["entries", whole(totals.entries)], ["NaN", whole(totals.nan)], ["out of range", whole(totals.outside)]);
    const flow = totals && plot.header.element ? flowText(plot) : "";
    if (flow) rows.push(["flow", flow]);
    if (window?.late_events) rows.push(["late, not shown", `${whole(window.late_events)} events`]);
    if (totals?.invalid) rows.push(["INVALID", totals.invalid]);
    this.numbers.replaceChildren(
      ...rows.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]),
    );
  }

  #links() {
    const { run, window } = this.where();
    const query = { path: this.path, ...windowQuery(window) };
    const pairs = [["image", `/runs/${run}/contents/png`], ["numbers", `/runs/${run}/contents`], ["UHI", `/runs/${run}/contents/uhi`]];
    this.links.replaceChildren(...pairs.map(([text, path]) => element("a", { href: link(path, query), text, target: "_blank", rel: "noopener" })));
  }

  #listReports() {
    if (!this.reports) return;
    if (!this.#reports.length) {
      this.reports.replaceChildren(element("p", { className: "note", text: this.#problem || "No quality test has reported on this element." }));
      return;
    }
    const stale = this.staleness();
    this.reports.replaceChildren(...this.#reports.slice(0, 40).map((report) => reportCard(report, stale)));
  }
}

function stateText(window) {
  if (!window.lumisections) return "no lumisections";
  const words = [window.closed ? "closed" : "still open"];
  if (window.closed && !window.complete) words.push("incomplete");
  if (!window.whole) words.push("input had expired");
  return words.join(", ");
}

function reportCard(report, stale) {
  const head = element("div", { className: "report-head" }, badge([report.outcome, 1, 0], { stale }));
  const over = report.scope === "run" ? `run up to LS ${report.lumisection}` : `LS ${report.lumisection}`;
  head.append(element("b", { text: report.qtname }), element("span", { className: "note", text: `${report.algorithm} · ${over}` }));
  const measured = report.measured === null ? "" : `measured ${short(report.measured)}`;
  const facts = [report.message, [measured, report.limit && `limit ${report.limit}`].filter(Boolean).join(", ")];
  facts.push([`${whole(report.entries)} entries`, report.reference && `reference: ${report.reference}`].filter(Boolean).join(", "));
  if (report.bad_count) {
    const named = report.bad_channels.slice(0, 5).map((bad) => bad.label || `bin ${bad.bins.join(", ")}`);
    facts.push(`${report.bad_count} bad: ${named.join("; ")}${report.bad_count > named.length ? "; …" : ""}`);
  }
  return element("div", { className: "report" }, head, ...facts.filter(Boolean).map((text) => element("p", { text })));
}
