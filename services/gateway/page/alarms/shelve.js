/** The dialog for a reason, and for how long an alarm is put aside. */

import { h, setText, show } from "../dom.js";
import { plural } from "../format.js";

const MINUTES = [["15 minutes", 15], ["30 minutes", 30], ["1 hour", 60], ["4 hours", 240], ["8 hours: a shift", 480], ["1 day", 1440]];
const LONGEST = 30 * 1440;

class ShelveDialog {
  constructor() {
    this._answer = null;
    this._title = h("h2", { id: "shelve-title" });
    this._names = h("p", { class: "login-hint" });
    this._why = h("textarea", { id: "shelve-why", rows: 2, maxlength: 1000, required: true });
    this._long = h(
      "select", { id: "shelve-long", onchange: () => this._drawUntil() },
      MINUTES.map(([words, minutes]) => h("option", { value: minutes }, words)), h("option", { value: "" }, "until …"),
    );
    this._until = h("input", { id: "shelve-until", type: "datetime-local", "aria-label": "Until, local time" });
    this._once = h("input", { id: "shelve-once", type: "checkbox" });
    this._end = h(
      "div", {},
      h("label", { for: "shelve-long" }, "For how long"), h("div", { class: "login-row alarm-left" }, this._long, this._until),
      h("label", { class: "alarm-check" }, this._once, "or until it is good again, whatever comes first"),
    );
    this._problem = h("p", { class: "login-problem", role: "alert", hidden: true });
    const form = h(
      "form", { onsubmit: (event) => this._submit(event) },
      h("label", { for: "shelve-why" }, "Why: it stands in the record, and beside the alarm"), this._why, this._end, this._problem,
      h("div", { class: "login-row" }, h("button", { type: "submit", class: "strong" }, "Do it"), h("button", { type: "button", onclick: () => this._dialog.close() }, "Cancel")),
    );
    this._dialog = h("dialog", { id: "shelve", class: "ask", "aria-labelledby": "shelve-title" }, this._title, this._names, form);
    this._dialog.addEventListener("close", () => this._finish());
    this._dialog.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(this._dialog);
  }

  /** Reason and end, as the API takes them; null if somebody thought better of it. */
  ask(action, names) {
    setText(this._title, action === "shelve" ? `Put aside ${plural(names.length, "alarm")}` : `Take ${plural(names.length, "alarm")} out of service`);
    setText(this._names, names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", "));
    this._action = action;
    this._answer = null;
    this._why.value = "";
    show(this._end, action === "shelve");
    show(this._problem, false);
    this._drawUntil();
    this._dialog.showModal();
    this._why.focus();
    return new Promise((resolve) => {
      this._resolve = resolve;
    });
  }

  _drawUntil() {
    const chosen = this._long.value === "";
    show(this._until, chosen);
    this._until.required = chosen && this._action === "shelve";
    if (!this._until.value) this._until.value = new Date(Date.now() + 3_600_000).toLocaleString("sv").slice(0, 16).replace(" ", "T");
  }

  _submit(event) {
    event.preventDefault();
    const why = this._why.value.trim();
    if (!why) return this._say("Say why: the next shift reads it.");
    if (this._action !== "shelve") {
      this._answer = { why };
      return this._dialog.close();
    }
    const minutes = this._long.value ? Number(this._long.value) : (new Date(this._until.value) - Date.now()) / 60_000;
    if (!(minutes > 0 && minutes <= LONGEST)) return this._say("The end must lie ahead, by 30 days at most.");
    this._answer = { why, seconds: Math.round(minutes * 60), one_shot: this._once.checked };
    return this._dialog.close();
  }

  _say(problem) {
    setText(this._problem, problem);
    show(this._problem, true);
  }

  _finish() {
    this._resolve?.(this._answer);
    this._resolve = null;
  }
}

let dialog = null;

/** Ask for reason and end: the page has one such dialog, whoever asks. */
export function askWhy(action, names) {
  dialog ??= new ShelveDialog();
  return dialog.ask(action, names);
}
