/** Since when a workspace stands as it does, and how much of it is good. No page here. */

import { rank } from "../outcomes.js";

/**
 * Since which LS a workspace has had its outcome, looking back from an LS.
 *
 * @param rows of the strip, rising
 * @param until the last LS to look at; null for the newest that is judged
 * @returns `{outcome, since, before}`: `before` is what it was until then, null if it was never another
 */
function lastChange(rows, workspace, until = null) {
  const judged = rows.filter(({ lumisection, outcomes }) => outcomes[workspace] && (until === null || lumisection <= until));
  if (!judged.length) return null;
  const outcome = judged.at(-1).outcomes[workspace][0];
  let since = judged.at(-1).lumisection;
  for (let at = judged.length - 2; at >= 0; at -= 1) {
    const before = judged[at].outcomes[workspace][0];
    if (before !== outcome) return { outcome, since, before };
    since = judged[at].lumisection;
  }
  return { outcome, since, before: null };
}

/** In words: `BAD since LS 5`, `GOOD in all 12 LSs`. */
export function changeWords(rows, workspace, until = null) {
  const change = lastChange(rows, workspace, until);
  if (!change) return "no LS is judged yet";
  const { outcome, since, before } = change;
  if (before === null) return `${outcome} since the first LS, ${since}`;
  return `${outcome} since LS ${since}, ${before} before`;
}

/** LSs at which the worst outcome of all, or that of one workspace, became another; rising. */
export function changesAt(rows, workspace) {
  const found = [];
  let before = null;
  for (const row of rows) {
    const outcome = workspace ? row.outcomes[workspace]?.[0] : row.worst;
    if (!row.closed || outcome === undefined || rank(outcome) < rank("GOOD")) continue;
    if (before !== null && outcome !== before) found.push(row.lumisection);
    before = outcome;
  }
  return found;
}

/** CMS's reportSummary: GOOD of all that was judged; null if nothing was. */
export function goodFraction(counts) {
  const judged = ["GOOD", "WARNING", "BAD"].reduce((sum, outcome) => sum + (counts?.[outcome] ?? 0), 0);
  return judged ? (counts.GOOD ?? 0) / judged : null;
}

/** A fraction as per cent, never rounded up to 100. */
export function percent(fraction) {
  if (fraction === null || fraction === undefined) return "–";
  if (fraction === 1) return "100\u202f%";
  return `${(Math.floor(fraction * 1000) / 10).toFixed(1)}\u202f%`;
}
