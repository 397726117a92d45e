/** Drawing by turns: what has changed, as much in a frame as it has time for; the rest waits for the next one. */

/** Milliseconds for canvases in a frame, and texts: the browser needs as long again to show them. */
const FRAME_BUDGET = 4;
const FRAME_TEXTS = 24;
/** Milliseconds after which some texts are written though not all canvases are drawn. */
const TEXTS_WAIT = 500;

export class Turns {
  /** `draw(key)` draws canvases, and returns what writes the texts beside them; null for nothing. */
  constructor(draw) {
    this._draw = draw;
    this._dirty = new Set();
    this._texts = new Map();
    this._asked = false;
    this._wrote = 0;
  }

  /** Draw what has this key, soon and once. */
  mark(key) {
    this._dirty.add(key);
    this._ask();
  }

  _ask() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => this._some());
  }

  _some() {
    // Before anything is drawn: one plot that fails must not stop all others for ever.
    this._asked = false;
    const began = performance.now();
    // Not in one frame: a canvas that is measured behind a text that is other now takes a layout of its own.
    if (!this._dirty.size || (this._texts.size && began - this._wrote > TEXTS_WAIT)) this._write(began);
    else this._paint(began);
    if (this._dirty.size || this._texts.size) this._ask();
  }

  _paint(began) {
    if (!this._texts.size) this._wrote = began;
    for (const key of this._dirty) {
      this._dirty.delete(key);
      const write = this._draw(key);
      if (write) this._texts.set(key, write);
      if (performance.now() - began > FRAME_BUDGET) break;
    }
  }

  _write(began) {
    this._wrote = began;
    let room = FRAME_TEXTS;
    for (const [key, write] of this._texts) {
      if (!room) break;
      room -= 1;
      this._texts.delete(key);
      write();
    }
  }
}
