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
    this._now = route;
    if (!route.path) this._from = null;
    else if (!before.path) Object.assign(this, { _from: before, _opened: route });
  }

  /** Parts of the address to change, to be back. */
  get back() {
    if (!this._from) return { path: "" };
    const chosen = KEPT.filter((name) => this._now[name] !== this._opened[name]);
    return { ...this._from, ...Object.fromEntries(chosen.map((name) => [name, this._now[name]])) };
  }

  /** Parts to change on the way to the next plot: what the link that was followed brought, unless another was chosen. */
  get step() {
    if (!this._from) return {};
    const brought = BROUGHT.filter((name) => this._now[name] === this._opened[name]);
    return Object.fromEntries(brought.map((name) => [name, this._from[name]]));
  }
}
