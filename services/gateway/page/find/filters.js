/** Filters of elements: by problems, alarms, verdicts that are lacking, references that are lacking, and what is stale. */

import { NEEDING } from "../alarms/words.js";
import { byId, h, setAttributes } from "../dom.js";
import { isProblem, rank } from "../outcomes.js";

/** LSs after which a workspace that is judged no more counts as stale. */
const SILENT = 3;

/** By the word of the address (`only`): its words on the page, and what is said if there is none. */
export const FILTERS = new Map([
  ["", { title: "All", none: "This workspace books no elements" }],
  ["problems", { title: "Problems", none: "No element has a problem among those that were judged" }],
  ["alarms", { title: "Alarms", none: "No element has an alarm" }],
  ["unjudged", { title: "Not judged", none: "Every element is judged" }],
  ["noreference", { title: "No reference", none: "Every element has a reference, as far as is known" }],
  ["stale", { title: "Stale", none: "Nothing is stale" }],
]);

export class Filters {
  constructor({ model, router, alarms, references }) {
    Object.assign(this, { _model: model, _alarms: alarms, _references: references });
    this._select = h("select", { id: "filter", "aria-label": "Which elements are shown" },
      [...FILTERS].map(([word, { title }]) => h("option", { value: word }, title)));
    this._select.addEventListener("change", () => router.go({ only: this._select.value, path: "" }));
    byId("only").before(this._select);
  }

  /** Call `told` when what is known of references has changed. */
  onReference(told) {
    this._references.addEventListener("reference", told);
  }

  /** Bring the choice up to date. */
  draw({ only }, shown) {
    this._select.value = FILTERS.has(only) ? only : "";
    setAttributes(this._select, { hidden: !shown });
  }

  /** Whether an element is meant by a filter. */
  test(word) {
    const verdict = ({ workspace, path }) => this._model.verdict(workspace, path);
    switch (word) {
      case "problems": return (element) => isProblem(verdict(element)?.[0]);
      case "alarms": {
        const paths = this.alarmed;
        return ({ path }) => paths.has(path);
      }
      case "unjudged": return (element) => rank(verdict(element)?.[0]) < rank("GOOD");
      case "noreference": {
        const { lacking } = this._references;
        return ({ path }) => lacking.has(path);
      }
      case "stale": {
        const silent = this._silent;
        return (element) => verdict(element)?.[0] === "STALE" || silent.has(element.workspace);
      }
      default: return () => true;
    }
  }

  /** Paths with an alarm that is not put aside. */
  get alarmed() {
    const rows = Object.values(this._alarms.rows).filter(({ state }) => NEEDING.includes(state));
    return new Set(rows.map(({ path }) => path));
  }

  /** Workspaces that were judged, and of the last LSs are not; all of them if everything is stale. */
  get _silent() {
    const { lumisections, freshness, boards } = this._model;
    const names = Object.keys(boards.quality.rows);
    if (["stale", "lost"].includes(freshness.state)) return new Set(names);
    const newest = lumisections.findLast(({ outcomes }) => Object.keys(outcomes).length)?.lumisection ?? 0;
    return new Set(names.filter((name) => {
      const last = lumisections.findLast(({ outcomes }) => outcomes[name])?.lumisection;
      return last !== undefined && newest - last >= SILENT;
    }));
  }
}
