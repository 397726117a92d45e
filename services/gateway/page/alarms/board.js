/** The alarms that are not normal, as the stream pushes them; whoever shows alarms follows this. */

/** Seconds of silence after which nobody knows how alarms stand. */
const SILENCE = 30;

/** Events: `change`, and `raised` {rows} with those that call somebody and did not before. */
export class AlarmBoard extends EventTarget {
  constructor(stream, model) {
    super();
    Object.assign(this, { _stream: stream, _model: model });
    /** By name of the alarm. */
    this.rows = {};
    this.header = { alarms: 0, unacknowledged: 0, hidden: 0, flood: false, heard: null };
    /** Whether any state has come yet. */
    this.known = false;
    this._called = new Set();
    stream.addEventListener("state", ({ detail }) => detail.channel === "board/alarms/current" && this._take());
    stream.addEventListener("link", () => this._tell());
    stream.subscribe("alarms", { boards: ["alarms"] });
  }

  /** Alarms that nobody has acknowledged. */
  get calling() {
    return Object.values(this.rows).filter(({ unacknowledged }) => unacknowledged);
  }

  /** The gateway's clock now, nanoseconds since 1970. */
  get now() {
    const { pulse } = this._model;
    return pulse ? pulse.header.now + (performance.now() - pulse.at) * 1e6 : Date.now() * 1e6;
  }

  /** Why nobody knows how alarms stand, in words; empty if that is known. */
  get staleness() {
    if (this._stream.link !== "live") return this._stream.link === "lost" ? "no connection to the gateway" : "connecting";
    if (!this.known) return "not known yet";
    if (this.header.heard === null) return "no service of alarms has ever been heard";
    const silent = (this.now - this.header.heard) / 1e9;
    return silent > SILENCE ? `the service of alarms has been silent for ${Math.round(silent)} s` : "";
  }

  _take() {
    const { header, rows } = this._stream.state("board/alarms/current");
    Object.assign(this, { header, rows: { ...rows } });
    // One that was acknowledged and comes again calls anew: `raised` is when it did.
    const called = new Map(this.calling.map((row) => [`${row.alarm} ${row.raised} ${row.escalations}`, row]));
    const raised = [...called].filter(([key]) => !this._called.has(key)).map(([, row]) => row);
    const first = !this.known;
    this._called = new Set(called.keys());
    this.known = true;
    this._tell();
    // Those that stood before the page was opened are in the list, and make no noise.
    if (raised.length && !first) this.dispatchEvent(new CustomEvent("raised", { detail: { rows: raised } }));
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}
