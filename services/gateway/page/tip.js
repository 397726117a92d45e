/** What lies below the pointer on a canvas, in words. */

import { h, show } from "./dom.js";

export class Tip {
  /** `locate(x, y)` gives `{text, box}` or null; a click on something calls `onPick` with it. */
  constructor(canvas, onPick = null) {
    this.locate = () => null;
    this._box = h("div", { class: "tip-box", hidden: true });
    this._words = h("div", { class: "tip", hidden: true });
    const frame = h("div", { class: "tipped" });
    canvas.replaceWith(frame);
    frame.append(canvas, this._box, this._words);
    canvas.addEventListener("pointermove", (event) => this._at(event));
    canvas.addEventListener("pointerleave", () => this._hide());
    if (onPick) {
      canvas.classList.add("pick");
      canvas.addEventListener("click", ({ offsetX, offsetY }) => {
        const found = this.locate(offsetX, offsetY);
        if (found) onPick(found);
      });
    }
  }

  _at({ offsetX, offsetY, currentTarget }) {
    const found = this.locate(offsetX, offsetY);
    if (!found) {
      this._hide();
      return;
    }
    const { left, top, width, height } = found.box;
    Object.assign(this._box.style, {
      left: `${left}px`, top: `${top}px`, width: `${Math.max(1, width)}px`, height: `${Math.max(1, height)}px`,
    });
    this._words.textContent = found.text;
    show(this._box, true);
    show(this._words, true);
    const flip = offsetX > currentTarget.clientWidth * 0.6;
    const lift = offsetY > currentTarget.clientHeight * 0.7;
    Object.assign(this._words.style, {
      left: `${offsetX + (flip ? -12 : 14)}px`, top: `${offsetY + (lift ? -12 : 14)}px`,
      transform: `translate(${flip ? "-100%" : "0"}, ${lift ? "-100%" : "0"})`,
    });
  }

  _hide() {
    show(this._box, false);
    show(this._words, false);
  }
}
