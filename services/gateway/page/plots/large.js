/** The large plot: data, what is drawn over them, the panel below, or several side by side. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { lumisections, number } from "../format.js";
import { INK } from "../colours.js";
import { hintsOf } from "../layouts/drawing.js";
import { markWords } from "../marks.js";
import { describePlot, drawPlot } from "../plot.js";
import { Tip } from "../tip.js";
import { WAYS, compared } from "./comparison.js";
import { amountOf, isScaled, layerOf, stacked } from "./layers.js";
import { nameOf, normOf } from "./others.js";
import { drawPanel, drawPanelMap, innerOf } from "./panel.js";
import { projected, rangesOf, statistics } from "./shapes.js";
import { zoomable } from "./zoom.js";

export class Large {
  /** Built into `root`, a figure. */
  constructor(root, { router, references, others }) {
    Object.assign(this, { router, references, others, fitted: null });
    this._legend = h("ul", { class: "legend", "aria-label": "What is drawn" });
    this._canvas = h("canvas", { class: "large", role: "img" });
    this._panel = h("canvas", { class: "panel", role: "img", hidden: true });
    this._side = h("div", { class: "side-by-side", hidden: true });
    this._box = h("dl", { class: "statistics", "aria-label": "Statistics of the bins that are shown" });
    this._printed = h("p", { class: "printed" });
    this._formula = h("p", { class: "formula" });
    root.append(this._legend, this._canvas, this._panel, this._side, this._formula, this._printed);
    this._tip = new Tip(this._canvas);
    this._panelTip = new Tip(this._panel);
    this._canvas.parentElement.append(this._box);
    this._located = null;
    zoomable(this._canvas, () => this._located, (zoom) => router.go({ zoom }, { replace: true }));
    const watcher = new ResizeObserver(() => this.onResize?.());
    watcher.observe(this._canvas);
    watcher.observe(this._panel);
  }

  /**
   * Draw the plot as the feed has it; `bad` are the channels to mark.
   *
   * @param cell of a layout that has it; null for none
   * @param over elements that the cell draws over it, with their contents: `[[path, plot]]`
   */
  draw(path, given, bad, { cell = null, over: elements = [] } = {}) {
    const { route } = this.router;
    const plot = projected(given, route.proj);
    const dimensions = plot?.header.element?.axes.length ?? 0;
    // What a cell says of a map is not said of its projection.
    const isAsCell = cell && !route.proj;
    const items = plot ? this._items(path, plot) : [];
    if (isAsCell && dimensions === 1) items.push(...elementItems(plot, elements, route.norm, items.length));
    const ready = items.filter(({ layer }) => layer && !layer.why);
    const side = items.length > 0 && (route.how === "side" || (dimensions === 2 && ready.some(({ word }) => word)));
    const ranges = rangesOf(route.zoom);
    // Logarithms are in the address: there they can be switched.
    const { log_x, log_y, log_z, ...own } = isAsCell ? hintsOf(cell.draw, dimensions === 1) : {};
    const hints = { ...own, ...logsOf(plot, route.log) };
    const isStack = route.how === "stack" && dimensions === 1 && plot.header.element.storage !== "profile";
    const over = ready.map(({ layer }) => layer);
    // A list of its own: the fit is drawn over the data, and compared with nothing.
    const layers = side || dimensions !== 1 ? [] : isStack ? stacked(plot, over) : [...over];
    if (this.fitted && dimensions === 1) layers.push({ ...this.fitted, label: "fit", colour: "#ffd84d", dash: [] });
    const options = { large: true, ranges, draw: hints };
    const marks = route.proj ? [] : bad;
    setAttributes(this._canvas, { "aria-label": describePlot(plot) });
    this._located = drawPlot(this._canvas, plot, { ...options, bad: marks, layers });
    this._tip.locate = this._located;
    // Other elements are no measure of this one.
    const measures = ready.filter(({ isElement }) => !isElement).map(({ layer }) => layer);
    const way = panelOf(route, dimensions, measures, side);
    this._drawPanel(plot, measures, way, dimensions, ranges);
    show(this._side, side);
    if (side) this._drawSide(items, options);
    this._drawLegend(plot, items);
    this._drawStatistics(hasBox(route, plot) ? plot : null);
    setText(this._printed, printed(plot));
    setText(this._formula, way ? WAYS[way].formula : "");
  }

  /** What is compared with: the reference, then other runs and windows. */
  _items(path, plot) {
    const { route } = this.router;
    const norm = route.norm || "entries";
    const found = plot.header.element?.axes.length ? this.references.get(path) : null;
    const items = [];
    if (found?.plot) {
      const other = projected(found.plot, route.proj);
      items.push({ other, layer: layerOf(plot, other, { label: found.label, norm, scale: found.scale }) });
    } else if (found?.why) items.push({ layer: { label: "No reference", why: found.why } });
    this.others.get(path).forEach((item, i) => {
      const { word, plot: theirs, why } = item;
      const label = nameOf(item);
      if (!theirs) return items.push({ word, layer: { label, why: why ?? "is being fetched" } });
      const other = projected(theirs, route.proj);
      // One on the other they are what they are: a sum of scaled ones means nothing.
      const by = route.how === "stack" ? "none" : normOf(item, route.norm);
      return items.push({ word, other, layer: layerOf(plot, other, { label, norm: by, stroke: i + 1 }) });
    });
    return items;
  }

  _drawPanel(plot, layers, way, dimensions, ranges) {
    show(this._panel, Boolean(way));
    setAttributes(this._panel, { "data-map": dimensions === 2, "aria-label": way ? `${WAYS[way].title} of data to ${layers.map(({ label }) => label).join(", ")}` : null });
    if (!way) return;
    this._panelTip.locate = dimensions === 2
      ? drawPanelMap(this._panel, plot, layers[0], way, ranges)
      : drawPanel(this._panel, plot, layers, way, this._located);
  }

  _drawSide(items, options) {
    const shown = items.filter(({ other }) => other);
    keyed(this._side, shown.keys(), () => h("figure", {}, h("canvas", { role: "img" }), h("figcaption")), (figure, i) => {
      const [canvas, words] = figure.children;
      const { other, layer } = shown[i];
      setText(words, layer.label);
      setAttributes(canvas, { "aria-label": describePlot(other) });
      drawPlot(canvas, other, { ...options, large: canvas.clientWidth > 420 });
    });
  }

  _drawLegend(plot, items) {
    const words = plot?.header.window;
    const rows = words?.run && items.length ? [{ layer: { label: `data: run ${words.run}, ${lumisections(words)}`, colour: INK.line, dash: [] } }, ...items] : [];
    keyed(this._legend, rows.keys(), () => h("li", {}, h("canvas", { "aria-hidden": "true" }), h("span")), (row, i) => {
      const { layer, isElement } = rows[i];
      drawKey(row.firstElementChild, layer);
      setText(row.lastElementChild, `${layer.label}${legendWords(plot, layer, i > 0, !isElement)}`);
      setAttributes(row, { "data-missing": Boolean(layer.why) });
    });
  }

  _drawStatistics(plot) {
    const rows = plot ? statistics(plot) : [];
    show(this._box, rows.length > 0);
    keyed(this._box, rows.map(([name]) => name), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, number(rows.find(([each]) => each === name)[1]));
    });
    const { frame } = this._located ?? {};
    if (frame) Object.assign(this._box.style, { right: `${Math.max(0, this._canvas.clientWidth - frame.left - frame.width) + 8}px`, top: `${frame.top + 8}px` });
  }
}

