/** More LSs than one answer of the gateway holds: asked for in stretches, and put together. No page here. */

/** LSs of one answer with a trend: what was asked for before and has not changed is not read again. */
const MOST = 500;
/** Cells of one answer LS by LS, of the 16 million that a gateway gives: elements may keep four numbers of each bin. */
const CELLS = 4_000_000;
/** Answers of one trend. */
const ANSWERS = 12;

/** Rising LSs as ranges `[first, last]`, each over at most `most` LSs; what is full stays as it is while a run goes on. */
export function stretchesOf(lumisections, most) {
  const found = [];
  for (const lumisection of lumisections) {
    const last = found.at(-1);
    if (last && lumisection - last[0] < most) last[1] = lumisection;
    else found.push([lumisection, lumisection]);
  }
  return found;
}

/** Those of a trend of an element of so many cells; of a long run of a large element the newest. */
export function trendStretches(lumisections, cells = 1) {
  const most = Math.max(1, Math.min(MOST, Math.floor(CELLS / Math.max(1, cells))));
  return stretchesOf(lumisections, most).slice(-ANSWERS);
}

/** Answers of rising stretches as one. */
export function joined(trends) {
  const [first, ...rest] = trends;
  const lists = Object.keys(first).filter((name) => Array.isArray(first[name]));
  return rest.reduce((all, trend) => ({ ...all, ...Object.fromEntries(lists.map((name) => [name, [...all[name], ...(trend[name] ?? [])]])) }), first);
}

/** Which LSs a trend is of, beside those that the run has: what is not shown is said. */
export function coveredWords(trend, lumisections) {
  const shown = (trend?.lumisections ?? []).filter(Boolean);
  if (!shown.length || !lumisections.length) return "";
  const ends = `LS ${shown[0]}${shown.length > 1 ? ` to ${shown.at(-1)}` : ""}`;
  const before = lumisections.filter((lumisection) => lumisection < shown[0]).length;
  if (!before) return `${ends}: the whole run`;
  return `${ends}: the newest ${shown.length} of ${shown.length + before} LSs, more of so many bins are not asked for at once`;
}
