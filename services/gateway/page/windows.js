/** The chooser of the window: this LS, the last N, the run, or from a to b. */

import { byId, h, setAttributes } from "./dom.js";
import { WHOLE_RUN, isWindow, rangeOf } from "./router.js";

export class WindowChooser {
  constructor(model, router) {
    this._model = model;
    this._router = router;
    this._last = input("LSs back", 10);
    this._from = input("first LS", 1);
    this._to = input("last LS", 1);
    this._buttons = {
      lumisection: choice("This LS", "The newest LS, also while it is open"),
      last: choice("Last", "The newest LSs together"),
      run: choice("Run", "All LSs of the run so far"),
      range: choice("LS", "A range of LSs, both ends included"),
    };
    this._form = byId("window");
    this._form.append(
      this._buttons.lumisection,
      h("span", {}, this._buttons.last, this._last),
      this._buttons.run,
      h("span", {}, this._buttons.range, this._from, "–", this._to),
    );
    this._form.addEventListener("submit", (event) => event.preventDefault());
    this._form.addEventListener("click", ({ target }) => {
      const kind = Object.keys(this._buttons).find((name) => this._buttons[name] === target);
      if (kind) this._go(kind);
    });
    this._last.addEventListener("change", () => this._go("last"));
    for (const end of [this._from, this._to]) end.addEventListener("change", () => this._go("range"));
  }

  draw() {
    const { window: word } = this._router.route;
    // The whole run of an import is no range of LSs: the strip shows that it is chosen.
    const range = word === WHOLE_RUN ? null : rangeOf(word);
    const kind = range ? "range" : word.startsWith("last-") ? "last" : word;
    for (const [name, button] of Object.entries(this._buttons)) {
      setAttributes(button, { "aria-pressed": name === kind ? "true" : "false" });
    }
    if (kind === "last") fill(this._last, word.slice(5));
    const known = this._model.lumisections;
    const ends = range ?? [known[0]?.lumisection ?? 1, known.at(-1)?.lumisection ?? 1];
    fill(this._from, ends[0]);
    fill(this._to, ends[1]);
  }

  _go(kind) {
    const ends = [this._from.value, this._to.value].map(Number).sort((a, b) => a - b);
    const word = { last: `last-${this._last.value}`, range: ends.join("-") }[kind] ?? kind;
    if (isWindow(word)) this._router.go({ window: word });
    else this.draw();
  }
}

/** First and last LS of a window that goes on, as it is now; null if there is none. */
export function windowEnds(word, rows) {
  const numbers = rows.map((row) => row.lumisection);
  const last = numbers.at(-1);
  if (last === undefined) return null;
  if (word === "run") return [numbers[0], last];
  const many = word === "lumisection" ? 1 : Number(word.slice(5));
  return [numbers.at(-many) ?? numbers[0], last];
}

function choice(text, title) {
  return h("button", { type: "button", title, "aria-pressed": "false" }, text);
}

function input(label, value) {
  return h("input", { type: "number", min: 1, max: 99999, value, "aria-label": label, inputmode: "numeric" });
}

/** Not while somebody types. */
function fill(field, value) {
  if (document.activeElement !== field) field.value = value;
}
