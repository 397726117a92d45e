// Which lumisections: newest, last N, whole run, or a range.

import { isWindow, windowName } from "./state.js";
import { element } from "./words.js";

const PRESETS = ["lumisection", "last-10", "last-60", "run"];

export class Chooser {
  constructor(parent, { onChoose }) {
    this.onChoose = onChoose;
    this.buttons = PRESETS.map((word) => {
      const button = element("button", { type: "button", text: windowName(word) });
      button.dataset.window = word;
      button.addEventListener("click", () => onChoose(word));
      return button;
    });
    this.range = element("input", {
      type: "text", size: 9, placeholder: "LS a-b", "aria-label": "Lumisections a-b", maxlength: 17, inputmode: "numeric",
    });
    this.range.addEventListener("change", () => this.#typed());
    parent.append(...this.buttons, this.range);
  }

  show(word) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", button.dataset.window === word);
    const isRange = /^\d/.test(word);
    this.range.value = isRange ? word : "";
    this.range.classList.toggle("chosen", isRange);
    this.range.setCustomValidity("");
  }

  #typed() {
    const text = this.range.value.replace(/\s|LS/gi, "").replace("–", "-");
    const word = /^\d+$/.test(text) ? `${text}-${text}` : text;
    if (!text) return;
    if (isWindow(word)) {
      this.onChoose(word);
    } else {
      this.range.setCustomValidity("a number of an LS, or two as a-b with a ≤ b");
      this.range.reportValidity();
    }
  }
}
