/** Editing of a layout: what can be done, by pointer and keys, and the panel beside the plots. */

import { h, setAttributes, setText, show } from "../dom.js";
import { Adding } from "./adding.js";
import { CellForm } from "./cellform.js";
import { area, field, text, whole, wholeOf } from "./fields.js";
import {
  LIMITS, addCell, addTab, cellToTab, changeCell, changeTab, moveCell, moveTab, removeCell, removeTab, tabAt,
} from "./value.js";

const SYMBOLS = { before: "◂", after: "▸", narrower: "−", wider: "+", form: "✎", remove: "✕" };
const TITLES = { before: "Move back (Shift+←)", after: "Move on (Shift+→)", narrower: "Narrower (−)", wider: "Wider (+)", form: "Change … (Enter)", remove: "Take out (Delete)" };

export class Editor {
  /** `on` has `changed()`, `save()`, `stop()`, `focus(at)`. */
  constructor(root, { model, router }, on) {
    this._router = router;
    this._on = on;
    /** What is being edited; null for nothing. */
    this.draft = null;
    /** The cell that the form shows; -1 for none. */
    this.at = -1;
    this._cellForm = new CellForm((change, key) => this._do(changeCell(this.layout, this.tab, this.at, change), `${this.tab} ${this.at} ${key}`));
    this._adding = new Adding(model, router, { add: (paths) => this._add(paths), over: (path) => this._over(path) });
    this._said = h("p", { class: "layout-hint", role: "status" });
    this._undo = button("Undo", "Take back the last change", () => this._step("undo"));
    this._redo = button("Redo", "Do it again", () => this._step("redo"));
    this._save = h("button", { type: "button", class: "strong", onclick: on.save }, "Save …");
    this._tabFields = this._tabPart();
    this._layoutFields = this._layoutPart();
    this.root = h("aside", { class: "layout-panel", "aria-label": "Editing", hidden: true },
      h("div", { class: "layout-buttons" }, this._save, this._undo, this._redo, h("button", { type: "button", onclick: on.stop }, "Stop editing")),
      this._said, this._adding.root, this._cellForm.root, this._tabFields.root, this._layoutFields.root);
    root.append(this.root);
  }

  get layout() {
    return this.draft?.layout ?? null;
  }

  /** Place of the tab that is shown. */
  get tab() {
    return tabAt(this.layout, this._router.route.tab);
  }

  /** Edit this draft, or nothing for null. */
  edit(draft) {
    this.draft = draft;
    this.at = -1;
    show(this.root, Boolean(draft));
    draft?.addEventListener("change", () => draft === this.draft && this._on.changed());
    setText(this._said, draft?.isChanged ? "Changes that were not saved were kept in this tab of the browser." : "");
    if (draft) this._on.changed();
  }

  draw() {
    if (!this.draft) return;
    const tab = this.layout.tabs[this.tab];
    const many = (tab.cells ?? []).length;
    if (this.at >= many) this.at = -1;
    this._undo.disabled = !this.draft.canUndo;
    this._redo.disabled = !this.draft.canRedo;
    this._cellForm.draw(tab.cells?.[this.at] ?? null);
    this._adding.draw(this.at >= 0);
    this._tabFields.draw(tab, this.layout.tabs.length);
    this._layoutFields.draw(this.layout);
  }

  // ------------------------------------------------------------------------ what the board asks

  /** Buttons of a cell. */
  tools(card, editing, at, many) {
    show(card.tools, editing);
    if (!editing) return;
    if (!card.tools.children.length) {
      setAttributes(card.tools, { "aria-label": "What can be done with this plot" });
      for (const name of Object.keys(SYMBOLS)) {
        const made = h("button", { type: "button", title: TITLES[name] }, SYMBOLS[name]);
        made.dataset.tool = name;
        made.addEventListener("click", () => this._tool(name, card.place));
        card.tools.append(made);
      }
      card.root.addEventListener("click", (event) => this.draft && !event.target.closest("button") && this.choose(card.place));
    }
    card.place = at;
    for (const made of card.tools.children) setAttributes(made, { "aria-label": `${TITLES[made.dataset.tool]}: ${card.label}` });
    const [before, after, narrower] = card.tools.children;
    before.disabled = at === 0;
    after.disabled = at === many - 1;
    narrower.disabled = card.cell.span === 1;
  }

