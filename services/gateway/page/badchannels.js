/** Bad channels of elements by path: from the newest reports, or from those of the LS chosen. */

import { ask, runWord } from "./api.js";
import { settled } from "./dom.js";
import { PROBLEMS, isProblem } from "./outcomes.js";

/** Events: `reports`. */
export class BadChannels extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    this._byPath = new Map();
    this._key = "";
    this._read = settled(() => this._fetch(), 120);
    model.addEventListener("change", ({ detail }) => detail.what === "quality" && this.follow());
  }

  /** Reports of problems of an element, the worst first. */
  of(path) {
    return this._byPath.get(path) ?? [];
  }

  /** Channels to mark on a plot. */
  marks(path) {
    return this.of(path).filter(({ outcome }) => isProblem(outcome)).flatMap((report) => report.bad_channels);
  }

  /** Ask again if other reports are the newest now. */
  follow() {
    const made = Object.values(this._model.boards.quality.rows).flatMap(
      (row) => [row.workspace, row.lumisection?.made, row.lumisection?.lumisection, row.run?.made],
    );
    const key = JSON.stringify([this._router.route.run, this._model.run?.run, this._model.chosen, this._model.moment, made]);
    if (key === this._key) return;
    this._key = key;
    this._read();
  }

  async _fetch() {
    const key = this._key;
    const query = { outcome: PROBLEMS, limit: 2000, made_by: this._model.moment };
    if (this._model.chosen !== null) Object.assign(query, { lumisections: this._model.chosen, scope: "lumisection" });
    let reports = [];
    try {
      if (this._model.run) {
        const newest = Math.max(0, ...Object.values(this._model.boards.quality.rows).map((row) => row.lumisection?.lumisection ?? 0));
        if (this._model.chosen === null && newest) query.lumisections = newest;
        ({ reports } = await ask(`runs/${runWord(this._router.route.run)}/reports`, query));
      }
    } catch {
      // The page says elsewhere that the gateway does not answer; marks come with the next reports.
      return;
    }
    if (key !== this._key) return;
    this._byPath = new Map();
    for (const report of reports) this._byPath.set(report.path, [...this.of(report.path), report]);
    this.dispatchEvent(new CustomEvent("reports"));
  }
}
