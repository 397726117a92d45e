/** What the sources of a lumisection could not give, in words. No page here. */

import { count, plural } from "./format.js";

/** Reasons that count events, and what became of these. */
const EVENTS = {
  missing_events: "announced, not in the file",
  lost_events: "announced, in a file that was lost",
  error_events: "failed in the trigger",
  dropped_events: "dropped by a source",
  no_conditions: "without conditions",
};

/** Reasons that count sources: what happened to this LS of theirs. */
const SOURCES = {
  file_missing: "no file came in time",
  file_gone: "file went before it was read",
  file_lost: "file was lost before all of it was sent",
  given_up: "given up, why is not known",
  starved: "starved by selection",
  event_count: "file has another number of events than announced",
  file_checksum: "file differs from its checksum",
  file_size: "file differs from its size",
  truncated_message: "file ends inside a message",
  jsn_unreadable: "announcement (.jsn) cannot be read",
  jsn_form: "announcement (.jsn) has no known form",
};

/** Reasons that name, behind a colon, a product that events are without: its class, and what is wrong. */
const PRODUCTS = {
  unknown_class: (name) => `${name}, which is not known`,
  broken_payload: (name) => {
    const [, product, kind] = /^(.*) (\S+)$/.exec(name) ?? [null, name, "no more is known"];
    return `${product}, which is broken (${kind.replaceAll("_", " ")})`;
  },
};

/** A list of words, one for each reason of `{reason: count}`. */
export function noteWords(notes) {
  return Object.entries(notes ?? {}).map(([reason, n]) => {
    const [kind, product] = reason.split(": ");
    if (product && kind in PRODUCTS) return `${plural(n, "event")} without ${PRODUCTS[kind](product)}`;
    if (reason in EVENTS) return `${plural(n, "event")} ${EVENTS[reason]}`;
    if (reason in SOURCES) return n === 1 ? SOURCES[reason] : `${SOURCES[reason]} (${count(n)} times)`;
    return `${reason.replaceAll("_", " ")} ${count(n)}`;
  });
}
