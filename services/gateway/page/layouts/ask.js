/** A dialog that asks for a reason, and sometimes more. */

import { h, setText, show } from "../dom.js";

export class Asking {
  constructor() {
    this._title = h("h2", { id: "layout-ask-title" });
    this._body = h("div", { class: "layout-ask-body" });
    this._why = h("textarea", { id: "layout-why", rows: 2, maxlength: 1000 });
    this._whyRow = h("div", {}, h("label", { for: "layout-why" }, "Why: it stands in the list of versions"), this._why);
    this._problem = h("div", { class: "login-problem", role: "alert", hidden: true });
    this._do = h("button", { type: "submit", class: "strong" });
    const form = h("form", { onsubmit: (event) => this._submit(event) }, this._body, this._whyRow, this._problem,
      h("div", { class: "login-row" }, this._do, h("button", { type: "button", onclick: () => this._dialog.close() }, "Cancel")));
    this._dialog = h("dialog", { id: "layout-ask", "aria-labelledby": "layout-ask-title" }, this._title, form);
    this._dialog.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(this._dialog);
  }

  /**
   * Ask, and do `act(why)`; what it throws is shown, and nothing that was typed is lost.
   *
   * @param body what else is asked
   * @param onProblem makes nodes of an error, to offer ways out; undefined for its words alone
   */
  open({ title, action, body = [], needsWhy = true, act, onProblem }) {
    Object.assign(this, { _act: act, _needsWhy: needsWhy, _onProblem: onProblem });
    setText(this._title, title);
    setText(this._do, action);
    this._do.disabled = false;
    this._body.replaceChildren(...body);
    show(this._whyRow, needsWhy);
    show(this._problem, false);
    if (this._dialog.open) this._dialog.close();
    this._dialog.showModal();
    (this._body.querySelector("input:not([type=file])") ?? this._why).focus();
  }

  focusWhy() {
    this._why.focus();
  }

  close() {
    this._why.value = "";
    this._dialog.close();
  }

  say(...nodes) {
    this._problem.replaceChildren(...nodes);
    show(this._problem, nodes.length > 0);
  }

  /** What is asked for becomes something else: as what was read of a file. */
  become({ action, disabled = false }) {
    if (action) setText(this._do, action);
    this._do.disabled = disabled;
  }

  async _submit(event) {
    event.preventDefault();
    const why = this._why.value.trim();
    if (this._needsWhy && why.length < 3) {
      this.say("Say why, in three letters at least: who comes next reads it.");
      this._why.focus();
      return;
    }
    this._do.disabled = true;
    this.say();
    try {
      if ((await this._act(why)) !== false) this.close();
    } catch (error) {
      const words = error instanceof TypeError && !error.status ? "The gateway does not answer. Nothing is lost: try again." : error.message;
      this.say(...(this._onProblem?.(error) ?? [words]));
    }
    this._do.disabled = false;
  }
}
