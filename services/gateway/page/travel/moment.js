/** What was known at a moment of the past. No page here. */

import { worst } from "../outcomes.js";

/** Date and time with its zone: browsers read a date into any number, and take what lacks a zone for local, the gateway for UTC. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** The moment of a word of the address, ISO 8601, in nanoseconds since 1970; null for now, and for what is none. */
export function momentOf(word) {
  const milliseconds = ISO.test(word) ? Date.parse(word) : NaN;
  return Number.isFinite(milliseconds) ? milliseconds * 1e6 : null;
}

/**
 * What was known of an LS at a moment: nothing of one that had not begun, and only outcomes found by
 * then. When those of a stored run were found is not listed: they count as not known.
 */
export function asOf(row, moment) {
  if (row.began && row.began > moment) return [];
  const known = Object.entries(row.outcomes).filter(([name]) => row.made?.[name] && row.made[name] <= moment);
  return [{ ...row, outcomes: Object.fromEntries(known), worst: worst(known.map(([, [outcome]]) => outcome)) }];
}
