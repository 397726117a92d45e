/** The reference of each cell: what its quality tests compare with, none, one of the catalogue, or a run. */

import { References, OFF } from "../plots/references.js";

const KEEP = 40;

/** Events: `reference` {path}. */
export class Choices extends EventTarget {
  constructor({ model, router, references }) {
    super();
    this._model = model;
    this._router = router;
    this._references = references;
    this._others = new Map();
    references.addEventListener("reference", ({ detail }) => this._tell(detail.path));
  }

  /** Layers to draw over a plot of a cell. */
  layers(cell, plot) {
    return this._of(cell)?.layers(cell.paths[0], plot) ?? [];
  }

  /** Why a cell has no reference, in words; empty if it has one, wants none, or nobody knows yet. */
  why(cell) {
    return this._of(cell)?.get(cell.paths[0])?.why ?? "";
  }

  /** References are of the set that is shown: what another set books, that may not know. */
  _of({ set, reference: { choice, name, run }, draw: { normalise } }) {
    if (!this._references.isOn || set || choice === "none") return null;
    const ref = { catalogue: name ?? "", run: `run:${run}` }[choice] ?? "";
    if (!ref && !normalise) return this._references;
    const key = JSON.stringify([ref, normalise]);
    if (!this._others.has(key)) this._make(key, ref, normalise);
    return this._others.get(key);
  }

  /** References that follow the address, but for what the cell has chosen. */
  _make(key, ref, normalise) {
    const router = this._router;
    const chosen = {
      get route() {
        const { route } = router;
        return { ...route, ref: route.ref === OFF ? OFF : ref || route.ref, norm: normalise ?? route.norm };
      },
    };
    const made = new References(this._model, chosen);
    made.addEventListener("reference", ({ detail }) => this._tell(detail.path));
    this._others.set(key, made);
    if (this._others.size > KEEP) {
      const [oldest] = this._others.keys();
      this._others.get(oldest).close();
      this._others.delete(oldest);
    }
  }

  _tell(path) {
    this.dispatchEvent(new CustomEvent("reference", { detail: { path } }));
  }
}