/** Other elements that a cell of a layout draws over its first: as they are, unless a scale is chosen. */
function elementItems(plot, elements, norm, before) {
  return elements.map(([path, other], i) => {
    const label = other?.header.element?.title ?? path;
    if (!other) return { isElement: true, layer: { label, why: "is being fetched" } };
    return { isElement: true, other, layer: layerOf(plot, other, { label, norm: norm || "none", stroke: Math.max(1, before) + i }) };
  });
}

/** Whether the box of statistics is there: on curves it is, of a map it would hide a corner. */
export function hasBox({ box, proj }, plot) {
  return box ? box === "on" : Boolean(proj) || plot?.header.element?.axes.length === 1;
}

/** The way of the panel: what was chosen, a ratio where a curve has something to be compared with. */
function panelOf({ panel, how }, dimensions, layers, side) {
  if (!layers.length || panel === "none" || !dimensions) return "";
  if (how === "stack" || (side && dimensions === 1)) return "";
  if (panel in WAYS) return panel;
  return dimensions === 1 ? "ratio" : "";
}

/** Hints with the logarithms of the address: `log=y` switches what is booked, `xy` both. */
function logsOf(plot, word) {
  const booked = plot?.header.element?.draw ?? {};
  return Object.fromEntries([...new Set(word)].filter((axis) => "xyz".includes(axis)).map((axis) => [`log_${axis}`, !booked[`log_${axis}`]]));
}

function drawKey(canvas, { colour = INK.muted, dash = [], why }) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  Object.assign(canvas, { width: 28 * ratio, height: 12 * ratio });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.setLineDash(why ? [1, 4] : dash);
  pen.beginPath();
  pen.moveTo(1, 6);
  pen.lineTo(27, 6);
  pen.stroke();
}

/** Scale and distance of a layer: chi2 over the bins that are shown in the panel. */
function legendWords(plot, layer, isOther, isMeasure) {
  if (layer.why) return `: ${layer.why}`;
  if (!isOther || !layer.values) return "";
  const { element } = plot.header;
  const scaled = isScaled(element) && layer.factor !== 1 ? ` × ${number(layer.factor, 3)}` : "";
  if (!isMeasure || layer.filled || !(element.storage === "profile" || amountOf(element, plot.arrays) > 0)) return scaled;
  const known = innerOf(element, compared(plot, layer, "pull").values).filter(Number.isFinite);
  const free = known.length - (isScaled(element) && layer.factor !== 1 ? 1 : 0);
  const chi2 = known.reduce((sum, pull) => sum + pull * pull, 0);
  return free > 0 ? `${scaled} · χ²/ndf ${number(chi2, 4)}/${free}` : scaled;
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
