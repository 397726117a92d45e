/** All layouts, by the first part of their names. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { plural } from "../format.js";
import { session } from "../session.js";

export class LayoutList {
  /** `on` has `create()` and `importFile()`. */
  constructor(root, { router, shelf }, on) {
    this._router = router;
    this._shelf = shelf;
    this._filter = h("input", { type: "search", placeholder: "Name, title or workspace", "aria-label": "Which layouts", oninput: () => this.draw() });
    this._words = h("p", { class: "well", role: "status" });
    this._problem = h("p", { class: "layout-note", role: "alert", hidden: true });
    this._create = h("button", { type: "button", onclick: on.create }, "New layout");
    this._import = h("button", { type: "button", onclick: on.importFile }, "Import …");
    this._groups = h("div", { class: "layout-groups" });
    this._root = h("div", {}, h("header", { class: "layout-head" }, h("h1", {}, "Layouts"), this._words,
      h("div", { class: "layout-buttons" }, this._filter, this._create, this._import)), this._problem, this._groups);
    root.append(this._root);
  }

  show(shown) {
    show(this._root, shown);
    if (shown) this.draw();
  }

  draw() {
    const { list, problem } = this._shelf;
    show(this._problem, Boolean(problem));
    setText(this._problem, problem);
    for (const button of [this._create, this._import]) show(button, session.may("expert"));
    const wanted = this._filter.value.trim().toLowerCase();
    const found = (list ?? []).filter((row) => [row.name, row.title, ...row.workspaces].some((text) => text.toLowerCase().includes(wanted)));
    setText(this._words, list ? (wanted ? `${found.length} of ${plural(list.length, "layout")}` : plural(list.length, "layout")) : "looking …");
    const groups = new Map();
    for (const row of found) {
      const [first] = row.name.split("/");
      groups.set(first, [...(groups.get(first) ?? []), row]);
    }
    keyed(this._groups, groups.keys(), (name) => h("section", {}, h("h2", {}, name), h("ul")), (part, name) => {
      const rows = new Map(groups.get(name).map((row) => [row.name, row]));
      keyed(part.lastElementChild, rows.keys(), () => h("li", {}, h("a", {}, h("b"), h("span"), h("p"), h("small"))), (item, key) => this._draw(item, rows.get(key)));
    });
  }

  _draw(item, row) {
    const [link] = item.children;
    const [title, name, description, more] = link.children;
    setAttributes(link, { href: this._router.link({ view: "", workspace: "", match: "", only: "", path: "", layout: row.name }) });
    setText(title, row.title || row.name);
    setText(name, row.title && row.title !== row.name ? row.name : "");
    setText(description, row.description.split("\n")[0]);
    const tabs = row.tabs.length > 1 ? `${row.tabs.length} tabs` : "";
    const made = row.shipped ? "as shipped" : `version ${row.version}${row.who ? ` by ${row.who}` : ""}`;
    setText(more, [plural(row.plots, "plot"), tabs, row.workspaces.join(", "), made].filter(Boolean).join(" · "));
  }
}
