/** What was picked, as the stream tells it, and whether it is still new. */

import { age } from "./format.js";

const STALE_AFTER = 30;

/** Events: `change`. */
export class DisplayFeed extends EventTarget {
  constructor(stream) {
    super();
    this.newest = null;
    this.rows = [];
    this._stream = stream;
    this._pulse = null;
    this._runs = {};
    this._staleAfter = STALE_AFTER;
    stream.addEventListener("hello", ({ detail }) => {
      this._staleAfter = detail.data_stale_after;
    });
    stream.addEventListener("state", ({ detail }) => this._take(detail.channel));
    stream.addEventListener("link", () => this._tell());
    stream.subscribe("displays", { boards: ["displays", "runs", "pulse"] });
  }

  /** Seconds since an event was picked, by the gateway's clock; null before that is known. */
  ageOf(display) {
    if (!this._pulse || !display) return null;
    const { now, at } = this._pulse;
    return Math.max(0, (now - display.made) / 1e9 + (performance.now() - at) / 1000);
  }

  /** State of what is shown, as `freshness` has it for plots, and why, in words. */
  get freshness() {
    const { link } = this._stream;
    if (link === "lost") return { state: "lost", says: "no connection to the gateway" };
    if (link !== "live") return { state: "waiting", says: "connecting" };
    const seconds = this.ageOf(this.newest);
    if (seconds === null) return { state: "waiting", says: "no event yet" };
    if (seconds <= this._staleAfter) return { state: "live", says: "live" };
    if (this._runs[this.newest.run]?.ended) return { state: "ended", says: "run ended" };
    return { state: "stale", says: `nothing new for ${age(seconds)}` };
  }

  _take(channel) {
    const { header, rows } = this._stream.state(channel);
    if (channel.startsWith("board/pulse/")) this._pulse = { now: header.now, at: performance.now() };
    else if (channel.startsWith("board/runs/")) this._runs = rows;
    else {
      this.newest = header.newest;
      this.rows = Object.values(rows).sort((a, b) => b.made - a.made);
    }
    this._tell();
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}
