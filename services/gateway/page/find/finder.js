/** The search: which paths its words mean, asked again when the words, the run or its elements change. */

import { elements } from "../api.js";
import { byId } from "../dom.js";
import { fuzzy, kindOf } from "./match.js";

/** Events: `change`. */
export class Finder extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    /** Paths that were found, the closest first; null while nobody knows. */
    this.found = null;
    this.kind = "fuzzy";
  }

  /** Follow the address; `anew` when the elements are others. */
  follow(route, before, anew = false) {
    if (route.match !== before.match || route.run !== before.run) this.found = null;
    if (route.match && (!this.found || anew)) this._search();
  }

  async _search() {
    const { match, run } = this._router.route;
    const { kind, query } = kindOf(match);
    this.kind = kind;
    const isLate = () => match !== this._router.route.match || run !== this._router.route.run;
    let problem = "";
    try {
      const found = kind === "fuzzy"
        ? fuzzy(match, this._model.elements.map(({ path }) => path))
        : (await elements(run, query)).map(({ path }) => path);
      if (isLate()) return;
      this.found = new Set(found);
    } catch (error) {
      if (isLate()) return;
      this.found = new Set();
      problem = error.message;
    }
    byId("search").setCustomValidity(problem);
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }
}
