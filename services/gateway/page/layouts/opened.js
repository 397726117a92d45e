/** The layout that a large plot belongs to, as its address says: its plots in their order, and the cell of this one. */

import { Refusal } from "../api.js";
import { isOfPaths, layoutOfPaths } from "./differing.js";
import { largeParts, stepAt, stepsOf } from "./large.js";
import { Shelf } from "./shelf.js";
import { cellOf, tabAt } from "./value.js";

/** Milliseconds until a layout is asked for again of which no answer came. */
const AGAIN = 4_000;

/** Events: `change`, when the layout has come. */
export class Opened extends EventTarget {
  constructor(model, router) {
    super();
    Object.assign(this, { _model: model, _router: router, _key: "", _layout: null, _made: null, _later: 0 });
    this._shelf = new Shelf();
  }

  /** A layout as the view of layouts shows it: a plot that is opened there need not wait for it. */
  take(name, version, layout) {
    Object.assign(this, { _key: keyOf(name, version), _layout: layout });
  }

  /** Follow the address: without the view, as of a link to the plot, its layout is asked for. */
  follow({ layout: name, version, path }) {
    const key = keyOf(name, version);
    if (!name || !path || key === this._key) return;
    Object.assign(this, { _key: key, _layout: null });
    clearTimeout(this._later);
    this._read(key, name, version);
  }

  async _read(key, name, version) {
    try {
      const { layout } = isOfPaths(name) ? layoutOfPaths(name) : await this._shelf.get(name, version);
      if (key !== this._key) return;
      this._layout = layout;
    } catch (error) {
      if (key !== this._key) return;
      // Without it plots are drawn as booked; Back leads to the view that says why it is not there.
      if (error instanceof Refusal) this._layout = null;
      else this._later = setTimeout(() => key === this._key && this._read(key, name, version), AGAIN);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** The plots of the tab; none before the layout has come. */
  get _steps() {
    const { layout, path } = this._router.route;
    if (!this._layout || !layout || !path) return [];
    const [tab, { elements }] = [this._tab, this._model];
    if (this._made?.tab !== tab || this._made.elements !== elements) {
      const booked = new Set(elements.map(({ path }) => path));
      this._made = { tab, elements, steps: stepsOf((tab.cells ?? []).map(cellOf), (path) => booked.has(path)) };
    }
    return this._made.steps;
  }

  get _tab() {
    return this._layout.tabs[tabAt(this._layout, this._router.route.tab)];
  }

  get _at() {
    const { path, cell } = this._router.route;
    return stepAt(this._steps, path, cell);
  }

  /** The cell that draws this plot; null if there is none, or it is not known yet. */
  get cell() {
    return this._steps[this._at]?.cell ?? null;
  }

  /** Elements that the cell draws over this one. */
  get over() {
    const [first, ...others] = this.cell?.paths ?? [];
    return first === this._router.route.path ? others : [];
  }

  /** Where this plot stands, in words; empty if it is in no layout. */
  get words() {
    const [steps, at] = [this._steps, this._at];
    if (at < 0) return "";
    const { title, name } = this._layout;
    const words = `Plot ${at + 1} of ${steps.length} of ${title || name}${this._layout.tabs.length > 1 ? `, ${this._tab.name}` : ""}`;
    const { set } = steps[at].cell;
    return set ? `${words}, which has it of set ${set.slice(0, 8)}` : words;
  }

  /** Parts of the address that this plot's cell brings: none if it has no cell. */
  get brought() {
    const { path } = this._router.route;
    return this.cell ? largeParts(this.cell, this._element(path), "") : {};
  }

  /** Parts of the address of the plots before and after this one, as their cells draw them; null for none. `ref` is that of the layout. */
  around(ref) {
    const [steps, at] = [this._steps, this._at];
    const parts = (step) => step && { path: step.path, cell: step.word, ...largeParts(step.cell, this._element(step.path), ref) };
    return [parts(steps[at - 1]) ?? null, parts(steps[at + 1]) ?? null];
  }

  _element(path) {
    return this._model.elements.find((element) => element.path === path) ?? null;
  }
}

const keyOf = (name, version) => JSON.stringify([name, version]);