  /** A key on a cell; whether it is one. */
  key(key, at) {
    const name = { "+": "wider", "-": "narrower", "−": "narrower", Delete: "remove", Backspace: "remove", Enter: "form" }[key];
    if (name) this._tool(name, at);
    return Boolean(name);
  }

  move(from, to) {
    const { cells } = this.layout.tabs[this.tab];
    const place = Math.max(0, Math.min(cells.length - 1, to));
    if (place === from) {
      this._say(from ? "It is the last one." : "It is the first one.");
      return;
    }
    if (this.at === from) this.at = place;
    this._do(moveCell(this.layout, this.tab, from, place));
    this._say(`${cells[from].title || cells[from].paths[0]} is plot ${place + 1} of ${cells.length} now.`);
    this._on.focus(place);
  }

  choose(at) {
    if (at === this.at) return;
    this.at = at;
    this._on.changed();
  }

  _tool(name, at) {
    const cells = this.layout.tabs[this.tab].cells ?? [];
    const cell = cells[at];
    if (!cell) return;
    if (name === "before" || name === "after") this.move(at, at + (name === "after" ? 1 : -1));
    else if (name === "form") {
      this.choose(at);
      // Fields that are hidden cannot have the keyboard.
      this.draw();
      this._cellForm.focus();
    } else if (name === "remove") {
      this.at = -1;
      this._do(removeCell(this.layout, this.tab, at));
      this._say(`${cell.title || cell.paths[0]} is taken out; Undo brings it back.`);
      this._on.focus(Math.min(at, cells.length - 2));
    } else {
      const most = this.layout.tabs[this.tab].columns ?? 3;
      const span = Math.max(1, Math.min(most, (cell.span ?? 1) + (name === "wider" ? 1 : -1)));
      this._do(changeCell(this.layout, this.tab, at, { span }), `${this.tab} ${at} span`);
      this._say(`${span} of ${most} columns wide.`);
    }
  }

  // ---------------------------------------------------------------------------------- elements

  _add(paths) {
    const { cells = [] } = this.layout.tabs[this.tab];
    const room = LIMITS.cells - cells.length;
    let { layout } = this;
    for (const path of paths.slice(0, room)) layout = addCell(layout, this.tab, { paths: [path] });
    this._do(layout);
    const added = Math.min(room, paths.length);
    this._say(added < paths.length ? `A tab has at most ${LIMITS.cells} plots: ${added} were added.` : `${added === 1 ? paths[0] : `${added} plots`} added at the end.`);
  }

  _over(path) {
    const cell = this.layout.tabs[this.tab].cells?.[this.at];
    if (!cell) return;
    if (cell.paths.includes(path) || cell.paths.length >= LIMITS.paths) {
      this._say(cell.paths.includes(path) ? "It is drawn there already." : `At most ${LIMITS.paths} are drawn over each other.`);
      return;
    }
    this._do(changeCell(this.layout, this.tab, this.at, { paths: [...cell.paths, path] }));
    this._say(`${path} is drawn over ${cell.title || cell.paths[0]}.`);
  }

  // ------------------------------------------------------------------------------ tab and layout

