/** Switches of sound and notifications, beside the list of alarms. */

import { h, setAttributes, setText, show } from "../dom.js";
import { notices } from "./notices.js";
import { sound } from "./sound.js";
import { clockOf } from "./words.js";

export class Switches {
  constructor() {
    const button = (id, press) => h("button", { id, type: "button", onclick: press });
    this._sound = button("alarm-sound", () => sound.turn(!sound.isOn));
    this._silence = button("alarm-silence", () => (sound.silentUntil ? sound.turn(true) : sound.silence()));
    this._test = button("alarm-test", () => sound.test());
    this._notices = button("alarm-notices", () => notices.turn(!notices.isOn));
    this._said = h("small", { role: "status" });
    this.root = h("div", { class: "alarm-switches", role: "group", "aria-label": "Sound and notifications" }, this._sound, this._silence, this._test, this._notices, this._said);
    for (const part of [sound, notices]) part.addEventListener("change", () => this.draw());
    setInterval(() => this.draw(), 5000);
    this.draw();
  }

  draw() {
    setText(this._sound, sound.isOn ? "Sound on" : "Sound off");
    setAttributes(this._sound, { "aria-pressed": String(sound.isOn) });
    show(this._silence, sound.isOn);
    setText(this._silence, sound.silentUntil ? `Silent until ${clockOf(sound.silentUntil * 1e6).slice(0, 5)}: sound again` : "Silence 10 min");
    setText(this._test, "Test sound");
    setAttributes(this._test, { "data-rang": sound.rang });
    setText(this._notices, notices.isOn ? "Notifications on" : "Notifications off");
    setAttributes(this._notices, { "aria-pressed": String(notices.isOn), disabled: notices.problem ? true : null, title: notices.problem || null });
    setText(this._said, sound.isBlocked ? "The browser lets this page sound after a click in it." : "");
  }
}
