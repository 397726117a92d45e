/** The bell in the head of the page: how many alarms need someone. It sounds, and notifies. */

import { h, setAttributes, setText } from "../dom.js";
import { plural } from "../format.js";
import { notices } from "./notices.js";
import { sound } from "./sound.js";
import { byUrgency } from "./words.js";

export class Bell {
  constructor(board, router) {
    Object.assign(this, { _board: board, _router: router });
    this._count = h("b");
    this._link = h("a", { id: "bell" }, h("i", { "aria-hidden": "true" }), this._count);
    this._said = h("span", { class: "said", role: "status", "aria-live": "assertive" });
    document.getElementById("link").before(this._link, this._said);
    board.addEventListener("change", () => this.draw());
    board.addEventListener("raised", ({ detail }) => this._raised(detail.rows));
    for (const part of [sound, notices]) part.addEventListener("change", () => this.draw());
    window.addEventListener("hashchange", () => this.draw());
    // It turns grey by itself: nothing has to arrive.
    setInterval(() => this.draw(), 1000);
    this.draw();
  }

  draw() {
    const { calling, staleness, header } = this._board;
    const many = calling.length;
    const worst = [...calling].sort(byUrgency)[0];
    setText(this._count, staleness ? "?" : String(many));
    const words = staleness ? `Alarms: ${staleness}` : `${plural(many, "alarm")} ${many === 1 ? "needs" : "need"} someone`;
    setAttributes(this._link, {
      href: this._router.link({ view: "alarms", path: "", match: "" }),
      "aria-label": words,
      title: [words, header.flood && !staleness ? "flood" : "", sound.isBlocked ? "the sound waits for a click" : ""].filter(Boolean).join(" · "),
      "data-level": staleness ? "STALE" : worst?.level ?? null,
      "data-severity": staleness ? null : worst?.severity ?? null,
      "data-muted": sound.isOn && !sound.silentUntil && !sound.isBlocked ? null : true,
      "data-rang": sound.rang, "data-notices": notices.shown,
    });
  }

  _raised(rows) {
    const sorted = [...rows].sort(byUrgency);
    sound.ring(sorted[0].severity);
    notices.tell(sorted, (row) => this._router.link({ view: "alarms", alarm: row.alarm, path: "", match: "" }));
    setText(this._said, `${plural(rows.length, "new alarm")}: ${sorted[0].qtname || sorted[0].alarm}`);
  }
}