  _tabPart() {
    const set = (name) => (value) => this._do(changeTab(this.layout, this.tab, { [name]: value }), `${this.tab} ${name}`);
    const fields = {
      name: field("Name", text({ maxlength: 100 }), (value) => this._rename(value.trim()), { wide: true }),
      description: field("For the shifter", area({ maxlength: 4000 }), set("description"), { wide: true }),
      columns: field("Columns", whole(1, LIMITS.columns), (value) => {
        const columns = wholeOf(value, 1, LIMITS.columns);
        if (columns === null) return `expected 1 to ${LIMITS.columns}`;
        return set("columns")(columns);
      }),
    };
    const shift = (by) => () => this._do(moveTab(this.layout, this.tab, this.tab + by));
    const [before, after] = [button("◂ Tab", "Move this tab back", shift(-1)), button("Tab ▸", "Move this tab on", shift(1))];
    const remove = button("Take out tab", "Take this tab out, with its plots", () => this._removeTab());
    const add = button("New tab", "Another tab after this one", () => this._addTab());
    const other = h("select", { "aria-label": "Move the chosen plot to another tab" });
    other.addEventListener("change", () => this._toTab(Number(other.value)));
    const root = h("details", { class: "layout-part" }, h("summary", {}, "Tab"), h("div", { class: "fields" }, Object.values(fields).map((each) => each.root)),
      h("div", { class: "layout-buttons" }, add, before, after, remove, other));
    const draw = (tab, many) => {
      fields.name.fill(tab.name);
      fields.description.fill(tab.description ?? "");
      fields.columns.fill(String(tab.columns ?? 3));
      before.disabled = this.tab === 0;
      after.disabled = this.tab === many - 1;
      remove.disabled = many === 1;
      add.disabled = many >= LIMITS.tabs;
      show(other, many > 1 && this.at >= 0);
      other.replaceChildren(h("option", { value: "" }, "Move the plot to …"), ...this.layout.tabs.map(({ name }, i) => h("option", { value: i, disabled: i === this.tab }, name)));
    };
    return { root, draw };
  }

  _layoutPart() {
    const set = (name) => (value) => this._do({ ...this.layout, [name]: value }, name);
    const words = (value) => value.split(",").map((word) => word.trim()).filter(Boolean);
    const fields = {
      title: field("Title", text({ maxlength: 200 }), set("title"), { wide: true }),
      description: field("For the shifter", area({ maxlength: 4000 }), set("description"), { wide: true }),
      workspaces: field("Workspaces it belongs to", text({ placeholder: "pixel, ecal" }), (value) => set("workspaces")(words(value)), { wide: true }),
    };
    const root = h("details", { class: "layout-part" }, h("summary", {}, "Layout"), h("div", { class: "fields" }, Object.values(fields).map((each) => each.root)));
    const draw = (layout) => {
      fields.title.fill(layout.title ?? "");
      fields.description.fill(layout.description ?? "");
      fields.workspaces.fill((layout.workspaces ?? []).join(", "));
    };
    return { root, draw };
  }

  _rename(name) {
    if (!name) return "a tab has a name";
    if (this.layout.tabs.some((tab, i) => i !== this.tab && tab.name === name)) return "another tab has this name";
    const at = this.tab;
    this._do(changeTab(this.layout, at, { name }), `${at} name`);
    this._router.go({ tab: at ? name : "" }, { replace: true });
    return "";
  }

  _addTab() {
    const at = this.tab;
    this._do(addTab(this.layout, at));
    this._router.go({ tab: this.layout.tabs[at + 1].name });
    this._say("A new tab; its name and columns can be changed below.");
  }

  _removeTab() {
    const { name } = this.layout.tabs[this.tab];
    this.at = -1;
    this._do(removeTab(this.layout, this.tab));
    this._router.go({ tab: "" });
    this._say(`Tab ${name} is taken out; Undo brings it back.`);
  }

  _toTab(to) {
    if (this.at < 0) return;
    const at = this.at;
    this.at = -1;
    this._do(cellToTab(this.layout, this.tab, at, to));
    this._say(`Moved to tab ${this.layout.tabs[to].name}.`);
  }

  // ----------------------------------------------------------------------------------- changing

  _do(layout, key = "") {
    this.draft.change(layout, key);
    return "";
  }

  _step(way) {
    this.at = -1;
    this.draft[way]();
    this._say(way === "undo" ? "Taken back." : "Done again.");
  }

  _say(words) {
    setText(this._said, words);
  }
}

const button = (words, title, onclick) => h("button", { type: "button", title, onclick }, words);
