/** Drawing by turns: what has changed, as much in a frame as it has time for; the rest waits for the next one. */

const FRAME_BUDGET = 10;

export class Turns {
  /** `draw(key)` draws canvases, and returns what writes the texts beside them; null for nothing. */
  constructor(draw) {
    this._draw = draw;
    this._dirty = new Set();
    this._asked = false;
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
    const texts = [];
    for (const key of this._dirty) {
      this._dirty.delete(key);
      texts.push(this._draw(key));
      if (performance.now() - began > FRAME_BUDGET) break;
    }
    // After all canvases: each that is measured behind a text that is other now takes a layout of its own.
    for (const write of texts) write?.();
    if (this._dirty.size) this._ask();
  }
}
