/** The form that declares a subscription. */

import { change } from "../api.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { session } from "../session.js";

const EVENTS = ["raised", "worsened", "escalated", "acknowledged", "returned", "shelved", "unshelved", "stale"];
const PATTERNS = [["alarms", "Alarms"], ["workspaces", "Workspaces"], ["paths", "Elements"], ["tests", "Quality tests"]];

export class SubscriptionForm {
  constructor(onDone) {
    this._onDone = onDone;
    /** The subscription that is being changed, whole: the form has not all of it. */
    this._before = null;
    const field = (name, title, input) => {
      setAttributes(input, { id: `subscribe-${name}`, name });
      return h("div", {}, h("label", { for: `subscribe-${name}` }, title), input);
    };
    this._fields = {
      name: h("input", { required: true, maxlength: 100, pattern: "[A-Za-z0-9][A-Za-z0-9 ._\\-]{0,99}", title: "Letters, digits, spaces, dots, lines" }),
      receiver: h("select"),
      severity: h("select", {}, ["low", "medium", "high"].map((word) => h("option", { value: word }, `${word} and above`))),
      audience: h("select", {}, [["", "shifters and experts"], ["shifter", "shifters"], ["expert", "experts"]].map(([value, words]) => h("option", { value }, words))),
      interval: h("input", { type: "number", min: 0, max: 86400, value: 0 }),
      why: h("input", { maxlength: 1000 }),
    };
    this._patterns = Object.fromEntries(PATTERNS.map(([name]) => [name, h("input", { placeholder: "all; globs, separated by commas", spellcheck: "false" })]));
    this._events = h("fieldset", {}, h("legend", {}, "Of what; none chosen: raised, worsened, escalated, returned, stale"), EVENTS.map((event) => h("label", { class: "alarm-check" }, h("input", { type: "checkbox", value: event }), event)));
    this._said = h("p", { class: "login-problem", role: "alert", hidden: true });
    this._submit = h("button", { type: "submit", class: "strong" });
    const form = h(
      "form", { class: "subscribe", onsubmit: (event) => this._send(event) },
      field("name", "Name", this._fields.name), field("receiver", "Receiver", this._fields.receiver), field("severity", "Severity", this._fields.severity),
      PATTERNS.map(([name, title]) => field(name, title, this._patterns[name])), field("audience", "Alarms for", this._fields.audience), field("interval", "Seconds between two notifications", this._fields.interval),
      this._events, field("why", "Why, for the record", this._fields.why), this._said, this._submit,
    );
    this.root = h("details", { class: "subscribing" }, h("summary", {}, "Declare a subscription"), form);
  }

  /** Bring receivers and rights up to date. */
  draw(receivers) {
    keyed(this._fields.receiver, receivers, (name) => h("option", { value: name }, name), () => {});
    const may = session.may("expert");
    setText(this._submit, may ? "Subscribe" : "Subscribe (expert)");
    setAttributes(this._submit, { "aria-disabled": may ? null : "true" });
  }

  /** Show a subscription that is there, to be changed. */
  fill({ name, receiver, declared, declaration }) {
    this._before = declaration;
    this.root.open = true;
    Object.assign(this._fields.name, { value: name });
    this._fields.receiver.value = receiver;
    this._fields.severity.value = declared.severity ?? "low";
    this._fields.audience.value = words(declared.audience)[0] ?? "";
    this._fields.interval.value = declared.interval ?? 0;
    for (const [key] of PATTERNS) this._patterns[key].value = words(declared[key]).join(", ");
    const events = words(declared.events);
    for (const box of this._events.querySelectorAll("input")) box.checked = events.includes(box.value);
    this._fields.name.focus();
  }

  async _send(event) {
    event.preventDefault();
    if (!session.may("expert")) {
      session.lack("Subscribing", "expert");
      return;
    }
    const { name, receiver, severity, audience, interval, why } = this._fields;
    const events = [...this._events.querySelectorAll("input:checked")].map((box) => box.value);
    const called = name.value.trim();
    const subscription = {
      ...(this._before?.name === called ? this._before : {}),
      receiver: receiver.value, severity: severity.value, audience: audience.value, interval: Number(interval.value),
    };
    if (events.length) subscription.events = events;
    else delete subscription.events;
    for (const [key] of PATTERNS) subscription[key] = words(this._patterns[key].value);
    try {
      await change("PUT", `subscriptions/${encodeURIComponent(called)}`, { subscription, why: why.value });
      show(this._said, false);
      this._before = null;
      this.root.open = false;
      this._onDone();
    } catch (error) {
      setText(this._said, error instanceof TypeError ? "the gateway does not answer" : error.message);
      show(this._said, true);
    }
  }
}

/** The words of a list, as the API shows it or as somebody types it. */
function words(text) {
  return String(text ?? "").split(",").map((word) => word.trim()).filter(Boolean);
}
