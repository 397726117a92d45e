/** What was known at a moment of the past. No page here. */

import { worst } from "../outcomes.js";

/** The moment of a word of the address, ISO 8601, in nanoseconds since 1970; null for now. */
export function momentOf(word) {
  const milliseconds = word ? Date.parse(word) : NaN;
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
