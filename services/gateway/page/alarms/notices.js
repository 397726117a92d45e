/** Notifications of the browser: for who looks at another window. Asked for on a click, never before. */

import { titleOf } from "./words.js";

const KEY = "dqmstream.notices";
const MOST = 3;

/** Events: `change`. */
class Notices extends EventTarget {
  constructor() {
    super();
    this._on = localStorage.getItem(KEY) === "on";
    /** How many were shown. */
    this.shown = 0;
  }

  /** Whether they are shown. */
  get isOn() {
    return this._on && this.isPossible && Notification.permission === "granted";
  }

  /** Browsers have them only on this machine or behind TLS. */
  get isPossible() {
    return "Notification" in window && window.isSecureContext;
  }

  /** Why there are none, in words. */
  get problem() {
    if (!this.isPossible) return "This browser shows notifications only of pages behind TLS, or of this machine.";
    if (Notification.permission === "denied") return "The browser was told to show none of this page: its settings change that.";
    return "";
  }

  /** On a click: the browser asks the first time. */
  async turn(on) {
    if (on && this.isPossible && Notification.permission === "default") await Notification.requestPermission();
    this._on = on;
    localStorage.setItem(KEY, on ? "on" : "off");
    this.dispatchEvent(new Event("change"));
  }

  /** Tell of alarms; `link(row)` is the address to go to. */
  tell(rows, link) {
    if (!this.isOn) return;
    for (const row of rows.slice(0, MOST)) {
      const [title, where] = titleOf(row);
      const notice = new Notification(`${row.level}: ${title}`, {
        body: [where, row.why, row.action].filter(Boolean).join("\n"), tag: row.alarm, icon: "icon.svg",
      });
      notice.onclick = () => {
        window.focus();
        location.hash = link(row);
        notice.close();
      };
      this.shown += 1;
    }
    if (rows.length > MOST) {
      this.shown += 1;
      new Notification(`${rows.length - MOST} more alarms`, { tag: "dqmstream more", icon: "icon.svg" });
    }
    this.dispatchEvent(new Event("change"));
  }
}

export const notices = new Notices();
