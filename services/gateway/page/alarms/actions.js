/** What people do to alarms: the buttons, the bar for several at once, and the dialog for reason and end. */

import { change } from "../api.js";
import { h, setAttributes, setText, show } from "../dom.js";
import { plural } from "../format.js";
import { session } from "../session.js";
import { askWhy } from "./shelve.js";
import { ACTIONS, applies } from "./words.js";

/** Decisions that are on their way at once. */
const TOGETHER = 4;

export class Actions {
  constructor(board, picked, redraw) {
    Object.assign(this, { _board: board, _picked: picked, _redraw: redraw });
    this._words = h("span");
    /** What came of it, in words. */
    this.said = h("p", { class: "alarm-said", role: "status", "aria-live": "polite", hidden: true });
    this._buttons = this.buttons(() => [...this._picked]);
    const every = h("button", { type: "button", onclick: () => this._pickCalling() }, "Choose all that need someone");
    const none = h("button", { type: "button", onclick: () => this._pickNone() }, "None");
    this._none = none;
    this.root = h("div", { class: "alarm-bar", role: "group", "aria-label": "The alarms that are chosen" }, this._words, every, none, this._buttons, this.said);
  }

  draw() {
    const rows = [...this._picked].map((name) => this._board.rows[name]).filter(Boolean);
    setText(this._words, rows.length ? `${plural(rows.length, "alarm")} chosen` : "None chosen");
    show(this._buttons, rows.length > 0);
    show(this._none, rows.length > 0);
    this.drawButtons(this._buttons, rows);
  }

  /** Buttons for the alarms that `names()` gives. */
  buttons(names) {
    const made = Object.keys(ACTIONS).map((action) => {
      const button = h("button", { type: "button", onclick: () => this._press(action, names()) });
      button.dataset.action = action;
      return button;
    });
    return h("div", { class: "alarm-buttons" }, made);
  }

  /** Show those that apply to rows; those that the role may not use say which role it takes. */
  drawButtons(root, rows) {
    for (const button of root.children) {
      const { title, needs } = ACTIONS[button.dataset.action];
      const may = session.may(needs);
      show(button, rows.some((row) => applies(button.dataset.action, row)));
      setText(button, may ? title : `${title} (${needs})`);
      setAttributes(button, {
        "aria-disabled": may ? null : "true",
        title: may ? null : `This takes the role ${needs}${session.role ? `, yours is ${session.role}` : ": log in"}`,
      });
    }
  }

  async _press(action, names) {
    const { needs, title, asks } = ACTIONS[action];
    if (!session.may(needs)) {
      session.lack(`“${title.replace(" …", "")}”`, needs);
      return;
    }
    const fit = names.filter((name) => this._board.rows[name] && applies(action, this._board.rows[name]));
    const more = asks ? await askWhy(action, fit) : {};
    if (more) await this._do(action, fit, more);
  }

  async _do(action, names, more) {
    const left = [...names];
    const problems = [];
    let done = 0;
    this._say(`${ACTIONS[action].title}: ${plural(names.length, "alarm")} …`);
    const work = async () => {
      while (left.length) {
        const alarm = left.shift();
        try {
          await change("POST", `alarm-actions/${action}`, { alarm, ...more });
          done += 1;
          this._picked.delete(alarm);
        } catch (error) {
          problems.push(error instanceof TypeError ? "the gateway does not answer" : error.message);
        }
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));
    const title = ACTIONS[action].title.replace(" …", "");
    const word = done ? `${title}: ${plural(done, "alarm")}, on the record` : "";
    this._say([word, problems.length ? `${problems.length} not: ${problems[0]}` : ""].filter(Boolean).join("; "), problems.length > 0);
    this._redraw();
  }

  _pickCalling() {
    for (const { alarm } of this._board.calling) this._picked.add(alarm);
    this._redraw();
  }

  _pickNone() {
    this._picked.clear();
    this._redraw();
  }

  _say(words, isProblem = false) {
    setText(this.said, words);
    setAttributes(this.said, { "data-problem": isProblem ? true : null });
    show(this.said, Boolean(words));
  }
}
