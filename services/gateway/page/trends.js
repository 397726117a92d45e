/** Trends of elements, one number per LS: fetched when wanted, and again when an LS has closed. */

import { Refusal, ask, runWord, windowQuery } from "./api.js";
import { WHOLE_RUN } from "./router.js";
import { joined, trendStretches } from "./stretches.js";

const AT_ONCE = 4;
const KEEP = 200;

/** Events: `trend` {key}. */
export class Trends extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    this._held = new Map();
    this._queue = new Map();
    this._running = 0;
  }

  /**
   * The trend of a path, null before it has come; a newer one is asked for if an LS closed since.
   *
   * @param quantity mean, entries, rms, error, nan or outside; a scalar's is always its value
   * @param word window of LSs; `run` is all that the strip has, in as many answers as that takes
   * @param against what its x is: the lumisection, or a condition of it
   */
  get(path, quantity = "mean", word = "last-60", against = "lumisection") {
    const { run } = this._router.route;
    const key = JSON.stringify([runWord(run), this._model.run?.run, path, quantity, word, against]);
    const version = this._version(against);
    const held = this._held.get(key);
    // Of a whole run nothing is asked for before its LSs are known, and that it books the element.
    const { elements, lumisections, wholeRun } = this._model;
    const isKnown = word !== "run" || ((lumisections.length > 0 || wholeRun) && elements.some((element) => element.path === path));
    if (isKnown && held?.version !== version && !this._queue.has(key)) {
      // The LSs of now: when its turn comes another run may be shown.
      const windows = word === "run" ? this._stretches(path) : [word];
      this._queue.set(key, { key, path, quantity, windows, against, run, version });
      this._next();
    }
    return this._model.moment === null ? held?.trend ?? null : upTo(held?.trend, this._model.lumisections.at(-1)?.lumisection ?? 0);
  }

  /** Rises when an LS closes, or its conditions become known; of a run that is over it stays. */
  _version(against) {
    const rows = this._model.lumisections;
    const closed = rows.filter((row) => row.closed).length;
    const told = against === "lumisection" ? 0 : rows.filter((row) => row.conditions).length;
    return `${closed} ${rows.length} ${told} ${rows.at(-1)?.closed ? "" : Math.floor(performance.now() / 5000)}`;
  }

  /** The run in windows that the gateway answers at once. */
  _stretches(path) {
    const cells = this._model.elements.find((element) => element.path === path)?.cells;
    const numbers = this._model.lumisections.map(({ lumisection }) => lumisection);
    const stretches = trendStretches(numbers, cells);
    return [...(this._model.wholeRun ? [WHOLE_RUN] : []), ...stretches.map((ends) => ends.join("-"))];
  }

  async _next() {
    if (this._running >= AT_ONCE) return;
    const wanted = [...this._queue.values()].find((each) => !each.running);
    if (!wanted) return;
    wanted.running = true;
    this._running += 1;
    const { key, path, quantity, windows, against, run, version } = wanted;
    let trend = null;
    try {
      const query = { path, quantity, against };
      const parts = [];
      for (const window of windows) parts.push(await ask(`runs/${runWord(run)}/trend`, { ...query, ...windowQuery(window) }));
      trend = joined(parts);
    } catch (error) {
      // Without an answer the last one stays, and the next redraw asks again: the head of the page
      // says that the connection is lost.
      if (error instanceof Refusal) trend = { lumisections: [], values: [], closed: [], problem: error.message };
    }
    if (trend) {
      this._held.delete(key);
      this._held.set(key, { trend, version });
      if (this._held.size > KEEP) this._held.delete(this._held.keys().next().value);
    }
    this._queue.delete(key);
    this._running -= 1;
    if (trend) this.dispatchEvent(new CustomEvent("trend", { detail: { path } }));
    this._next();
  }
}

/** A trend without the LSs after one: in the past they were not known. */
function upTo(trend, last) {
  if (!trend?.lumisections.length) return trend ?? null;
  const many = trend.lumisections.filter((lumisection) => lumisection <= last).length;
  const cut = Object.entries(trend).map(([name, value]) => [name, Array.isArray(value) && value.length === trend.lumisections.length ? value.slice(0, many) : value]);
  return Object.fromEntries(cut);
}
