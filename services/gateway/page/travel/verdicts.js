/** How one element was judged, LS by LS, and where that became another: out of its reports, asked of the gateway. */

import { Refusal, ask, runWord } from "../api.js";
import { settled } from "../dom.js";
import { rank } from "../outcomes.js";
import { changesAt } from "../overview/changes.js";
import { stretchesOf } from "../stretches.js";
import { momentOf } from "./moment.js";

/** LSs that one answer of reports covers. */
const MOST = 200;
/** Reports in one page of an answer. */
const PAGE = 5_000;

/**
 * The worst outcome of each LS by its reports: of those that judge the LS alone; where there are none, of
 * those over more LSs that end with it.
 */
export function outcomesOf(reports) {
  const found = new Map();
  for (const { lumisection, scope, outcome } of reports) {
    const alone = scope === "lumisection";
    const held = found.get(lumisection);
    if (held && held.alone !== alone ? alone : !held || rank(outcome) > rank(held.outcome)) found.set(lumisection, { alone, outcome });
  }
  return new Map([...found].map(([lumisection, { outcome }]) => [lumisection, outcome]));
}

/** Events: `outcomes`, when more is known. */
export class Verdicts extends EventTarget {
  constructor(model, router) {
    super();
    Object.assign(this, { _model: model, _router: router, _key: "", _outcomes: new Map(), _asked: new Map(), _running: false, _isWhole: false, _problem: "" });
    this._read = settled(() => this._fetch(), 120);
  }

  /**
   * Rows of the strip with the outcome of the element in the address, `{lumisection, closed, worst}`. What is
   * not known yet, or was judged anew since, is asked for.
   */
  rows() {
    this._turn();
    if (this._lacking().length) this._read();
    return this._model.lumisections.map(({ lumisection, closed }) => ({ lumisection, closed, worst: this._outcomes.get(lumisection) }));
  }

  /** Why there is nowhere to go, in words; empty if there is. */
  why(rows) {
    if (changesAt(rows, "").length) return "";
    if (this._problem) return this._problem;
    const judged = rows.filter(({ closed, worst }) => closed && worst && rank(worst) >= rank("GOOD"));
    if (this._lacking().length && !this._isWhole) return "its reports are being asked for";
    if (!judged.length) return "no test has judged this element in any LS";
    return `no change: ${judged[0].worst} in ${judged.length > 1 ? `all ${judged.length} LSs` : "the one LS"} in which it was judged`;
  }

  /** Another element, run or moment: what is known is of the one before. */
  _turn() {
    const { run, path, at } = this._router.route;
    const key = JSON.stringify([runWord(run), this._model.run?.run, path, at]);
    if (key === this._key) return;
    this._key = key;
    this._problem = "";
    this._isWhole = false;
    this._outcomes = new Map();
    this._asked = new Map();
  }

  get _workspace() {
    return this._model.elements.find(({ path }) => path === this._router.route.path)?.workspace;
  }

  /** LSs in which its workspace was judged, and since when that is so, that were not asked for as they are. */
  _lacking() {
    const workspace = this._workspace;
    return this._model.lumisections.filter(({ lumisection, outcomes, made }) => (
      workspace && outcomes[workspace] && this._asked.get(lumisection) !== String(made?.[workspace])
    ));
  }

  async _fetch() {
    if (this._running || !this._router.route.path) return;
    this._turn();
    this._running = true;
    const key = this._key;
    const workspace = this._workspace;
    const lacking = this._lacking();
    // The newest first: one looks back from there.
    for (const [first, last] of stretchesOf(lacking.map(({ lumisection }) => lumisection), MOST).reverse()) {
      try {
        const reports = await this._reports(workspace, first, last);
        if (key !== this._key) break;
        for (const [lumisection, outcome] of outcomesOf(reports)) this._outcomes.set(lumisection, outcome);
      } catch (error) {
        if (key !== this._key) break;
        // Without an answer it is asked again when the strip is drawn next; a refusal stands, and is told.
        if (!(error instanceof Refusal)) break;
        this._problem = error.message;
      }
      for (const { lumisection, made } of lacking) if (first <= lumisection && lumisection <= last) this._asked.set(lumisection, String(made?.[workspace]));
      this.dispatchEvent(new CustomEvent("outcomes"));
    }
    this._running = false;
    if (key !== this._key) this._read();
    else if (!this._isWhole && lacking.every(({ lumisection }) => this._asked.has(lumisection))) {
      this._isWhole = true;
      this.dispatchEvent(new CustomEvent("outcomes"));
    }
  }

  /** All reports of the element in a stretch of LSs. */
  async _reports(workspace, first, last) {
    const { run, path, at } = this._router.route;
    const found = [];
    for (let after = ""; after !== null;) {
      const query = { workspace, path, lumisections: `${first}-${last}`, limit: PAGE, made_by: momentOf(at), after };
      const answer = await ask(`runs/${runWord(run)}/reports`, query);
      found.push(...answer.reports);
      after = answer.after ?? null;
    }
    return found;
  }
}
