/** Filters of the list of runs, kept in the address as `type:pp_run,outcome:BAD,since:2026-11-01`. */

import { h, setText, settled } from "../dom.js";
import { formatWord, parseWord } from "../filterwords.js";

/** What can be filtered by; the outcome is the worst of any LS, the luminosity is delivered, in /pb. */
const FIELDS = [
  { name: "type", label: "Run type", input: { type: "search", placeholder: "any", maxlength: 40 } },
  { name: "outcome", label: "Worst outcome", choices: ["", "GOOD", "WARNING", "BAD", "ERROR", "INVALID", "NOT_RUN"] },
  { name: "events", label: "Events", choices: ["", "lacking", "complete"] },
  { name: "since", label: "From", input: { type: "date" } },
  { name: "until", label: "To", input: { type: "date" } },
  { name: "lumi", label: "Delivered at least, /pb", input: { type: "number", min: 0, step: "any" } },
];

const WORDS = { "": "any", NOT_RUN: "not judged", lacking: "something is lacking", complete: "all accounted for" };

const NAMES = FIELDS.map(({ name }) => name);

/** The filters of a word of the address. */
export const parseFilters = (word) => parseWord(word, NAMES);

/** The word of filters; empty without any. */
export const formatFilters = (filters) => formatWord(filters, NAMES);

/** The same as the gateway is asked: what is not known of a run does not mean it. */
export function queryOf({ type, outcome, events, since, until, lumi }) {
  return {
    run_type: type,
    outcome: outcome === "NOT_RUN" ? "" : outcome,
    judged: outcome === "NOT_RUN" ? "false" : "",
    lacking: events && String(events === "lacking"),
    since: since && nanoseconds(dayStart(since)),
    until: until && nanoseconds(dayStart(until) + 86_400_000),
    delivered: lumi,
  };
}

/** Too many digits for a number. */
const nanoseconds = (milliseconds) => (milliseconds > 0 ? `${milliseconds}000000` : "0");

/** Milliseconds at which a day begins, here. */
const dayStart = (day) => new Date(`${day}T00:00:00`).getTime() || 0;

/** The form; `onChange(filters)` is called when somebody has changed one. */
export function filterForm(onChange) {
  const fields = new Map(FIELDS.map((field) => [field.name, control(field)]));
  // What somebody has just chosen must not be put back by a redraw before it is told.
  let pending = false;
  const tell = settled(() => {
    pending = false;
    onChange(Object.fromEntries([...fields].map(([name, field]) => [name, field.value.trim()])));
  }, 250);
  const changed = () => {
    pending = true;
    tell();
  };
  const form = h("form", { class: "filters", "aria-label": "Which runs", oninput: changed, onsubmit: (event) => event.preventDefault() },
    FIELDS.map(({ name, label }) => h("label", {}, h("span", {}, label), fields.get(name))));
  return {
    root: form,
    set(filters) {
      if (pending) return;
      for (const [name, field] of fields) if (document.activeElement !== field) field.value = filters[name];
    },
  };
}

function control({ choices, input }) {
  if (!choices) return h("input", input);
  return h("select", {}, choices.map((word) => {
    const option = h("option", { value: word });
    setText(option, WORDS[word] ?? word);
    return option;
  }));
}
