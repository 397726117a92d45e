/** Which set of bookings, or which candidate, is shown beside what readers are shown, and how their outcomes differ. */

import { h, setAttributes, setText, show } from "../dom.js";
import { plural } from "../format.js";
import { candidateOf, candidateWord, sourceName } from "./source.js";

export class SetChooser {
  constructor({ model, router, beside }) {
    Object.assign(this, { _model: model, _router: router, _beside: beside, _options: "" });
    this._select = h("select", { "aria-label": "Set of bookings or candidate that is shown beside", onchange: () => router.go({ with: this._select.value }) });
    this.root = h("span", { class: "set-chooser" }, this._select);
    this.words = h("p", { class: "layout-note beside", role: "status", hidden: true });
  }

  /** `pair` is the set or candidate that is beside, empty for none, null where none can be. */
  draw(tab, pair) {
    const sets = (this._beside.sets ?? []).filter(({ workspaces }) => workspaces.some(({ shown }) => !shown));
    const { candidates } = this._beside;
    const known = sets.some(({ set }) => set === pair) || candidates.includes(candidateOf(pair));
    show(this.root, pair !== null && (sets.length + candidates.length > 0 || Boolean(pair)));
    const options = [
      ["", "Beside it: nothing"],
      ...candidates.map((name) => [candidateWord(name), `Beside it: candidate ${name}`]),
      ...sets.map((one) => [one.set, `Beside it: set ${one.set.slice(0, 8)} — ${wordsOf(one)}`]),
      ...(pair && !known ? [[pair, sourceName(pair)]] : []),
    ];
    const text = JSON.stringify(options);
    if (text !== this._options) {
      this._options = text;
      this._select.replaceChildren(...options.map(([value, words]) => h("option", { value }, words)));
    }
    if (this._select.value !== (pair ?? "")) this._select.value = pair ?? "";
    show(this.words, Boolean(pair));
    if (pair) this._summarise(tab, pair, known);
  }

  _summarise(tab, pair, known) {
    const { run } = this._model.run ?? {};
    const away = this._beside.away(pair);
    setAttributes(this.words, { "data-away": Boolean(away) });
    if (away) {
      setText(this.words, `Beside production there is nothing new: ${away}`);
      return;
    }
    if (!candidateOf(pair) && this._beside.sets && !known && !this._beside.sets.some(({ set }) => set === pair)) {
      setText(this.words, `Run ${run ?? "–"} has nothing of set ${pair}: it is filled beside while an upgrade is tried (dqmstream sets lists all sets).`);
      return;
    }
    const workspaceOf = new Map(this._model.elements.map(({ path, workspace }) => [path, workspace]));
    const paths = (tab?.cells ?? []).map((cell) => cell.paths[0]);
    const both = paths.filter((path) => workspaceOf.has(path) && this._beside.books(pair, path));
    const compared = new Map(both.map((path) => [path, this._beside.both(null, pair, path)]));
    const differing = both.filter((path) => new Set(compared.get(path)?.outcomes).size > 1);
    const isJudged = (path) => this._model.verdict(workspaceOf.get(path), path) || this._beside.verdict(pair, path);
    const waiting = both.filter((path) => !compared.get(path) && isJudged(path)).length;
    const lone = paths.length - both.length;
    setAttributes(this.words, { "data-differing": differing.length > 0 });
    const left = candidateOf(pair) ? "production" : "as readers are shown it";
    setText(this.words, [`Left ${left}, right ${sourceName(pair)}, on the same axes.`, `Outcomes differ in ${differing.length} of ${plural(both.length, "plot")}.`,
      waiting ? `${plural(waiting, "plot")} not judged by both in the same LS yet.` : "",
      lone && this._beside.isKnown(pair) ? `${plural(lone, "plot")} only in one of them.` : ""].filter(Boolean).join(" "));
  }
}

function wordsOf({ workspaces }) {
  const hidden = workspaces.filter(({ shown }) => !shown);
  const newest = Math.max(...hidden.map((one) => one.newest));
  return `${hidden.map(({ workspace, elements }) => `${workspace} (${elements})`).join(", ")}, up to LS ${newest}`;
}
