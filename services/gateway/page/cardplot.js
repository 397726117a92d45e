/** What a small plot shows, in the grid as on the wall: contents or a trend, marks, layers, and the LSs it is of. */

import { count, lumisections } from "./format.js";
import { markWords } from "./marks.js";
import { drawPlot } from "./plot.js";
import { drawTrend } from "./trend.js";

export class CardPlot {
  constructor({ trends, bad, references, others }) {
    Object.assign(this, { _trends: trends, _bad: bad, _references: references, _others: others });
  }

  /** Call `told(path)` when something of a plot has come, null for all of them. */
  onChange(told) {
    this._trends.addEventListener("trend", ({ detail }) => told(detail.path));
    this._bad.addEventListener("reports", () => told(null));
    this._references.addEventListener("reference", ({ detail }) => told(detail.path));
    this._others.addEventListener("others", ({ detail }) => told(detail.path));
  }

  /** Draw an element; one that is booked for each LS is its trend, a scalar its value. */
  draw(canvas, path, plot) {
    if (isTrend(plot) && !isScalar(plot)) drawTrend(canvas, this._trends.get(path), { title: "mean" });
    else drawPlot(canvas, plot, { bad: this._bad.marks(path), layers: this._layers(path, plot) });
  }

  /** Whether a trend stands below the value of a scalar. */
  hasSpark(plot) {
    return isTrend(plot) && isScalar(plot);
  }

  /** Draw that trend. */
  drawSpark(canvas, path) {
    drawTrend(canvas, this._trends.get(path));
  }

  /** Run and LSs that are drawn, and how much that is: two lines of words. */
  words(path, plot) {
    const { window: words, totals } = plot?.header ?? {};
    if (!words?.run) return ["", ""];
    const said = (what) => [`run ${words.run}`, what, ...markWords(words.marks)].join(" · ");
    const entries = totals && !isScalar(plot) ? `${count(totals.entries)} entries` : "";
    if (!isTrend(plot)) return [said(lumisections(words)), entries];
    // The trend is of more LSs than the window: what is drawn is what is said.
    const line = trendWords(this._trends.get(path));
    return isScalar(plot) ? [said(lumisections(words)), line && `line: ${line}`] : [said(line || "no LS"), ""];
  }

  /** References of curves, and windows held to compare with; of maps the large view has the ratio. */
  _layers(path, plot) {
    if (plot?.header.element?.axes.length !== 1) return [];
    return [...this._references.layers(path, plot), ...this._others.layers(path, plot)];
  }
}

const isTrend = (plot) => Boolean(plot?.header.element?.draw.per_lumisection);
const isScalar = (plot) => Boolean(plot?.header.element) && !plot.header.element.axes.length;

/** LSs that a trend shows; empty while it is not known. */
function trendWords(trend) {
  const shown = (trend?.lumisections ?? []).filter((lumisection) => lumisection > 0);
  if (!shown.length) return "";
  return lumisections({ first: shown[0], last: shown.at(-1), lumisections: shown.length });
}
