/** Runs in words: what each is, and what is not where it should be. */

import { clock, count, number, plural } from "../format.js";
import { markWords } from "../marks.js";

/** What a run is, in words: for lists and its page. */
export function runWords(row, about) {
  const { first_lumisection: first, last_lumisection: last } = row;
  return [
    row.live ? (row.ended ? "ended" : "live") : "stored",
    row.run_type,
    clock(row.started ?? row.began),
    last ? `LS ${first}–${last}` : first === 0 ? "whole run" : "",
    row.events != null || about ? `${count(row.events ?? about.accounting.seen)} events` : "",
    about?.fill ? `fill ${about.fill}` : "",
    about?.delivered ? `delivered ${number(about.delivered, 3)} /pb` : "",
    ...markWords(row.marks ?? []),
  ].filter(Boolean);
}

/** Whether something of a run is not where it should be. */
export function isShort(found) {
  const { dropped, late_events: late, incomplete, holes, missing, refused } = found;
  return Boolean(dropped || late || incomplete || holes || Object.keys(missing).length || Object.keys(refused).length);
}

/** Where its events are, in words; its page says in which LSs. */
export function countWords(found) {
  const words = [
    found.incomplete ? `${plural(found.incomplete, "LS")} incomplete` : "",
    found.dropped ? `${plural(found.dropped, "event")} dropped` : "",
    found.late_events ? plural(found.late_events, "late event") : "",
    ...Object.entries(found.missing).map(([source, number]) => `${source} missing in ${plural(number, "LS")}`),
    Object.keys(found.refused).length ? `refused chunks: ${Object.keys(found.refused).join(", ")}` : "",
    found.holes ? `input expired in ${plural(found.holes, "LS")}` : "",
  ].filter(Boolean);
  return words.length ? words.join(" · ") : "all events accounted for";
}
