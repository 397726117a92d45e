/** A slider over what was known: from the run's begin to now, or to the last that was found out about it. */

import { sheet } from "../canvas.js";
import { h, setAttributes, settled, show } from "../dom.js";
import { clock, zone } from "../format.js";
import { HEIGHTS, OUTCOMES } from "../outcomes.js";

const SECOND = 1e9;
/** Milliseconds that the slider rests before the past is asked for. */
const REST = 150;

/** When something became known of LSs, first and last, in nanoseconds since 1970; null where no times are told. */
function spanOf(rows, now) {
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
    // Where the hand has put it, until the page goes there: while a run goes on, its end moves away meanwhile.
    this._wish = undefined;
    const travel = settled(() => {
      const at = this._wish;
      this._wish = undefined;
      go(at === null ? "" : isoOf(at));
    }, REST);
    this._track = h("canvas", { "aria-hidden": "true" });
    this._slider = h("input", {
      type: "range", min: 0, step: 1, "aria-label": "Moment whose knowledge is shown, from the begin of the run on",
      oninput: () => {
        this._wish = this._slider.value === this._slider.max ? null : this._span[0] + this._slider.valueAsNumber * SECOND;
        this._tell(this._wish);
        travel();
      },
    });
    this.root = h("div", { class: "slide knowledge", hidden: true }, this._track, this._slider);
  }

  /**
   * @param rows LSs as they are known now; none where no slider is wanted
   * @param moment that is shown, null for now
   * @param until when the slider ends; null for the last that was found out
   */
  draw(rows, moment, until) {
    this._span = spanOf(rows, until);
    show(this.root, this._span !== null);
    if (!this._span) return;
    const [from, to] = this._span;
    setAttributes(this._slider, { max: Math.max(1, Math.ceil((to - from) / SECOND)) });
    const at = this._wish === undefined ? moment : this._wish;
    this._slider.value = at === null ? this._slider.max : Math.round((at - from) / SECOND);
    this._tell(at);
    drawFound(this._track, rows, this._span, moment);
  }

  _tell(at) {
    const words = at === null ? "now" : `${clock(at)} (${zone(at)})`;
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
