/** What alarms are called, how they are sorted and grouped, and who may do what to them. */

import { age, clock, lumisectionWord, timeOf } from "../format.js";

export const SEVERITIES = ["low", "medium", "high"];
const LEVELS = ["OK", "WARNING", "BAD"];

/** States in which somebody has to do something, or does it. */
export const NEEDING = ["raised", "returned", "acknowledged"];

/** States in which nobody is called. */
const HIDDEN = ["shelved", "masked", "suppressed", "out_of_service"];

/** What is displayed, in words of a shifter. */
const STATES = {
  raised: "nobody has seen it",
  returned: "gone, and nobody has seen it",
  acknowledged: "somebody acts",
  returning: "good again, not long enough yet",
  raising: "about to be an alarm",
  shelved: "put aside",
  masked: "said already by another",
  suppressed: "off by design",
  out_of_service: "out of service",
  normal: "normal",
};

/** What may be done to an alarm: `needs` a role, `asks` for a reason or also for an end. */
export const ACTIONS = {
  acknowledge: { title: "Acknowledge", needs: "shifter", asks: "" },
  shelve: { title: "Shelve …", needs: "shifter", asks: "end" },
  unshelve: { title: "Unshelve", needs: "shifter", asks: "" },
  "out-of-service": { title: "Out of service …", needs: "expert", asks: "reason" },
  "in-service": { title: "In service", needs: "expert", asks: "" },
};

/** Whether an action would change anything about an alarm. */
export function applies(action, { life, shelf, out_of_service: out }) {
  if (action === "acknowledge") return life === "raised" || life === "returned";
  if (action === "unshelve") return Boolean(shelf);
  if (action === "shelve") return !shelf;
  return Boolean(out) === (action === "in-service");
}

/** Sections of the list, the most pressing first. */
export const SECTIONS = [
  { name: "calling", title: "Need someone", has: (row) => row.unacknowledged },
  { name: "acting", title: "Somebody acts", has: (row) => !isHidden(row) && ["acknowledged", "returning"].includes(row.state) },
  { name: "raising", title: "About to be alarms", has: (row) => !isHidden(row) },
  { name: "hidden", title: "Put aside", has: () => true },
];

export const isHidden = ({ state }) => HIDDEN.includes(state);

/** The section an alarm stands in. */
export const sectionOf = (row) => SECTIONS.find(({ has }) => has(row)).name;

/** The most urgent first; of equals the newest. */
export function byUrgency(a, b) {
  return SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)
    || LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level)
    || b.run - a.run || b.lumisection - a.lumisection || (a.alarm < b.alarm ? -1 : 1);
}

/** Rows in groups of one workspace and LS, the most urgent group first: `[{key, title, rows}]`. */
export function grouped(rows) {
  const groups = new Map();
  for (const row of [...rows].sort(byUrgency)) {
    const key = `${row.workspace}@${row.run}/${row.lumisection}`;
    if (!groups.has(key)) groups.set(key, { key, title: groupTitle(row), rows: [] });
    groups.get(key).rows.push(row);
  }
  return [...groups.values()];
}

function groupTitle({ workspace, run, lumisection }) {
  return [workspace || "processes and sources", run ? `run ${run}` : "", lumisection ? lumisectionWord(lumisection) : ""].filter(Boolean).join(" · ");
}

/** What an alarm is called: the test, and of what. */
export function titleOf({ alarm, kind, qtname, path, workspace, scope }) {
  if (kind === "quality") return [qtname, [path || workspace, SCOPES[scope] ?? scope].filter(Boolean).join(" · ")];
  const [, subject] = /^[a-z]+:(.*)$/.exec(alarm) ?? ["", alarm];
  return [`${KINDS[kind] ?? kind}: ${subject}`, workspace];
}

/** To the plot of an alarm, at the LS whose verdict it was last about. */
export function plotLink(router, { workspace, path, run, lumisection }) {
  const at = path && run && lumisection ? { run, window: `${lumisection}-${lumisection}` } : {};
  return router.link({ view: "", alarm: "", alarms: "", match: "", only: "", wall: "", workspace, path, ...at });
}

/** What the test judges, where it is not each LS. */
const SCOPES = { lumisection: "", run: "run so far", change: "since a change" };

const KINDS = {
  error: "Test that fails", process: "Silent process", lag: "Lagging service", source: "Missing source",
  stream: "No events", reports: "No reports", flood: "Flood", condition: "Service in trouble",
};

/** How it stands, in a line. `now` in nanoseconds since 1970. */
export function standing(row, now) {
  const words = [STATES[row.state] ?? row.state];
  if (row.state === "shelved" && row.shelf) {
    words.push(`until ${clockOf(row.shelf.until)} by ${row.shelf.who}: ${row.shelf.why}`);
  } else if (row.state === "out_of_service") words.push(row.out_of_service);
  else if (row.state === "suppressed") words.push(row.suppressed);
  else if (row.state === "masked") words.push(row.masked_by);
  words.push(`for ${age(Math.max(0, (now - row.since) / 1e9))}`);
  if (row.escalations) words.push(`escalated ${row.escalations}×`);
  if (row.stale) words.push("stale: nothing is heard of it");
  return words.join(" · ");
}

/** A moment as a shift logs it; the date only of other days. */
export function clockOf(stamp) {
  const isToday = new Date(stamp / 1e6).toDateString() === new Date().toDateString();
  return isToday ? timeOf(stamp) : clock(stamp);
}
