/** Who is told of which alarms: subscriptions, whether what they send arrives, and the form to declare one. */

import { ask, change } from "../api.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { session } from "../session.js";
import { SubscriptionForm } from "./subscribing.js";
import { clockOf } from "./words.js";

/** Milliseconds between two looks at what became of a test, and how often. */
const LOOK = 700;
const LOOKS = 20;

export class Subscriptions {
  constructor(root) {
    this._problem = h("p", { class: "alarm-note", role: "status", hidden: true });
    this._receivers = h("ul", { class: "receivers" });
    this._list = h("ul", { class: "subscriptions" });
    this._dead = h("ul", { class: "dead" });
    this._deadHead = h("h2", { hidden: true }, "Given up: somebody was not told");
    this._form = new SubscriptionForm(() => this._later());
    root.append(
      this._problem,
      h("section", {}, h("h2", {}, "Receivers"), h("p", { class: "alarm-why" }, "Declared in the file that DQMSTREAM_NOTIFICATIONS names, with their secrets."), this._receivers),
      h("section", {}, h("h2", {}, "Subscriptions"), this._list, this._form.root),
      h("section", {}, this._deadHead, this._dead),
    );
    session.addEventListener("change", () => this._standing && this._draw());
  }

  /** Ask how things stand, and show it. */
  async read() {
    try {
      this._standing = await ask("subscriptions");
      this._given = (await ask("deliveries", { state: "dead", limit: 20 })).deliveries;
      show(this._problem, false);
      this._draw();
    } catch (error) {
      this._say(error instanceof TypeError ? "The gateway does not answer." : `${error.message}.`);
    }
  }

  /** The notifier follows a decision within a second or two. */
  _later() {
    for (const wait of [800, 2500]) setTimeout(() => this.read(), wait);
  }

  _draw() {
    const { receivers, subscriptions } = this._standing;
    const byReceiver = new Map(receivers.map((each) => [each.name, each]));
    keyed(this._receivers, byReceiver.keys(), () => h("li", {}, h("b"), h("span")), (item, name) => {
      const { kind, address, pending, failing_since: since, problem } = byReceiver.get(name);
      setText(item.firstElementChild, name);
      const words = [kind, address, pending ? `${pending} waiting` : "", since ? `fails since ${clockOf(since)}: ${problem}` : "works"];
      setText(item.lastElementChild, words.filter(Boolean).join(" · "));
      setAttributes(item, { "data-failing": since ? true : null });
    });
    const byName = new Map(subscriptions.map((each) => [each.name, each]));
    keyed(this._list, byName.keys(), (name) => this._make(name), (item, name) => this._drawOne(item, byName.get(name)));
    this._form.draw([...byReceiver.keys()]);
    show(this._deadHead, this._given.length > 0);
    const byKey = new Map(this._given.map((each) => [each.key, each]));
    keyed(this._dead, byKey.keys(), (key) => h("li", {}, deadWords(byKey.get(key))), () => {});
    if (!receivers.length) this._say("No receiver is declared: nobody is told of alarms.");
  }

  _make(name) {
    const button = (action, press) => {
      const made = h("button", { type: "button", onclick: press });
      made.dataset.action = action;
      return made;
    };
    const said = h("small", { role: "status" });
    const item = h(
      "li", {}, h("b"), h("span"),
      h(
        "div", { class: "alarm-buttons" },
        button("test", () => this._test(name, said)),
        button("turn", () => this._act(name, item.dataset.enabled ? "disable" : "enable", said)),
        button("edit", () => session.may("expert") ? this._form.fill(this._standing.subscriptions.find((each) => each.name === name)) : this._want("Changing a subscription")),
        button("end", () => this._end(name, said)), said,
      ),
    );
    return item;
  }

  _drawOne(item, { name, receiver, declared, enabled, origin }) {
    const [head, words, buttons] = item.children;
    setText(head, name);
    const keys = Object.entries(declared).filter(([key]) => !["name", "receiver"].includes(key)).map(([key, value]) => `${key} = ${value}`);
    setText(words, [`to ${receiver}`, keys.join(", ") || "everything", enabled ? "" : "switched off", origin === "file" ? "of the file" : "declared here"].filter(Boolean).join(" · "));
    setAttributes(item, { "data-enabled": enabled ? true : null });
    const titles = { test: "Send a test", turn: enabled ? "Switch off" : "Switch on", edit: "Change …", end: "End" };
    const may = session.may("expert");
    for (const button of buttons.querySelectorAll("button")) {
      setText(button, `${titles[button.dataset.action]}${may ? "" : " (expert)"}`);
      setAttributes(button, { "aria-disabled": may ? null : "true" });
    }
  }

  /** Send a notification in which nothing happened, and see what becomes of it. */
  async _test(name, said) {
    const decided = await this._act(name, "test", said);
    if (!decided?.key) return;
    setText(said, "sent to the notifier …");
    for (let look = 0; look < LOOKS; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      const { deliveries } = await ask("deliveries", { key: decided.key }).catch(() => ({ deliveries: [] }));
      const [delivery] = deliveries;
      if (delivery?.problem) setText(said, `not arrived: ${delivery.problem}`);
      if (delivery?.state === "delivered") {
        setText(said, "arrived");
        return;
      }
      if (delivery?.state === "dead") return;
    }
    if (said.textContent.startsWith("sent")) setText(said, "nothing is known of it yet");
  }

  async _act(name, action, said) {
    if (!session.may("expert")) return this._want("Changing or trying out a subscription");
    try {
      const decided = await change("POST", `subscriptions/${encodeURIComponent(name)}/${action}`, {});
      this._later();
      return decided;
    } catch (error) {
      setText(said, error.message);
      return null;
    }
  }

  async _end(name, said) {
    if (!session.may("expert")) return this._want("Ending a subscription");
    try {
      await change("DELETE", `subscriptions/${encodeURIComponent(name)}`);
      this._later();
    } catch (error) {
      setText(said, error.message);
    }
    return null;
  }

  _want(what) {
    session.lack(what, "expert");
    return null;
  }

  _say(words) {
    setText(this._problem, words);
    show(this._problem, true);
  }
}

const deadWords = ({ subscription, alarm, event, when, problem }) => `${clockOf(when)} · ${subscription} · ${alarm} ${event} · ${problem}`;
