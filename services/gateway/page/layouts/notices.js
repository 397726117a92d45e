/** What should be known of a layout before one looks at it, and what has just been done. */

import { h, setText, show } from "../dom.js";

export class Notices {
  constructor() {
    this._list = h("div");
    this._said = h("p", { class: "layout-hint", role: "status" });
    this.root = h("div", { class: "layout-notices" }, this._list, this._said);
    this._text = "";
  }

  draw(notes) {
    const words = JSON.stringify(notes.map((note) => note.words));
    if (words === this._text) return;
    this._text = words;
    if (notes.length) setText(this._said, "");
    this._list.replaceChildren(...notes.map(({ words: text, action, act, other, otherwise, quiet }) => h(
      "p", { class: quiet ? "layout-hint" : "layout-note", role: "status" }, h("span", {}, text),
      action ? h("button", { type: "button", onclick: act }, action) : null,
      other ? h("button", { type: "button", onclick: otherwise }, other) : null,
    )));
    show(this._list, notes.length > 0);
  }

  say(words) {
    setText(this._said, words);
  }
}
