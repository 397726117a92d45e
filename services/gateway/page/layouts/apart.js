/** In what contents differ from those beside them, in words; as `dqmstream deploy compare` says it. No page here. */

import { plural } from "../format.js";
import { isLike } from "../plots/layers.js";

/** Empty if they are the same, or are not known yet. */
export function apart(plot, other) {
  const [mine, theirs] = [plot?.header, other?.header];
  if (!mine?.element || !theirs?.element || !mine.totals || !theirs.totals) return "";
  if (mine.element.kind !== theirs.element.kind || mine.element.storage !== theirs.element.storage) return "of another kind";
  if (!isLike(mine.element, theirs.element)) return "re-binned";
  const [ours, beside] = [mine.window, theirs.window];
  // What is still filled is at different places in both, and says nothing.
  if (!ours.closed || !beside.closed) return "";
  if (["first", "last", "lumisections"].some((name) => ours[name] !== beside[name])) return "of other LSs";
  const cells = differing(plot.arrays, other.arrays);
  if (cells) return `${plural(cells, "bin")} differ${cells === 1 ? "s" : ""}`;
  return ["nan", "outside", "value", "invalid"].some((name) => mine.totals[name] !== theirs.totals[name]) ? "different" : "";
}

/** How many cells are not the same in any of the arrays. */
function differing(arrays, others) {
  const found = new Set();
  for (const [name, cells] of Object.entries(arrays)) {
    const beside = others[name] ?? [];
    for (let at = 0; at < cells.length; at += 1) if (!Object.is(cells[at], beside[at]) && cells[at] !== beside[at]) found.add(at);
  }
  return found.size;
}
