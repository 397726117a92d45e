/** The way back from the large view: to where one came from, with what was chosen meanwhile. No page here. */

/** What stays as it was chosen in the large view; all else is as it was where one came from. */
const KEPT = ["run", "window", "at", "ref", "norm", "over"];

/** What a link to a plot may bring along for that plot alone. */
const BROUGHT = ["ref", "norm", "box"];

export class Origin {
  constructor() {
    Object.assign(this, { _from: null, _opened: null, _now: null });
  }

  /** Follow the address; the page that was opened large came from nowhere. */
  follow(route, before) {
    const stepped = before.path && (route.path !== before.path || route.cell !== before.cell);
    this._now = route;
    if (!route.path) this._from = null;
    else if (!before.path) Object.assign(this, { _from: before, _opened: route });
    else if (this._from && stepped) this._opened = { ...this._opened, ...taken(route, BROUGHT.filter((name) => before[name] === this._opened[name])) };
  }

  /** Parts of the address to change, to be back; `brought` is what this plot's cell of a layout brings. */
  back(brought = {}) {
    if (!this._from) return { path: "", ...Object.fromEntries(BROUGHT.filter((name) => brought[name] && !this._isChosen(name, brought)).map((name) => [name, ""])) };
    return { ...this._from, ...taken(this._now, KEPT.filter((name) => this._isChosen(name, brought))) };
  }

  /** Parts to change on the way to the next plot: what this one brought goes, what `next` brings comes, what was chosen stays. */
  step(next = {}, brought = {}) {
    const kept = BROUGHT.filter((name) => !(name in next) || this._isChosen(name, brought));
    return { ...next, ...Object.fromEntries(kept.map((name) => [name, this.base(name, brought)])) };
  }

  /** A part of the address as it is for all plots, whatever this one brought. */
  base(name, brought = {}) {
    return this._isChosen(name, brought) ? this._now[name] : this._from?.[name] ?? "";
  }

  /** Whether a part is neither as the link that was followed brought it nor, where none was, as the plot's cell has it. */
  _isChosen(name, brought) {
    return this._now[name] !== (this._from ? this._opened[name] : brought[name] ?? "");
  }
}

const taken = (route, names) => Object.fromEntries(names.map((name) => [name, route[name]]));
