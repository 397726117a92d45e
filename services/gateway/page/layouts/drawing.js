/** What of a cell is drawn on its canvas: elements over each other, its hints, its reference. */

import { drawPlot } from "../plot.js";
import { layerOf } from "../plots/layers.js";
import { drawTrend } from "../trend.js";
import { styleOf } from "./styles.js";

/** The cells of layouts are drawn with what the page has of elements. */
export class Drawing {
  constructor({ model, feed, trends, bad, choices, beside, others }) {
    Object.assign(this, { model, feed, trends, bad, choices, beside, others });
  }

  /** Contents of an element of a cell. */
  plot(cell, path, set = cell.set) {
    return set ? this.beside.plot(set, path) : this.feed.plot(path);
  }

  /**
   * Draw a cell; what could not be drawn of it is `[{label, why}]`.
   *
   * @param set the set that all is read from; null for the one that readers are shown
   * @param against a plot that shall have the same axes
   */
  draw(canvas, cell, set = cell.set, against = null) {
    const plot = this.plot(cell, cell.paths[0], set);
    const { element } = plot?.header ?? {};
    if (element?.draw.per_lumisection && !set) {
      drawTrend(canvas, this.trends.get(cell.paths[0]), {
        title: element.axes.length ? "mean" : "", ranges: [cell.draw.x_range, cell.draw.y_range],
      });
      return cell.paths.slice(1).map((path) => ({ label: path, why: "trends are not drawn over each other" }));
    }
    const curve = element?.axes.length === 1;
    const over = plot?.arrays.values ? cell.paths.slice(1).map((path, i) => this._over(plot, cell, path, set, i)) : [];
    const path = cell.paths[0];
    const reference = curve && !set ? [...this.choices.layers(cell, plot), ...this.others.layers(path, plot)] : [];
    const shown = over.filter(({ why }) => !why);
    const same = against ? common(plot, against) : {};
    drawPlot(canvas, plot, {
      bad: set ? [] : this.bad.marks(cell.paths[0]),
      layers: curve ? [...reference, ...shown, ...(same.layer ? [same.layer] : [])] : [],
      ranges: [cell.draw.x_range, curve ? null : cell.draw.y_range],
      draw: { ...hintsOf(cell.draw, curve), ...same.draw },
    });
    if (!curve && element && shown.length) return shown.map(({ label }) => ({ label, why: "maps are not drawn over each other" }));
    return [...over.filter(({ why }) => why), ...(same.why ? [same.why] : [])];
  }

  _over(plot, cell, path, set, i) {
    const other = this.plot(cell, path, set);
    const label = other?.header.element?.title ?? path;
    if (!other) return { label, why: "no contents yet" };
    return layerOf(plot, other, { label, norm: cell.draw.normalise ?? "none", stroke: i + 1 });
  }
}

/** Hints that a cell has; those it leaves out are as booked. The range of y is that of a curve's contents, of a map that of an axis. */
export function hintsOf({ log_x, log_y, log_z, y_range, z_range, style }, isCurve) {
  const own = { log_x, log_y, log_z, y_range: isCurve ? y_range : null, z_range, style: styleOf(style) };
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null));
}

/** What gives two plots the same axes: of curves the other as a layer that is not seen, of maps its range of values. */
function common(plot, against) {
  if (!plot?.arrays.values || !against?.arrays.values) return {};
  const layer = layerOf(plot, against, { label: "", norm: "none" });
  if (layer.why) return { why: { label: "beside it", why: `${layer.why}: the axes differ` } };
  if (plot.header.element.axes.length === 1) return { layer: { ...layer, hidden: true } };
  const all = [plot, against].map(({ arrays }) => arrays.values.reduce(([low, high], value) => [Math.min(low, value || 0), Math.max(high, value || 0)], [0, 0]));
  const [low, high] = [Math.min(all[0][0], all[1][0]), Math.max(all[0][1], all[1][1])];
  return high > low && !plot.header.element.draw.log_z ? { draw: { z_range: [low, high] } } : {};
}
