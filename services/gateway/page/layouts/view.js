/** Layouts: the list, and one with its tabs, live, which experts change. */

import { saveAs } from "../api.js";
import { byId, framed, h, setAttributes, setText, show } from "../dom.js";
import { session } from "../session.js";
import { Asking } from "./ask.js";
import { Beside } from "./beside.js";
import { Board } from "./board.js";
import { Choices } from "./choices.js";
import { askName } from "./creating.js";
import { isOfPaths, layoutOfPaths } from "./differing.js";
import { Draft } from "./draft.js";
import { Editor } from "./editor.js";
import { History } from "./history.js";
import { Importing } from "./importing.js";
import { setLinked } from "./linked.js";
import { LayoutList } from "./list.js";
import { Notices } from "./notices.js";
import { Saving } from "./saving.js";
import { SetChooser } from "./setchooser.js";
import { Shelf } from "./shelf.js";
import { Tabs } from "./tabs.js";
import { emptyLayout, plain, tabAt, tabOf } from "./value.js";

/** Open the view in `root`; see `views.js`. */
export function open(root, parts) {
  return new Layouts(root, parts);
}

class Layouts {
  constructor(root, parts) {
    const { model, router, opened } = parts;
    Object.assign(this, { _model: model, _router: router, _opened: opened, _shown: false, _name: "", _version: "", _asked: 0 });
    this._shelf = new Shelf();
    /** What is shown: `{layout, version, …}` as the gateway answers; null while it is not there. */
    this._found = null;
    this._problem = "";
    this._beside = new Beside(model, router);
    const asking = new Asking();
    const own = { ...parts, shelf: this._shelf, beside: this._beside, asking, choices: new Choices(parts) };
    this._asking = asking;
    this._list = new LayoutList(root, own, { create: () => this._create(), importFile: () => this._importing.open() });
    this._importing = new Importing(own, (written) => this._imported(written));
    this._saving = new Saving(own, { onSaved: (answer, name) => this._saved(answer, name), onRebased: (base) => this._rebased(base) });
    this._history = new History(own, { restored: (answer) => this._become(answer), removed: () => router.go({ view: "layouts" }) });
    this._build(root, own);
    this._draw = framed(() => this._shown && this._drawNow());
    model.addEventListener("change", ({ detail: { what } }) => {
      if (["elements", "run"].includes(what)) this._draw();
      if (["quality", "strip"].includes(what) && this._shown) this._board.redraw();
    });
    this._beside.addEventListener("sets", this._draw);
    this._shelf.addEventListener("list", () => this._listed());
    session.addEventListener("change", this._draw);
    window.addEventListener("resize", () => this._shown && this._board.redraw());
    // What is typed is kept in the tab, but the tab may go, too.
    window.addEventListener("beforeunload", (event) => this._editor.draft?.isChanged && event.preventDefault());
  }

