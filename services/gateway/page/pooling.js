/** From cells of a map to pixels of a picture. */

import { binAt } from "./axes.js";

/**
 * Fill `pixels`, row by row from the top.
 *
 * Where several cells share a pixel, the one that differs most from the middle of the map is drawn:
 * a single dead or hot channel is seen in the smallest plot.
 *
 * @param value functions from a pixel column and row to the values on both axes
 * @param middle median of the cells that hold something, 0 where most hold nothing
 * @param colourOf from a cell's value, NaN where there is none, to a colour 0xAABBGGRR
 */
export function pixelsOf({ cells, axes, columns, rows, value, middle, colourOf }, pixels) {
  const across = spans(axes[0], columns, value.across);
  const up = spans(axes[1], rows, value.up);
  let line = null;
  for (let row = 0; row < rows; row += 1) {
    if (!line || !same(up[row], up[row - 1])) line = lineOf(cells, across, up[row], middle, colourOf);
    pixels.set(line, row * columns);
  }
}

function lineOf(cells, across, [low, high], middle, colourOf) {
  const line = new Uint32Array(across.length);
  for (let column = 0; column < across.length; column += 1) {
    if (column && same(across[column], across[column - 1])) {
      line[column] = line[column - 1];
      continue;
    }
    const [first, last] = across[column];
    let [shown, farthest] = [NaN, -1];
    for (let i = first; i <= last; i += 1) {
      for (let j = low; j <= high; j += 1) {
        const cell = cells(i, j);
        const distance = Math.abs((Number.isNaN(cell) ? 0 : cell) - middle);
        if (distance > farthest) [shown, farthest] = [cell, distance];
      }
    }
    line[column] = colourOf(shown);
  }
  return line;
}

const same = (a, b) => a[0] === b[0] && a[1] === b[1];

/** First and last bin in each pixel; of bins wider than a pixel, the one in its middle. */
function spans(axis, pixels, valueAt) {
  return Array.from({ length: pixels }, (_, pixel) => {
    const middle = clampedBin(axis, valueAt(pixel + 0.5));
    const ends = [clampedBin(axis, valueAt(pixel)), clampedBin(axis, valueAt(pixel + 1))].sort((a, b) => a - b);
    return ends[1] - ends[0] < 2 ? [middle, middle] : ends;
  });
}

function clampedBin(axis, value) {
  if (value < axis.edges[0]) return 0;
  const bin = binAt(axis, value);
  return bin < 0 ? axis.bins - 1 : bin;
}
