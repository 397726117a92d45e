/** What is known of the alarm that is chosen: the report that is its proof, and its history. */

import { ask } from "../api.js";
import { h, keyed, setText, show } from "../dom.js";
import { lumisectionWord } from "../format.js";
import { reportCard } from "../reports.js";
import { clockOf } from "./words.js";

const STEPS = 50;

export class Chosen {
  constructor(router, model) {
    Object.assign(this, { _router: router, _model: model });
    this._key = "";
    this._proof = h("div", { class: "alarm-proof" });
    this._steps = h("ol", { class: "alarm-steps", reversed: true });
    this._problem = h("p", { class: "alarm-why", hidden: true });
    this.root = h("div", { class: "alarm-chosen" }, h("section", {}, h("h3", {}, "Proof"), this._proof), h("section", {}, h("h3", {}, "History, the newest first"), this._problem, this._steps));
  }

  /** Show an alarm, if another one is chosen or it has made a step. */
  follow(alarm, row) {
    const key = alarm && row ? `${alarm} ${row.number}` : "";
    if (this._recalled === alarm && !row) return;
    this._recalled = "";
    if (key === this._key) return;
    const other = alarm !== this._alarm;
    this._key = key;
    this._alarm = alarm;
    if (!alarm) return;
    // One that is not on the board may never have been raised: its history is asked for on a click.
    if (!row) return;
    if (other) {
      this._proof.replaceChildren();
      this._steps.replaceChildren();
    }
    this._readSteps(alarm, key);
    this._readProof(row, key);
  }

  /** Show the history of an alarm that is normal now. */
  recall(alarm) {
    this._recalled = alarm;
    this._key = `${alarm} recalled`;
    this._proof.replaceChildren(h("p", { class: "alarm-why" }, "It is normal now: no report speaks against it."));
    this._steps.replaceChildren();
    this._readSteps(alarm, this._key);
  }

  async _readSteps(alarm, key) {
    try {
      const { steps } = await ask(`alarms/${encodeURIComponent(alarm).replaceAll("%2F", "/")}/history`, { limit: STEPS });
      if (key !== this._key) return;
      const byNumber = new Map(steps.reverse().map((step) => [step.number, step]));
      keyed(this._steps, byNumber.keys(), (number) => stepRow(byNumber.get(number)), () => {});
      show(this._problem, false);
    } catch (error) {
      if (key === this._key) this._say(error.message);
    }
  }

  async _readProof(row, key) {
    const { kind, path, workspace, qtname, run, lumisection, scope } = row;
    if (kind !== "quality" || !run) {
      this._proof.replaceChildren(h("p", { class: "alarm-why" }, row.why || "It is of no quality test: no report is its proof."));
      return;
    }
    try {
      const { reports } = await ask(`runs/${run}/reports`, { workspace, path, lumisections: lumisection, limit: 1000 });
      if (key !== this._key) return;
      const proof = reports.filter((report) => report.qtname === qtname && (!scope || report.scope === scope));
      const cards = proof.map((report) => {
        const card = reportCard(report);
        card.open = true;
        return card;
      });
      this._proof.replaceChildren(...(cards.length ? cards : [h("p", { class: "alarm-why" }, `No report of ${lumisectionWord(lumisection)} is kept any more.`)]));
    } catch (error) {
      if (key === this._key) this._proof.replaceChildren(h("p", { class: "alarm-why" }, error.message));
    }
  }

  _say(problem) {
    setText(this._problem, problem);
    show(this._problem, true);
  }
}

function stepRow({ when, event, after, before, who, why, run, lumisection }) {
  const where = run ? `run ${run}${lumisection ? ` ${lumisectionWord(lumisection)}` : ""}` : "";
  return h(
    "li", {},
    h("time", {}, clockOf(when)), h("b", {}, (event || `${before} → ${after}`).replaceAll("_", " ")),
    h("span", {}, [who && `by ${who}`, why, where].filter(Boolean).join(" · ")),
  );
}