  _build(root, parts) {
    const button = (words, title, press) => h("button", { type: "button", title, onclick: press }, words);
    this._title = h("h1");
    this._path = h("code");
    this._slot = h("div", { class: "slot" });
    this._sets = new SetChooser(parts);
    this._edit = button("Edit", "Change this layout (expert)", () => this._startEditing());
    this._export = button("Export", "As JSON, to be imported elsewhere", () => this._exportFile());
    this._versions = button("Versions", "Who changed what, and earlier versions", () => this._history.open(this._name, this._standing));
    this._notices = new Notices();
    this._description = h("p", { class: "layout-description" });
    this._tabDescription = h("p", { class: "layout-description" });
    this._head = h("header", { class: "layout-head" }, h("a", { class: "back", href: this._router.link({ view: "layouts" }) }, "← Layouts"),
      h("div", { class: "name" }, this._title, this._path), this._slot, h("div", { class: "layout-buttons" }, this._sets.root, this._edit, this._versions, this._export));
    this._body = h("div", { class: "layout-body" });
    const main = h("div", { class: "layout-main" });
    this._one = h("div", {}, this._head, this._notices.root, this._description, this._body);
    root.append(this._one);
    this._tabs = new Tabs(main, this._router);
    main.append(this._tabDescription, this._sets.words);
    this._editor = new Editor(this._body, parts, {
      changed: () => this._draw(), save: () => this._saving.open(this._editor.draft, this._base()), stop: () => this._stopEditing(),
      focus: (at) => requestAnimationFrame(() => requestAnimationFrame(() => this._board.focus(at))),
    });
    this._board = new Board(main, parts, this._editor);
    this._body.prepend(main);
    this._one.addEventListener("keydown", (event) => this._key(event));
    // As in the grid of a workspace: from nowhere to the first plot.
    document.addEventListener("keydown", (event) => {
      if (!this._shown || !this._name || event.target !== document.body || event.key !== "ArrowRight" || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this._board.focus(0);
    });
  }

  follow(route) {
    const came = !this._shown;
    this._shown = true;
    this._shelf.watch(true);
    this._beside.show(true);
    const { layout: name, version } = route;
    if (name && byId("window").parentElement !== this._slot) this._slot.append(byId("window"));
    if (name !== this._name || version !== this._version) this._turn(name, version);
    this._drawNow();
    if (came && this._left && name) requestAnimationFrame(() => this._board.focusPath(this._left));
    this._left = "";
  }

  leave() {
    this._shown = false;
    this._left = this._router.route.path;
    this._shelf.watch(false);
    this._beside.show(false);
    this._board.show(null);
  }

  // --------------------------------------------------------------------------- which one is shown

  _turn(name, version) {
    Object.assign(this, { _name: name, _version: version, _found: null, _problem: "" });
    if (this._editor.draft?.name !== name) this._editor.edit(null);
    if (name && name === this._begun?.name) this._editor.edit(this._begun);
    else if (name) this._read();
    this._begun = null;
  }

  async _read() {
    const [name, version] = [this._name, this._version];
    this._asked += 1;
    const asked = this._asked;
    try {
      const found = isOfPaths(name) ? layoutOfPaths(name) : await this._shelf.get(name, version);
      const standing = version ? await this._shelf.get(name).catch(() => null) : found;
      if (asked !== this._asked) return;
      Object.assign(this, { _found: found, _standing: standing, _problem: "" });
    } catch (error) {
      if (asked !== this._asked) return;
      Object.assign(this, { _found: null, _standing: null, _problem: error instanceof TypeError ? "The gateway does not answer." : error.message });
    }
    this._draw();
  }

  /** What is known of all has changed: perhaps of this one, too. */
  _listed() {
    if (!this._shown) return;
    const row = this._shelf.row(this._name);
    if (this._name && !this._version && row && row.version !== this._found?.version) this._read();
    else if (this._name && this._problem && row) this._read();
    this._draw();
  }

  _become(answer) {
    Object.assign(this, { _found: answer, _standing: answer, _problem: "" });
    this._asked += 1;
    if (this._version) this._router.go({ version: "" });
    this._draw();
  }

  // ------------------------------------------------------------------------------------- drawing

  _drawNow() {
    const { route } = this._router;
    show(this._one, Boolean(route.layout));
    this._list.show(!route.layout);
    if (!route.layout) {
      this._board.show(null);
      return;
    }
    const { draft } = this._editor;
    const layout = draft?.layout ?? this._found?.layout ?? null;
    if (this._found && !draft) this._opened.take(this._name, this._version, this._found.layout);
    setText(this._title, layout?.title || route.layout);
    const isSaved = !isOfPaths(route.layout);
    setText(this._path, isSaved && layout?.title && layout.title !== route.layout ? route.layout : "");
    setAttributes(this._head.querySelector(".back"), { href: this._router.link({ view: "layouts" }) });
    setLinked(this._description, layout?.description ?? "");
    const may = session.may("expert");
    show(this._edit, may && Boolean(this._found) && !draft && isSaved);
    show(this._versions, isSaved && (Boolean(this._found) || Boolean(this._problem)));
    show(this._export, Boolean(layout));
    setAttributes(this._body, { "data-editing": Boolean(draft) });
    this._notices.draw(this._notes(draft));
    const pair = draft ? "" : route.with;
    const at = layout ? tabAt(layout, route.tab) : 0;
    const tab = layout ? tabOf(layout.tabs[at]) : null;
    if (layout) this._tabs.draw(layout, at, Boolean(draft));
    setLinked(this._tabDescription, tab?.description ?? "");
    this._board.show(tab, { tabs: layout?.tabs.length ?? 0, editing: Boolean(draft), pair, at: this._editor.at, name: tab?.name ?? "" });
    this._sets.draw(tab, draft ? null : pair);
    this._editor.draw();
  }

  /** What should be known of what is shown: `{words, action, act}`. */
  _notes(draft) {
    const notes = [];
    if (this._problem && !draft) notes.push({ words: this._problem });
    if (!this._found && !this._problem && !draft) notes.push({ words: "looking …", quiet: true });
    if (this._shelf.problem) notes.push({ words: this._shelf.problem });
    if (this._version && this._standing && this._found?.version !== this._standing.version) {
      notes.push({ words: `This is version ${this._found?.version ?? this._version}; version ${this._standing.version} stands.`, action: "Show what stands", act: () => this._router.go({ version: "" }) });
    }
    const row = this._shelf.row(this._name);
    if (draft && row && row.version > (draft.basedOn ?? -1)) {
      notes.push({ words: `${row.who} saved version ${row.version} meanwhile (“${row.why}”); yours is based on ${draft.basedOn === null ? "none" : draft.basedOn || "the shipped one"}. Saving offers what to do.` });
    }
    if (!draft && (this._found || this._problem) && session.may("expert") && this._kept()) {
      notes.push({ words: "Changes of this layout that were not saved are kept in this tab of the browser.", action: "Go on editing", act: () => this._startEditing(), other: "Throw them away", otherwise: () => this._throwAway() });
    }
    return notes;
  }

  _kept() {
    return Boolean(Draft.kept(this._name));
  }

  // ------------------------------------------------------------------------------------- editing

  _base() {
    return this._editor.draft.basedOn === null ? null : this._edited;
  }

  _startEditing() {
    if (!session.may("expert")) {
      session.lack("Changing a layout", "expert");
      return;
    }
    this._edited = this._standing?.layout ?? this._found?.layout ?? null;
    const draft = Draft.kept(this._name) ?? new Draft(this._name, this._found.layout, this._standing?.version ?? this._found.version);
    this._router.go({ with: "" }, { replace: true });
    this._editor.edit(draft);
  }

  _stopEditing() {
    const { draft } = this._editor;
    if (!draft.isChanged) {
      this._editor.edit(null);
      this._drawNow();
      this._edit.focus();
      return;
    }
    this._asking.open({
      title: "Stop editing", action: "Throw my changes away", needsWhy: false,
      body: [h("p", {}, `What was changed of ${draft.name} is not saved. Cancel goes on editing.`)],
      act: () => this._throwAway(),
    });
  }

  _throwAway() {
    (this._editor.draft ?? Draft.kept(this._name))?.forget();
    this._editor.edit(null);
    if (!this._found) this._router.go({ view: "layouts" });
    this._drawNow();
  }

  _create() {
    askName(this._asking, this._shelf, (name) => {
      this._begun = new Draft(name, emptyLayout(name), null);
      this._router.go({ view: "", workspace: "", match: "", only: "", path: "", layout: name });
    });
  }

  _saved(answer, name) {
    this._editor.draft.isChanged = false;
    this._editor.edit(null);
    if (name === this._name) this._become(answer);
    else this._router.go({ layout: name, version: "", tab: this._router.route.tab });
    this._drawNow();
    this._notices.say(`Saved as version ${answer.version} of ${name}.`);
  }

  _rebased(layout) {
    this._edited = layout;
    this._drawNow();
  }

  _imported(written) {
    const [first] = written;
    if (written.length === 1) this._router.go({ view: "", workspace: "", match: "", only: "", path: "", layout: first.name });
  }

  _exportFile() {
    const layout = this._editor.layout ?? this._found.layout;
    const file = new Blob([`${JSON.stringify(plain(layout), null, 2)}\n`], { type: "application/json" });
    saveAs(file, `${layout.name.replaceAll("/", "_")}.json`);
  }

  /** Of what is edited: Ctrl+Z, Ctrl+S, and Escape does not throw it away. */
  _key(event) {
    const { draft } = this._editor;
    if (!draft) return;
    const typing = event.target.matches("input, select, textarea");
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Escape") {
      if (typing) event.target.blur();
      event.stopPropagation();
    } else if (command && event.key.toLowerCase() === "s") {
      event.preventDefault();
      this._saving.open(draft, this._base());
    } else if (command && event.key.toLowerCase() === "z" && !typing) {
      event.preventDefault();
      draft[event.shiftKey ? "redo" : "undo"]();
    }
  }
}
