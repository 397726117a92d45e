/** Saving a draft: with a reason, under its name or another; if somebody else was there before, what now. */

import { h } from "../dom.js";
import { clock } from "../format.js";
import { differences } from "./difference.js";
import { field, text } from "./fields.js";
import { rowsOf } from "./history.js";
import { NAME, plain } from "./value.js";

export class Saving {
  /** `onSaved(answer, name)` when it is done; `onRebased()` when the draft goes on from somebody else's. */
  constructor({ shelf, asking }, { onSaved, onRebased }) {
    Object.assign(this, { _shelf: shelf, _asking: asking, _onSaved: onSaved, _onRebased: onRebased });
    this._name = field("Name", text({ maxlength: 260, required: true, pattern: NAME, title: "Up to four parts of letters, digits, spaces and _ . + -, with / between them" }), () => "");
  }

  /** Ask for a reason, with what has changed since `before`; null for a new layout. */
  open(draft, before) {
    const rows = before ? differences(before, draft.layout) : [];
    this._draft = draft;
    this._base = before;
    this._name.input.value = draft.name;
    const changes = before ? [h("h3", {}, rows.length ? "What is other than before" : "Nothing is other than before"), h("ul", { class: "differences" }, rowsOf(rows))] : [];
    this._asking.open({
      title: `Save ${draft.name}`, action: "Save", body: [this._name.root, ...changes],
      act: (why) => this._save(why), onProblem: (error) => (error.status === 409 ? this._conflict(error) : null),
    });
    this._asking.focusWhy();
  }

  async _save(why) {
    const name = this._name.input.value.trim();
    const draft = this._draft;
    const answer = await this._shelf.put(name, plain(draft.layout), why, name === draft.name ? draft.basedOn : null);
    draft.forget();
    this._onSaved(answer, name);
  }

  /** Somebody was there before: who, what and why; and two ways out of it, neither of which loses anything. */
  _conflict(error) {
    const { newest } = error.body;
    const name = this._name.input.value.trim();
    const who = newest?.number ? `${newest.who || "Somebody"} ${newest.deleted ? "deleted it" : `wrote version ${newest.number}`} at ${clock(newest.when)}: “${newest.why}”.` : error.message;
    const list = h("ul", { class: "differences" });
    if (newest && !newest.deleted && name === this._draft.name) this._theirs(name, list);
    const reload = h("button", { type: "button", onclick: () => this._reload(name) }, "Go on from theirs");
    const other = h("button", { type: "button", onclick: () => this._another(name) }, "Save mine under another name");
    reload.disabled = !newest?.number || newest.deleted || name !== this._draft.name;
    return [h("p", {}, h("b", {}, "Not saved. "), who), list, h("div", { class: "layout-buttons" }, reload, other),
      h("p", { class: "login-hint" }, "Your changes are kept here until they are saved: going on from theirs is one step that Undo takes back.")];
  }

  async _theirs(name, list) {
    try {
      const { layout } = await this._shelf.get(name);
      const rows = this._base ? differences(this._base, layout) : [];
      list.replaceChildren(...rowsOf(rows));
    } catch (error) {
      list.replaceChildren(h("li", {}, error.message));
    }
  }

  async _reload(name) {
    try {
      const { layout, version } = await this._shelf.get(name);
      this._draft.rebase(layout, version);
      this._asking.close();
      this._onRebased(layout);
    } catch (error) {
      this._asking.say(error.message);
    }
  }

  _another(name) {
    this._name.input.value = `${name} 2`;
    this._asking.say("Under another name it is a layout of its own: choose the name, then Save.");
    this._name.input.focus();
    this._name.input.select();
  }
}
