/** The controls of the large plot: reference, scale, panel, logarithms, projection, other runs. */

import { ask } from "../api.js";
import { candidates } from "../deployments/running.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { candidateWord, sourceName } from "../layouts/source.js";
import { WAYS } from "./comparison.js";
import { MOST, formatOver, nameOf, parseOver } from "./others.js";
import { hasBox } from "./large.js";
import { OFF, runOf } from "./references.js";

const SCALES = { "": "by entries", lumisections: "by LSs", luminosity: "by luminosity", none: "unscaled" };
const HOWS = { "": "overlaid", stack: "stacked", side: "side by side" };

export class Controls {
  /** Built into `root`, a form. */
  constructor(root, { model, router, references }) {
    Object.assign(this, { model, router, references, _catalogue: "" });
    const pick = (name, label, options) => h("select", { "aria-label": label, onchange: ({ target }) => router.go({ [name]: target.value }, { replace: true }) },
      Object.entries(options).map(([value, words]) => h("option", { value }, words)));
    const press = (words, title, key, onclick) => h("button", { type: "button", title: `${title} (${key})`, "aria-keyshortcuts": key, "aria-pressed": "false", onclick }, words);
    this._parts = {
      reference: press("Reference", "Reference over the plot", "r", () => references.toggle()),
      which: h("select", { "aria-label": "Which reference", onfocus: () => this._list(), onchange: ({ target }) => this._choose(target) }),
      norm: pick("norm", "What the reference is scaled by", SCALES),
      panel: pick("panel", "Panel below the plot", { "": "panel", ...Object.fromEntries(Object.keys(WAYS).map((way) => [way, way])), none: "no panel" }),
      log: press("Log", "Logarithmic axis of contents", "l", () => this.key("l")),
      logX: press("Log x", "Logarithmic axis below", "x", () => this.key("x")),
      proj: pick("proj", "Projection", { "": "map", x: "projection on x", y: "projection on y" }),
      box: press("Statistics", "Box of statistics", "s", () => this.key("s")),
      whole: press("All bins", "Show all bins again: after dragging over the plot", "0", () => this.key("0")),
    };
    this._run = h("input", { type: "number", min: 1, max: 4294967295, "aria-label": "Another run", placeholder: "run", inputmode: "numeric" });
    this._window = h("input", { type: "text", size: 8, "aria-label": "LSs of it: run, last-10, 3-12", placeholder: "LSs", pattern: "run|lumisection|last-[0-9]+|[0-9]+-[0-9]+" });
    this._how = pick("how", "How runs are shown together", HOWS);
    this._chips = h("span", { class: "chips" });
    this._candidates = h("span", { class: "chips" });
    candidates.addEventListener("change", () => this._plot && this.draw(this._plot));
    const others = h("span", { class: "others" }, "with", this._run, this._window, h("button", { type: "submit", title: "Draw this run or these LSs, too" }, "Add"), this._candidates, this._chips, this._how);
    root.append(...Object.values(this._parts), others);
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this._add();
    });
  }

  /** Bring all of it in line with the address and the plot. */
  draw(plot) {
    const { route } = this.router;
    const parts = this._parts;
    const { element } = plot?.header ?? {};
    const dimensions = element?.axes.length ?? 0;
    const isCurve = dimensions === 1 || Boolean(route.proj);
    const pressed = (part, on) => setAttributes(part, { "aria-pressed": on ? "true" : "false" });
    pressed(parts.reference, this.references.isOn);
    pressed(parts.log, this._isLog(element, isCurve ? "y" : "z", dimensions === 2 ? "z" : "y"));
    pressed(parts.logX, this._isLog(element, "x"));
    this._plot = plot;
    pressed(parts.box, hasBox(route, plot));
    for (const part of Object.values(parts)) show(part, dimensions > 0);
    show(parts.proj, dimensions === 2);
    show(parts.logX, dimensions > 0 && !element.axes[0].codes);
    show(parts.whole, Boolean(route.zoom));
    for (const name of ["norm", "panel", "proj"]) if (parts[name].value !== route[name]) parts[name].value = route[name];
    if (this._how.value !== route.how) this._how.value = route.how;
    this._drawWhich();
    const items = parseOver(route.over);
    show(this._how, items.length > 0);
    keyed(this._chips, items.map(({ word }) => word), (word) => h("button", { type: "button", class: "chip", onclick: () => this._drop(word) }), (chip, word) => {
      setText(chip, `${word.replace(":", " ")} ×`);
      setAttributes(chip, { title: `Without ${nameOf({ word })}` });
    });
    const offered = candidates.names.map(candidateWord).filter((word) => !items.some((item) => item.word === word));
    keyed(this._candidates, offered, (word) => h("button", { type: "button", onclick: () => this._draw(word) }), (button, word) => {
      setText(button, sourceName(word));
      setAttributes(button, { title: `Draw ${sourceName(word)} over it` });
    });
    if (document.activeElement !== this._run && !this._run.value && this.model.run) this._run.placeholder = `run ${this.model.run.run}`;
  }

  /** A key of the large plot; whether it is one. */
  key(key) {
    const { route } = this.router;
    const go = (change) => this.router.go(change, { replace: true });
    const flip = (axis) => go({ log: route.log.includes(axis) ? route.log.replace(axis, "") : route.log + axis });
    const ways = ["", ...Object.keys(WAYS), "none"];
    const isMap = !this._parts.proj.hidden && !route.proj;
    const acts = {
      l: () => flip(isMap ? "z" : "y"),
      x: () => flip("x"),
      s: () => go({ box: hasBox(route, this._plot) ? "off" : "on" }),
      p: () => go({ panel: ways[(ways.indexOf(route.panel) + 1) % ways.length] }),
      0: () => go({ zoom: "" }),
    };
    acts[key]?.();
    return key in acts;
  }

  /** Whether an axis is logarithmic: as `booked` of the element, but for what the address says. */
  _isLog(element, axis, booked = axis) {
    return Boolean(element?.draw[`log_${booked}`]) !== this.router.route.log.includes(axis);
  }

  _drawWhich(names = null) {
    const { ref } = this.router.route;
    const { which } = this._parts;
    const chosen = ref === OFF ? "" : ref;
    const held = names ?? [...which.options].map(({ value }) => value).filter((value) => value && !value.startsWith("run:"));
    const run = runOf(chosen);
    const rows = new Map([["", "as chosen"], ...held.map((name) => [name, name]), ...(chosen ? [[chosen, run ? `run ${run}` : chosen]] : []), ["run:", "another run …"]]);
    keyed(which, rows.keys(), (value) => h("option", { value }), (option, value) => setText(option, rows.get(value)));
    if (document.activeElement !== which || names) which.value = chosen;
  }

  /** The references in the catalogue: asked for when somebody wants to choose. */
  async _list() {
    const workspace = this.model.elements.find(({ path }) => path === this.router.route.path)?.workspace;
    if (!workspace || workspace === this._catalogue) return;
    this._catalogue = workspace;
    const { references } = await ask("references", { workspace, standing: "true" }).catch(() => ({ references: [] }));
    this._drawWhich([...new Set(references.map(({ name }) => name))]);
  }

  /** "Another run" takes the one in the field of runs. */
  _choose({ value }) {
    if (value !== "run:") this.router.go({ ref: value }, { replace: true });
    else if (this._run.value) this.router.go({ ref: `run:${this._run.value}` }, { replace: true });
    else this._run.focus();
  }

  _add() {
    const run = this._run.value || String(this.model.run?.run ?? "");
    this._draw(`${run}:${this._window.value.trim() || "run"}`);
  }

  _draw(word) {
    const items = parseOver([this.router.route.over, word].join(","));
    if (items.length <= MOST) this.router.go({ over: formatOver(items) });
  }

  _drop(word) {
    this.router.go({ over: formatOver(parseOver(this.router.route.over).filter((item) => item.word !== word)) });
  }
}
