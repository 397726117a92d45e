/** Two-dimensional elements as a map of colours. */

import { binAt, binName, lowestPositive, scale, ticks } from "./axes.js";
import { distinct, drawHorizontal, drawVertical, frame, level, roomForNames, roomForNumbers, sizes, write } from "./canvas.js";
import { DIVERGING, INK, RISING } from "./colours.js";
import { brief, number } from "./format.js";
import { pixelsOf } from "./pooling.js";

/** The part of the cells that the colours are made for, where the rest lies far above. */
const USUAL = 0.999;

/**
 * Draw counts, sums of weights or means over two axes. Empty cells are dark, below all colours.
 *
 * @param colours `{low, high}` of a map of differences, blue below the middle and orange above
 * @returns a function from a pixel to `{text, box}` of the cell there, or null, with `x`, `y`, `frame`
 */
export function drawMap({ pen, width, height }, { element, axes, arrays, bad, large, colours = null }) {
  const size = sizes(large);
  const [across, up] = axes;
  const right = large ? 88 : 46;
  const bottom = roomForNames(across, width - size.left - right, height, size);
  const tall = height - size.top - bottom;
  const y = along(up, element.draw.log_y, size.top + tall, size.top);
  const left = up.names ? Math.max(size.left, namesWidth(up, size, width)) : roomForNumbers(pen, y, size);
  const box = { left, top: size.top, width: width - left - right, height: tall, floor: height };
  const x = along(across, element.draw.log_x, box.left, box.left + box.width);
  const cells = cellsOf(element, axes, arrays);
  const colour = colours ? differences(colours) : colourScale(cells, element, axes);
  paint(pen, cells, axes, x, y, box, colour);
  frame(pen, box);
  drawHorizontal(pen, x, across, box, size);
  if (up.names) drawNames(pen, y, up, box, size);
  else drawVertical(pen, y, box, size, { lines: false, title: up.title });
  drawLegend(pen, colour, box, size, element, width);
  drawRings(pen, axes, bad, x, y, large);
  return Object.assign(locator(axes, arrays, x, y, element), { x, y, frame: box, axes });
}

const steps = (unit) => (value) => Math.round(Math.min(1, Math.max(0, unit.at(value))) * 255);

function differences({ low, high }) {
  const unit = scale(low, high, 0, 1);
  return { ...unit, map: DIVERGING, middle: (low + high) / 2, highest: null, step: steps(unit) };
}

/** The scale of an axis; logarithmic from its lowest edge above 0. */
function along(axis, wanted, from, to) {
  const lowest = lowestPositive(axis.edges);
  const log = Boolean(wanted) && !axis.discrete && lowest !== null;
  return scale(log ? lowest : axis.edges[0], axis.edges[axis.bins], from, to, log);
}

/** Cells without flow, as a function of both bins; NaN where there is nothing. */
function cellsOf({ shape, storage }, [across, up], { values }) {
  const row = shape[1];
  const counts = storage !== "profile";
  return (i, j) => {
    const value = values[(i + across.flow) * row + j + up.flow];
    return counts && value === 0 ? NaN : value;
  };
}

/**
 * From values to steps of the map; counts start at 0, means at their lowest.
 *
 * One hot cell far above all others would take the colours of all others away: then the scale ends
 * above those, `highest` says so on the legend, and the hot one has the last colour.
 */
function colourScale(cells, { draw, storage }, [across, up]) {
  const held = new Float64Array(across.bins * up.bins);
  let many = 0;
  for (let i = 0; i < across.bins; i += 1) {
    for (let j = 0; j < up.bins; j += 1) {
      const value = cells(i, j);
      if (!Number.isNaN(value)) held[many++] = value;
    }
  }
  const known = held.subarray(0, many).sort();
  const highest = known.at(-1) ?? 1;
  const log = draw.log_z && highest > 0;
  let low = storage === "profile" ? known[0] ?? 0 : Math.min(0, known[0] ?? 0);
  if (log) low = lowestPositive(known);
  if (log && low === highest) low /= 10;
  const usual = known[Math.max(0, Math.ceil(many * USUAL) - 1)] ?? 1;
  const hot = !log && low >= 0 && highest > 3 * usual;
  const high = hot ? usual * 1.5 : highest > low ? highest : low + 1;
  // Of a map that is mostly empty it is what few cells hold that must be seen.
  const middle = many * 2 > held.length ? known[many >> 1] : 0;
  const told = draw.z_range && !(log && draw.z_range[0] <= 0) ? draw.z_range : null;
  const unit = scale(...(told ?? [low, high]), 0, 1, log);
  return { ...unit, map: RISING, middle, highest: hot && !told ? highest : null, step: steps(unit) };
}

