/** Finding elements to put into a layout: as the search of the page, by letters in order, a glob, a regular expression. */

import { elements } from "../api.js";
import { h, keyed, setAttributes, setText, settled } from "../dom.js";
import { fuzzy, kindOf } from "../find/match.js";
import { text } from "./fields.js";

const SHOWN = 40;

export class Adding {
  /** `on` has `add(paths)` and `over(path)`; `over` draws it over the chosen plot. */
  constructor(model, router, on) {
    this._model = model;
    this._router = router;
    this._on = on;
    this._found = [];
    this._chosen = false;
    this._input = text({ type: "search", placeholder: "occupancy   Pixel/**/charge*   /layer[12]/", "aria-label": "Find elements to add", oninput: settled(() => this._search(), 150) });
    this._words = h("p", { class: "layout-hint", role: "status" });
    this._all = h("button", { type: "button", hidden: true, onclick: () => on.add(this._found.slice(0, SHOWN)) });
    this._list = h("ul", { class: "found" });
    this.root = h("details", { class: "layout-part", open: true }, h("summary", {}, "Add plots"), this._input, this._words, this._all, this._list);
    this._input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (this._found.length) on.add([this._found[0]]);
    });
  }

  /** Whether a plot is chosen, over which others can be drawn. */
  draw(chosen) {
    this._chosen = chosen;
    this._show();
  }

  focus() {
    this.root.open = true;
    this._input.focus();
  }

  async _search() {
    const words = this._input.value.trim();
    this._asked = words;
    if (!words) {
      this._found = [];
      this._show("");
      return;
    }
    const { kind, query } = kindOf(words);
    try {
      const found = kind === "fuzzy" ? fuzzy(words, this._model.elements.map(({ path }) => path)) : (await elements(this._router.route.run, query)).map(({ path }) => path);
      if (words !== this._asked) return;
      this._found = found;
      this._show(found.length > SHOWN ? `${found.length} found, the first ${SHOWN} are listed` : `${found.length} found`);
    } catch (error) {
      if (words !== this._asked) return;
      this._found = [];
      this._show(error.message);
    }
  }

  _show(words) {
    if (words !== undefined) setText(this._words, words);
    const asked = this._input.value.trim();
    const shown = this._found.slice(0, SHOWN);
    // What is not booked now can be put in as well: it may come with another run.
    const isPath = /^[^*?[\s]+\/[^*?[]+$/.test(asked) && !asked.startsWith("/") && !this._found.includes(asked);
    if (isPath) shown.push(asked);
    this._all.hidden = this._found.length < 2;
    setText(this._all, `Add all ${Math.min(SHOWN, this._found.length)}`);
    keyed(this._list, shown, (path) => h("li", {}, h("span", {}, h("code"), h("small")),
      h("button", { type: "button", onclick: () => this._on.add([path]) }, "Add"),
      h("button", { type: "button", onclick: () => this._on.over(path) }, "Over it")), (item, path) => {
      const element = this._model.elements.find((each) => each.path === path);
      const [about, add, over] = item.children;
      setText(about.firstElementChild, path);
      setText(about.lastElementChild, element ? element.title : "as it stands: not booked in this run");
      setAttributes(add, { "aria-label": `Add ${path}` });
      setAttributes(over, { "aria-label": `Draw ${path} over the chosen plot`, title: "Draw it over the chosen plot", hidden: !this._chosen });
    });
  }
}
