/** Fields of forms that change a value as one types, and follow it when it changes otherwise. */

import { h } from "../dom.js";

let made = 0;

/** A field with its label; `read(input)` is called at each change, `fill(value)` shows one. */
export function field(label, input, onChange, { wide = false, hint = "" } = {}) {
  made += 1;
  input.id = `layout-field-${made}`;
  const root = h("div", { class: wide ? "field wide" : "field" }, h("label", { for: input.id }, label), input, hint ? h("small", {}, hint) : null);
  input.addEventListener(input.matches("select, [type=checkbox]") ? "change" : "input", () => {
    input.setCustomValidity("");
    const problem = onChange(input.value);
    if (problem) {
      input.setCustomValidity(problem);
      input.title = problem;
    } else input.removeAttribute("title");
  });
  return {
    root, input,
    /** Not while somebody types. */
    fill(value) {
      if (document.activeElement !== input && input.value !== value) {
        input.value = value;
        input.setCustomValidity("");
      }
    },
  };
}

export const text = (attributes = {}) => h("input", { type: "text", spellcheck: "false", autocomplete: "off", ...attributes });

export const area = (attributes = {}) => h("textarea", { rows: 3, ...attributes });

export const whole = (min, max) => h("input", { type: "number", min, max, step: 1, inputmode: "numeric" });

/** A choice of `[value, words]`. */
export const choice = (options) => h("select", {}, options.map(([value, words]) => h("option", { value }, words)));

/** The whole number in a field within its bounds; null for none. */
export function wholeOf(value, min, max) {
  const number = Number(value);
  return value !== "" && Number.isInteger(number) && number >= min && number <= max ? number : null;
}

/** `low:high` as a range, null for nothing, undefined for what is none. */
export function rangeOf(words) {
  if (!words.trim()) return null;
  const ends = words.split(":").map((each) => (each.trim() ? Number(each) : NaN));
  return ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : undefined;
}

export const rangeWords = (range) => (range ? range.join(":") : "");
