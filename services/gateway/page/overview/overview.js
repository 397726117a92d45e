/** The home of the page: how data taking goes, what needs someone, and how each subsystem stands. */

import { byId, framed, show } from "../dom.js";
import { Tiles } from "../tiles.js";
import { Needing } from "./needing.js";
import { Now } from "./now.js";
import { Summaries } from "./summaries.js";

export class Overview {
  constructor({ model, router, alarms }) {
    this.alarms = alarms;
    this.summaries = new Summaries(model, router);
    this._now = new Now(byId("now"), model);
    this._tiles = new Tiles(model, router, this.summaries);
    this._needing = new Needing(byId("needing"), this.alarms, router);
    this._shown = false;
    const draw = framed(() => this._shown && this._draw());
    model.addEventListener("change", draw);
    this.alarms.addEventListener("change", draw);
    this.summaries.addEventListener("change", draw);
    window.addEventListener("resize", draw);
  }

  /** Show it or not: only what is shown asks for anything. */
  show(shown) {
    this._shown = shown;
    show(byId("overview"), shown);
    this.summaries.show(shown);
    if (shown) this._draw();
  }

  _draw() {
    this._now.draw();
    this._tiles.draw();
    this._needing.draw();
  }
}
