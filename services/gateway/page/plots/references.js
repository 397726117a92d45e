/** What plots are compared with: the references that the catalogue chooses for their run, or another run. */

import { Refusal, ask, runWord, windowQuery } from "../api.js";
import { settled } from "../dom.js";
import { cellsOf } from "../stream.js";
import { layerOf } from "./layers.js";

const BATCH = 24;
const KEEP = 400;
/** Milliseconds after which what is chosen is asked for again: conditions change, references are made. */
const AGAIN = 60_000;
/** Elements without a reference in one answer. */
const PAGE = 5000;

/** `ref` in an address: nothing is the chain of the catalogue, else off, `run:N`, or a name in the catalogue. */
export const OFF = "off";

/** The run of `run:N`; null of others. */
export const runOf = (word) => (/^run:[1-9]\d{0,9}$/.test(word) ? Number(word.slice(4)) : null);

/** Events: `reference` {path}. */
export class References extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    this._held = new Map();
    this._wanted = new Set();
    this._asked = new Map();
    this._key = "";
    this._lacking = { key: "", at: 0, paths: new Set() };
    this._settle = settled(() => this._fetch(), 150);
    this._timer = setInterval(() => document.hidden || this._settle(), AGAIN);
    this._follow = ({ detail }) => detail.what === "run" && this._settle();
    model.addEventListener("change", this._follow);
  }

  /** Ask for nothing any more. */
  close() {
    clearInterval(this._timer);
    this._model.removeEventListener("change", this._follow);
  }

  get isOn() {
    return this._router.route.ref !== OFF;
  }

  /** On or off, in the address. */
  toggle() {
    this._router.go({ ref: this.isOn ? OFF : "" }, { replace: true });
  }

  /** What is known for a path, wanting it from now on: `{plot, label, scale}`, `{why}`, or null. */
  get(path) {
    if (!this.isOn) return null;
    const key = this._keyNow();
    const held = this._held.get(path);
    if (held?.key === key && performance.now() - held.at < AGAIN) return held;
    this._wanted.add(path);
    this._settle();
    return held?.key === key ? held : null;
  }

  /** Paths without a reference, as the gateway lists them of all elements; none before it has. */
  get lacking() {
    const { run, window: word, ref } = this._router.route;
    const name = ref === OFF || runOf(ref) !== null ? "" : ref;
    const key = JSON.stringify([runWord(run), this._model.run?.run, word, name]);
    const now = performance.now();
    if (this._lacking.key !== key || now - this._lacking.at > AGAIN) {
      const paths = this._lacking.key === key ? this._lacking.paths : new Set();
      this._lacking = { key, at: now, paths };
      this._list(this._lacking, `runs/${runWord(run)}/references/lacking`, { name, limit: PAGE, ...windowQuery(word) });
    }
    return this._lacking.paths;
  }

  async _list(into, path, query) {
    const paths = new Set();
    try {
      for (let after = ""; after !== null;) {
        const found = await ask(path, { ...query, after });
        for (const each of found.elements) paths.add(each.path);
        after = found.after;
      }
    } catch {
      // The last list stays; it is asked for again later.
      return;
    }
    into.paths = paths;
    this.dispatchEvent(new CustomEvent("reference", { detail: { path: "" } }));
  }

  /** Layers to draw over a plot: one, none while nothing is known or nothing fits. */
  layers(path, plot) {
    const found = plot?.header.element?.axes.length ? this.get(path) : null;
    if (!found?.plot || !plot.arrays.values) return [];
    const { norm } = this._router.route;
    return [layerOf(plot, found.plot, { label: found.label, norm: norm || "entries", scale: found.scale })].filter(({ why }) => !why);
  }

  _keyNow() {
    const { run, window: word, ref, norm } = this._router.route;
    return JSON.stringify([runWord(run), this._model.run?.run, ref, norm === "luminosity" ? [norm, word] : norm]);
  }

  async _fetch() {
    const key = this._keyNow();
    if (key !== this._key) {
      this._key = key;
      this._asked.clear();
    }
    const now = performance.now();
    const paths = [...this._wanted].filter((path) => !(now - this._asked.get(path) < AGAIN / 4));
    this._wanted.clear();
    if (!this.isOn) return;
    for (let at = 0; at < paths.length; at += BATCH) {
      const batch = paths.slice(at, at + BATCH);
      for (const path of batch) this._asked.set(path, now);
      try {
        for (const row of await this._answer(batch)) if (key === this._keyNow()) this._put(key, row);
      } catch (error) {
        // Without an answer the last one stays; the head of the page says that the connection is lost.
        for (const path of batch) {
          if (error instanceof Refusal) this._put(key, { path, why: error.message });
          else this._asked.delete(path);
        }
      }
      if (key !== this._keyNow()) return;
    }
  }

  async _answer(path) {
    const { run, window: word, ref, norm } = this._router.route;
    const other = runOf(ref);
    if (other !== null) {
      const { contents } = await ask(`runs/${other}/contents`, { path });
      return contents.map((one) => ({ path: one.element.path, contents: one, name: `run ${other}`, scale: null }));
    }
    const query = { path, name: ref, normalise: norm || "entries", ...windowQuery(word) };
    const { overlays } = await ask(`runs/${runWord(run)}/references`, query);
    return overlays;
  }

  _put(key, { path, why = "", contents, name, scale, runs, tried = [] }) {
    const held = { key, at: performance.now(), why, tried, name, runs };
    if (contents) {
      const { arrays, ...header } = contents;
      held.plot = { header, arrays: cellsOf(arrays) };
      held.label = runs?.length ? `${name} (${runs.length > 1 ? `${runs.length} runs` : `run ${runs[0]}`})` : name;
      held.scale = scale;
    }
    this._held.delete(path);
    this._held.set(path, held);
    if (this._held.size > KEEP) this._held.delete(this._held.keys().next().value);
    this.dispatchEvent(new CustomEvent("reference", { detail: { path } }));
  }
}
