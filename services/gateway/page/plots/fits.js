/** Fits of the large plot, made by the gateway. */

import { Refusal, ask, runWord, windowQuery } from "../api.js";
import { h, keyed, setText, show } from "../dom.js";
import { number } from "../format.js";
import { rangesOf } from "./shapes.js";

const MODELS = { gaussian: "Gaussian", landau: "Landau", exponential: "exponential", line: "line", "gaussian-line": "Gaussian on a line", "breit-wigner": "Breit-Wigner" };

/** `model` or `model:from:to` of an address, the range in units of the axis; null for what is none. */
function parseFit(word) {
  const [model, ...ends] = word.split(":");
  const range = ends.length ? rangesOf(ends.join(":"))[0] : null;
  return Object.hasOwn(MODELS, model) && (range || !ends.length) ? { model, range } : null;
}

/** Events: `fit`, when there is another, or none any more. */
export class Fits extends EventTarget {
  constructor(root, router) {
    super();
    Object.assign(this, { _root: root, _router: router, _fit: null, _key: "" });
    this._model = h("select", { "aria-label": "Model" }, Object.entries(MODELS).map(([value, words]) => h("option", { value }, words)));
    this._button = h("button", { type: "submit", title: "Fit the bins that are shown: drag over the plot to choose them" }, "Fit");
    this._none = h("button", { type: "button", title: "Show no fit any more", hidden: true, onclick: () => router.go({ fit: "" }, { replace: true }) }, "Remove");
    this._problem = h("p", { class: "none", role: "status", hidden: true });
    this._rows = h("dl", { class: "rows", "aria-label": "Result of the fit" });
    root.append(h("p", {}, this._model, " ", this._button, " ", this._none), this._problem, this._rows);
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      // The bins that are shown now: the fit stays that of them when others are shown.
      const word = [this._model.value, router.route.zoom.split(",")[0]].filter(Boolean).join(":");
      if (word === router.route.fit) this._ask();
      else router.go({ fit: word }, { replace: true });
    });
  }

  /** Shown for elements of one axis of numbers; the fit of the address is made of the LSs that are shown. */
  draw(path, element) {
    const isCurve = element?.axes?.length === 1 && element.axes[0].type !== "category";
    show(this._root.parentElement, Boolean(isCurve));
    if (!isCurve) {
      this._key = "";
      if (this._fit) this._take(null);
      return;
    }
    const { run, window: word, fit, at } = this._router.route;
    const key = JSON.stringify([path, run, word, fit, at]);
    if (key === this._key) return;
    this._key = key;
    this._path = path;
    show(this._none, Boolean(fit));
    if (this._fit || !this._problem.hidden) this._take(null);
    if (fit) this._ask();
  }

  /** The curve of the fit, `{curve: {x, y}}`, to be drawn over the plot; null for none. */
  curve(plot) {
    return this._fit && plot?.header.element?.axes.length === 1 ? { curve: this._fit.curve, values: [], errors: null } : null;
  }

  async _ask() {
    const { run, window: word, fit: asked, at } = this._router.route;
    const wanted = parseFit(asked);
    if (!wanted) {
      this._take(null, `“${asked.slice(0, 60)}” is no fit: expected ${Object.keys(MODELS).join(", ")}, and perhaps a range as gaussian:10:40`);
      return;
    }
    const { model, range } = wanted;
    this._model.value = model;
    const key = this._key;
    const query = { path: this._path, model, ...windowQuery(word), as_of: at };
    if (range) Object.assign(query, { from: range[0], to: range[1] });
    try {
      const fit = await ask(`runs/${runWord(run)}/fit`, query);
      if (key === this._key) this._take(fit, fit.problem);
    } catch (error) {
      if (error instanceof Refusal && key === this._key) this._take(null, error.message);
    }
  }

  _take(fit, problem = "") {
    this._fit = fit?.curve.x.length ? fit : null;
    setText(this._problem, problem);
    show(this._problem, Boolean(problem));
    const rows = !this._fit ? [] : [
      ...fit.parameters.map(({ name, value, error, unit }) => [name, `${number(value, 5)} ± ${number(error, 2)}${unit ? ` ${unit}` : ""}`]),
      [fit.statistic, `${number(fit.chi2, 4)} / ${fit.ndf}`], ["p-value", number(fit.probability, 3)],
      ["Bins", `${fit.bins}, ${number(fit.from)} to ${number(fit.to)}`],
    ];
    keyed(this._rows, rows.map(([name]) => name), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, rows.find(([each]) => each === name)[1]);
    });
    this.dispatchEvent(new CustomEvent("fit"));
  }
}
