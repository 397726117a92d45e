/** Other runs and windows of the element that is shown large: `over=` of an address. */

import { Refusal, ask, windowQuery } from "../api.js";
import { settled } from "../dom.js";
import { isWindow } from "../router.js";
import { cellsOf } from "../stream.js";

/** At most so many beside the data. */
export const MOST = 7;

/** `run:window,run:window` as `[{word, run, window}]`; what is not understood, or twice there, is left out. */
export function parseOver(text) {
  const found = new Map();
  for (const word of (text || "").split(",")) {
    const [run, ...rest] = word.split(":");
    const window = rest.join(":") || "run";
    if (/^[1-9]\d{0,9}$/.test(run) && isWindow(window)) found.set(`${run}:${window}`, { word: `${run}:${window}`, run: Number(run), window });
  }
  return [...found.values()].slice(0, MOST);
}

export const formatOver = (items) => items.map(({ word }) => word).join(",");

/** Events: `others`. */
export class Others extends EventTarget {
  constructor(model, router) {
    super();
    this._router = router;
    this._held = new Map();
    this._asking = new Set();
    this._again = settled(() => this._forget(), 1_500);
    // An LS has closed: what is asked for may be of the run that is still going on.
    model.addEventListener("change", ({ detail }) => detail.what === "strip" && this._again());
  }

  /** What the address names, with `plot` or `why` once it is known. */
  get(path) {
    return parseOver(this._router.route.over).map((item) => {
      const key = JSON.stringify([path, item.word, this._router.route.at]);
      const held = this._held.get(key);
      if (!held || held.old) this._ask(key, path, item);
      return { ...item, ...held };
    });
  }

  _forget() {
    for (const held of this._held.values()) held.old = true;
    if (this._held.size) this.dispatchEvent(new CustomEvent("others"));
  }

  async _ask(key, path, { run, window }) {
    if (this._asking.has(key)) return;
    this._asking.add(key);
    let held = null;
    try {
      const { contents: [{ arrays, ...header }] } = await ask(`runs/${run}/contents`, { path, ...windowQuery(window), as_of: this._router.route.at });
      held = { plot: { header, arrays: cellsOf(arrays) } };
    } catch (error) {
      if (error instanceof Refusal) held = { why: error.message };
    }
    this._asking.delete(key);
    if (!held) return;
    this._held.set(key, held);
    if (this._held.size > 8 * MOST) this._held.delete(this._held.keys().next().value);
    this.dispatchEvent(new CustomEvent("others"));
  }
}
