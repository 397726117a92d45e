/** Alarms as the view shows them: of now, or as they stood at the moment whose knowledge is shown. */

import { Refusal, ask } from "../api.js";
import { isHidden } from "./words.js";

/** Milliseconds until a moment that could not be had is asked for again. */
const AGAIN = 5_000;

/** Events: `change`. Has what `AlarmBoard` has but for what calls: `rows`, `header`, `staleness`, `known`, `now`. */
export class AlarmsShown extends EventTarget {
  constructor(board, model) {
    super();
    Object.assign(this, { _board: board, _model: model, _then: null });
    board.addEventListener("change", () => this._tell());
    model.addEventListener("change", () => this._follow());
    this._follow();
  }

  /** Whether they are those of a moment of the past. */
  get isPast() {
    return this._model.moment !== null;
  }

  get rows() {
    return this.isPast ? this._then?.rows ?? {} : this._board.rows;
  }

  get header() {
    return this.isPast ? headerOf(this.rows) : this._board.header;
  }

  get known() {
    return this.isPast ? Boolean(this._then) && !this._then.problem : this._board.known;
  }

  get staleness() {
    if (!this.isPast) return this._board.staleness;
    if (!this._then) return "how they stood then is being read";
    return this._then.problem && `how they stood then cannot be had: ${this._then.problem}`;
  }

  /** Nanoseconds since 1970 of what is shown: ages are up to then. */
  get now() {
    return this._model.moment ?? this._board.now;
  }

  _follow() {
    const { moment } = this._model;
    if (moment === this._moment) return;
    this._moment = moment;
    this._then = null;
    clearTimeout(this._timer);
    if (moment !== null) this._fetch(moment);
    this._tell();
  }

  async _fetch(at) {
    let then;
    try {
      const { alarms } = await ask("alarm-steps/stood", { at });
      then = { problem: "", rows: Object.fromEntries(alarms.map((row) => [row.alarm, row])) };
    } catch (error) {
      then = { problem: error instanceof Refusal ? error.message : "the gateway does not answer", rows: {} };
    }
    if (at !== this._moment) return;
    this._then = then;
    if (then.problem) this._timer = setTimeout(() => at === this._moment && this._fetch(at), AGAIN);
    this._tell();
  }

  _tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The same figures as the gateway tells of now. */
function headerOf(rows) {
  const all = Object.values(rows);
  const many = (test) => all.filter(test).length;
  return {
    alarms: all.length, unacknowledged: many((row) => row.unacknowledged), hidden: many(isHidden),
    flood: all.some(({ kind, life }) => kind === "flood" && life !== "normal"), heard: null,
  };
}
