/** Summaries of the run by workspace and folder, with the test that causes each; asked for while they are shown. */

import { ask, runWord } from "../api.js";

const PAUSE = 1500;

/** Events: `change`. */
export class Summaries extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    this._workspaces = {};
    this._map = {};
    this._key = "";
    this._shown = false;
    this._asking = false;
    this._timer = 0;
    model.addEventListener("change", ({ detail: { what } }) => {
      if (what === "quality" || what === "strip") this._soon();
    });
  }

  /** Of a workspace: `{lumisection, worst, fraction, judged, not_judged, counts, cause, folders}`; null if not known. */
  of(workspace) {
    return this._workspaces[workspace] ?? null;
  }

  /** CMS's reportSummaryMap of a workspace: `{folder: fraction}`. */
  map(workspace) {
    return this._map[workspace] ?? {};
  }

  /** Ask, and go on asking, as long as somebody looks. */
  show(shown) {
    this._shown = shown;
    if (shown) this._soon();
  }

  _soon() {
    if (!this._shown || this._timer) return;
    const wait = this._wanted() === this._key ? PAUSE : 0;
    this._timer = setTimeout(() => {
      this._timer = 0;
      this._fetch();
    }, wait);
  }

  /** Whether there is anything to summarise: before, the gateway has no answer. */
  get _isJudged() {
    const { chosen, lumisections, boards } = this._model;
    if (chosen === null) return Object.values(boards.quality.rows).some((row) => row.lumisection);
    return lumisections.some(({ lumisection, outcomes }) => lumisection === chosen && Object.keys(outcomes).length);
  }

  _wanted() {
    return `${runWord(this._router.route.run)} ${this._model.chosen}`;
  }

  async _fetch() {
    if (this._asking || !this._shown || !this._isJudged) return;
    this._asking = true;
    const key = this._wanted();
    try {
      const { chosen } = this._model;
      const { run } = this._router.route;
      const found = await ask(`runs/${runWord(run)}/summary`, { lumisection: chosen, depth: 1 });
      if (key === this._wanted()) this._take(key, found.workspaces, found.map);
    } catch {
      // Not judged yet, or no answer: the tiles then show what the boards say.
      if (key !== this._key) this._take(key, {}, {});
    } finally {
      this._asking = false;
    }
    if (key !== this._wanted()) this._soon();
  }

  _take(key, workspaces, map) {
    Object.assign(this, { _key: key, _workspaces: workspaces, _map: map });
    this.dispatchEvent(new Event("change"));
  }
}
