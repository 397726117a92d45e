/** Other runs and windows of the elements that are shown, and candidates: `over=` of an address. */

import { Refusal, ask, runWord, windowQuery } from "../api.js";
import { settled, spaced } from "../dom.js";
import { lumisections } from "../format.js";
import { askContents, candidateOf, sourceName } from "../layouts/source.js";
import { isWindow } from "../router.js";
import { cellsOf } from "../stream.js";
import { layerOf } from "./layers.js";

/** At most so many beside the data. */
export const MOST = 7;

const BATCH = 24;
const KEEP = 800;
/** Milliseconds after an LS has closed until what is held is asked for again: some close together. */
const AGAIN = 1_500;
/** Milliseconds until a candidate that was away is asked again. */
const PATIENCE = 8_000;
/** As deployments may be called. */
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** `run:window,candidate:NAME` as `[{word, run, window}]`, run null of candidates; what is not understood, or twice there, is left out. */
export function parseOver(text) {
  const found = new Map();
  for (const word of (text || "").split(",")) {
    if (NAME.test(candidateOf(word))) found.set(word, { word, run: null, window: "" });
    const [run, ...rest] = word.split(":");
    const window = rest.join(":") || "run";
    if (/^[1-9]\d{0,9}$/.test(run) && isWindow(window)) found.set(`${run}:${window}`, { word: `${run}:${window}`, run: Number(run), window });
  }
  return [...found.values()].slice(0, MOST);
}

export const formatOver = (items) => items.map(({ word }) => word).join(",");

/** What an item is called, before and after its contents came. */
export function nameOf({ word, plot }) {
  const of = plot?.header.window;
  if (candidateOf(word)) return of?.run ? `${sourceName(word)}, ${lumisections(of)}` : sourceName(word);
  return of?.run ? `run ${of.run}, ${lumisections(of)}` : `run ${word.replace(":", ", ")}`;
}

/** What an item is scaled by: a candidate has the same events, so that any difference counts. */
export const normOf = ({ word }, norm) => norm || (candidateOf(word) ? "none" : "entries");

/** Events: `others` {path}. */
export class Others extends EventTarget {
  constructor(model, router) {
    super();
    this._router = router;
    this._held = new Map();
    this._asking = new Set();
    this._wanted = new Map();
    this._settle = settled(() => this._fetch(), 40);
    this._closed = "";
    this._again = spaced(() => this._forget(), AGAIN);
    model.addEventListener("change", ({ detail }) => detail.what === "strip" && this._follow(model));
  }

  /** What the address names, with `plot` or `why` once it is known. */
  get(path) {
    return parseOver(this._router.route.over).map((item) => {
      const { at, run, window } = this._router.route;
      // A candidate is asked for what is shown of production.
      const shown = candidateOf(item.word) ? { run: runWord(run), window } : {};
      const key = JSON.stringify([path, item.word, at, shown]);
      const held = this._held.get(key);
      if ((!held || held.old) && !this._asking.has(key)) {
        this._wanted.set(key, { path, item: { ...item, ...shown }, at });
        this._settle();
      }
      return { ...item, ...held };
    });
  }

  /** Layers to draw over a plot: those that came and fit. */
  layers(path, plot) {
    if (!plot?.arrays.values) return [];
    const { norm } = this._router.route;
    const found = this.get(path).map((item, i) => item.plot && layerOf(plot, item.plot, { label: nameOf(item), norm: normOf(item, norm), stroke: i + 1 }));
    return found.filter((layer) => layer && !layer.why);
  }

  /** An LS has closed: what is asked for may be of the run that is still going on. */
  _follow({ run, lumisections: rows }) {
    const closed = JSON.stringify([run?.run, rows.filter((row) => row.closed).length]);
    if (closed === this._closed) return;
    this._closed = closed;
    this._again();
  }

  _forget() {
    for (const held of this._held.values()) held.old = true;
    for (const path of new Set([...this._held.keys()].map((key) => JSON.parse(key)[0]))) this._tell(path);
  }

  /** What is wanted, a request for so many of one run and window. */
  _fetch() {
    const byWord = new Map();
    for (const [key, { path, item, at }] of this._wanted) {
      const word = `${item.word} ${item.run} ${item.window} ${at}`;
      byWord.set(word, [...(byWord.get(word) ?? []), { key, path, item, at }]);
    }
    this._wanted.clear();
    for (const wanted of byWord.values()) {
      for (let from = 0; from < wanted.length; from += BATCH) this._ask(wanted.slice(from, from + BATCH));
    }
  }

  async _ask(batch) {
    const { item: { word, run, window }, at } = batch[0];
    const isBeside = Boolean(candidateOf(word));
    for (const { key } of batch) this._asking.add(key);
    try {
      const query = { path: batch.map(({ path }) => path), ...windowQuery(window), as_of: at };
      const { contents } = await (isBeside ? askContents(word, run, query) : ask(`runs/${run}/contents`, query));
      contents.forEach(({ arrays, ...header }, i) => this._put(batch[i], { plot: { header, arrays: cellsOf(arrays) } }));
    } catch (error) {
      // One path that the other run has not makes an answer for all impossible: then each is asked for.
      const isAway = isBeside && error.status >= 500;
      if (isAway) for (const one of batch) this._later(one, error.message);
      else if (error instanceof Refusal && batch.length > 1) for (const one of batch) await this._ask([one]);
      else if (error instanceof Refusal) this._put(batch[0], { why: error.message });
    }
    for (const { key } of batch) this._asking.delete(key);
  }

  /** A candidate is away: why, and it is asked again in a while. */
  _later(one, why) {
    const held = { why };
    this._put(one, held);
    setTimeout(() => {
      held.old = true;
      this._tell(one.path);
    }, PATIENCE);
  }

  _put({ key, path }, held) {
    this._held.delete(key);
    this._held.set(key, held);
    if (this._held.size > KEEP) this._held.delete(this._held.keys().next().value);
    this._tell(path);
  }

  _tell(path) {
    this.dispatchEvent(new CustomEvent("others", { detail: { path } }));
  }
}
