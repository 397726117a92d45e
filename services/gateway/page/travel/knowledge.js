/** A slider over what was known: from the run's begin to now, or to the last that was found out about it. */

import { sheet } from "../canvas.js";
import { h, setAttributes, settled, show } from "../dom.js";
import { clock, zone } from "../format.js";
import { HEIGHTS, OUTCOMES } from "../outcomes.js";

const SECOND = 1e9;
/** Milliseconds that the slider rests before the past is asked for. */
const REST = 150;

/** When something became known of LSs, first and last, in nanoseconds since 1970; null where no times are told. */
export function spanOf(rows, now) {
  const began = rows.map((row) => row.began).filter(Boolean);
  if (!began.length) return null;
  const found = rows.flatMap((row) => Object.values(row.made ?? {}));
  const reduced = (take, values) => values.reduce((one, other) => take(one, other));
  return [reduced(Math.min, began), now ?? reduced(Math.max, [...began, ...found]) + SECOND];
}

export class Knowledge {
  /** `go` takes a moment, ISO 8601, or "" for now. */
  constructor(go) {
    this._span = null;
    this._asked = false;
    const travel = settled(() => {
      this._asked = false;
      go(this._isNow ? "" : isoOf(this._at));
    }, REST);
    this._track = h("canvas", { "aria-hidden": "true" });
    this._slider = h("input", {
      type: "range", min: 0, step: 1, "aria-label": "Moment whose knowledge is shown, from the begin of the run on",
      oninput: () => {
        this._asked = true;
        this._tell();
        travel();
      },
    });
    this.root = h("div", { class: "slide knowledge", hidden: true }, this._track, this._slider);
  }

  /**
   * @param rows LSs as they are known now
   * @param moment that is shown, null for now
   * @param until when the slider ends; null for the last that was found out
   */
  draw(rows, moment, until, shown) {
    this._span = spanOf(rows, until);
    show(this.root, shown && this._span !== null);
    if (!shown || !this._span) return;
    const [from, to] = this._span;
    setAttributes(this._slider, { max: Math.max(1, Math.ceil((to - from) / SECOND)) });
    // While it is dragged it is the hand that says where it stands.
    if (!this._asked) this._slider.value = moment === null ? this._slider.max : Math.round((moment - from) / SECOND);
    this._tell();
    drawFound(this._track, rows, this._span, moment);
  }

  get _at() {
    return this._span[0] + this._slider.valueAsNumber * SECOND;
  }

  get _isNow() {
    return this._slider.value === this._slider.max;
  }

  _tell() {
    const words = this._isNow ? "now" : `${clock(this._at)} (${zone(this._at)})`;
    setAttributes(this._slider, { "aria-valuetext": words, title: words });
  }
}

/** Not before it by a fraction of a millisecond: at its begin an LS has begun. */
const isoOf = (moment) => new Date(Math.ceil(moment / 1e6)).toISOString().replace(".000Z", "Z");

/** Outcomes at the moments at which they were found, those found later than what is shown paler. */
function drawFound(canvas, rows, [from, to], moment) {
  const { pen, width, height } = sheet(canvas);
  if (!width) return;
  for (const { outcomes, made = {} } of rows) {
    for (const [workspace, when] of Object.entries(made)) {
      const outcome = outcomes[workspace]?.[0] ?? "NOT_RUN";
      const tall = (HEIGHTS[outcome] ?? 0.15) * height;
      pen.fillStyle = (OUTCOMES[outcome] ?? OUTCOMES.NOT_RUN).colour;
      pen.globalAlpha = moment === null || when <= moment ? 1 : 0.35;
      pen.fillRect(((when - from) / (to - from)) * (width - 2), height - tall, 2, tall);
    }
  }
}
