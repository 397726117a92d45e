/** In what contents differ from those beside them, in words; as `dqmstream deploy compare` says it. No page here. */

import { lumisections, plural } from "../format.js";
import { isLike } from "../plots/layers.js";

/** Empty if they are the same, or are not known yet. */
export function apart(plot, other) {
  const [mine, theirs] = [plot?.header, other?.header];
  if (!mine?.element || !theirs?.element || !mine.totals || !theirs.totals) return "";
  if (mine.element.kind !== theirs.element.kind || mine.element.storage !== theirs.element.storage) return "of another kind";
  if (!isLike(mine.element, theirs.element)) return "re-binned";
  // What is still filled is at different places in both, and says nothing; nor does that one is ahead in its newest LSs.
  if (!mine.window.closed || !theirs.window.closed) return "";
  if (!ofSame(mine.window, theirs.window)) return /^(last|lumisection)/.test(mine.window.word) ? "" : "of other LSs";
  const cells = differing(plot.arrays, other.arrays);
  if (cells) return `${plural(cells, "bin")} differ${cells === 1 ? "s" : ""}`;
  return ["nan", "outside", "value", "invalid"].some((name) => mine.totals[name] !== theirs.totals[name]) ? "different" : "";
}

/** Which LSs are beside, if they are others. */
export function otherLumisections(plot, other) {
  const [ours, theirs] = [plot?.header.window, other?.header.window];
  return ours?.lumisections && theirs?.lumisections && !ofSame(ours, theirs) ? lumisections(theirs) : "";
}

const ofSame = (one, other) => ["first", "last", "lumisections"].every((name) => one[name] === other[name]);

/** How many cells are not the same in any of the arrays. */
function differing(arrays, others) {
  const found = new Set();
  for (const [name, cells] of Object.entries(arrays)) {
    const beside = others[name] ?? [];
    for (let at = 0; at < cells.length; at += 1) if (!Object.is(cells[at], beside[at]) && cells[at] !== beside[at]) found.add(at);
  }
  return found.size;
}