function paint(pen, cells, axes, x, y, box, colour) {
  const ratio = pen.getTransform().a;
  const [columns, rows] = [box.width, box.height].map((side) => Math.max(1, Math.round(side * ratio)));
  const image = new ImageData(columns, rows);
  const value = {
    across: (pixel) => x.value(box.left + pixel / ratio),
    up: (pixel) => y.value(box.top + pixel / ratio),
  };
  const colourOf = (cell) => (Number.isNaN(cell) ? INK.emptyPixel : colour.map.pixels[colour.step(cell)]);
  pixelsOf({ cells, axes, columns, rows, value, middle: colour.middle, colourOf }, new Uint32Array(image.data.buffer));
  const sheet = new OffscreenCanvas(columns, rows);
  sheet.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, box.left, box.top, box.width, box.height);
}

function namesWidth(axis, size, width) {
  const longest = Math.max(...axis.names.map((name) => name.length)) * size.font * 0.55;
  return Math.min(width * 0.28, longest + size.tick + (size.titles ? 34 : 8));
}

function drawNames(pen, y, axis, box, size) {
  const every = Math.max(1, Math.ceil((size.font * 1.2) / (box.height / axis.bins)));
  const room = box.left - size.tick - 3 - (size.titles ? 24 : 2);
  const shown = Array.from({ length: Math.ceil(axis.bins / every) }, (_, i) => axis.names[i * every] ?? "");
  for (const [i, text] of distinct(pen, shown, size.font - 1, room).entries()) {
    const at = y.at((axis.edges[i * every] + axis.edges[i * every + 1]) / 2);
    level(pen, INK.frame, box.left - size.tick, at, size.tick);
    write(pen, text, box.left - size.tick - 3, at, { size: size.font - 1, align: "right", base: "middle" });
  }
}

function drawLegend(pen, colour, box, size, element, width) {
  const [left, wide] = [box.left + box.width + (size.titles ? 12 : 5), size.titles ? 14 : 6];
  const many = 48;
  for (let step = 0; step < many; step += 1) {
    pen.fillStyle = colour.map.text((step + 0.5) / many);
    const high = box.height / many;
    pen.fillRect(left, box.top + box.height - (step + 1) * high, wide, high + 0.5);
  }
  const of = scale(colour.low, colour.high, box.top + box.height, box.top, colour.log);
  for (const { value, text } of ticks(of, Math.max(1, (box.height / (size.font * 4)) | 0))) {
    if (colour.highest !== null && of.at(value) < box.top + size.font) continue;
    write(pen, text, left + wide + 3, of.at(value), { size: size.font - 1, align: "left", base: "middle" });
  }
  if (colour.highest !== null) {
    pen.fillStyle = colour.map.text(1);
    pen.beginPath();
    pen.moveTo(left, box.top);
    pen.lineTo(left + wide, box.top);
    pen.lineTo(left + wide / 2, box.top - wide / 2 - 2);
    pen.fill();
    write(pen, `≤${brief(Number(colour.highest.toPrecision(2)))}`, left + wide + 3, box.top, { size: size.font - 1, align: "left", base: "middle" });
  }
  if (size.titles) {
    write(pen, element.value_axis, width - 6, box.top + box.height / 2, {
      size: size.font - 1, angle: -Math.PI / 2, base: "bottom",
    });
  }
}

/** Bad cells: ringed, white outside and red inside, so that it shows on every colour. */
function drawRings(pen, [across, up], bad, x, y, large) {
  const least = large ? 14 : 8;
  for (const { bins: [i, j] } of bad) {
    if (j === undefined || i >= across.bins || j >= up.bins) continue;
    const [left, right] = [x.at(across.edges[i]), x.at(across.edges[i + 1])];
    const [low, high] = [y.at(up.edges[j]), y.at(up.edges[j + 1])];
    const [wide, tall] = [Math.max(least, right - left + 2) / 2, Math.max(least, low - high + 2) / 2];
    for (const [colour, grow] of [[INK.halo, 1.5], [INK.bad, 0]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = large ? 2 : 1.5;
      pen.strokeRect((left + right) / 2 - wide - grow, (low + high) / 2 - tall - grow, 2 * (wide + grow), 2 * (tall + grow));
    }
  }
}

function locator([across, up], arrays, x, y, element) {
  const name = (axis, bin) => (axis.title && !axis.names ? `${axis.title}: ` : "") + binName(axis, bin);
  return (px, py) => {
    const [i, j] = [binAt(across, x.value(px)), binAt(up, y.value(py))];
    if (i < 0 || j < 0) return null;
    const at = (i + across.flow) * element.shape[1] + j + up.flow;
    const spread = arrays.errors ? ` ± ${number(arrays.errors[at], 3)}` : "";
    const entries = arrays.entries ? `, ${number(arrays.entries[at])} entries` : "";
    const [left, top] = [x.at(across.edges[i]), y.at(up.edges[j + 1])];
    return {
      text: `${name(across, i)}\n${name(up, j)}\n${element.value_axis}: ${number(arrays.values[at])}${spread}${entries}`,
      box: { left, top, width: x.at(across.edges[i + 1]) - left, height: y.at(up.edges[j]) - top },
    };
  };
}
