/** Outcomes of quality tests: letter, shape and colour for each, so that no one needs colour. */

import { h, setAttributes, setText } from "./dom.js";

/** From the least to the most telling, as `dqmstream.quality.summary` ranks them. */
const RISING = [
  "DISABLED", "NOT_RUN", "INSUFFICIENT", "STALE", "INVALID", "ERROR", "GOOD", "WARNING", "BAD",
];

const RANK = new Map(RISING.map((outcome, rank) => [outcome, rank]));

/** Letter on the badge, colour on canvases, and what it means. */
export const OUTCOMES = {
  GOOD: { letter: "G", colour: "#2dbd8b", says: "good" },
  WARNING: { letter: "W", colour: "#f5b83d", says: "warning" },
  BAD: { letter: "B", colour: "#ff6b4a", says: "bad" },
  ERROR: { letter: "E", colour: "#d08bff", says: "the test failed itself" },
  INVALID: { letter: "I", colour: "#d08bff", says: "the test does not fit the element" },
  INSUFFICIENT: { letter: "?", colour: "#93a1b3", says: "too little data to judge" },
  STALE: { letter: "S", colour: "#93a1b3", says: "stale" },
  DISABLED: { letter: "×", colour: "#93a1b3", says: "switched off" },
  NOT_RUN: { letter: "·", colour: "#93a1b3", says: "not judged" },
};

/** Heights of bars over LSs, as parts of their room: what is worse stands higher, so that no one needs the colour. */
export const HEIGHTS = { BAD: 1, ERROR: 0.85, INVALID: 0.85, WARNING: 0.7, GOOD: 0.4 };

/** Outcomes a shifter must look at. */
export const PROBLEMS = ["BAD", "WARNING", "ERROR", "INVALID"];

/** Whether an outcome is one of them. */
export const isProblem = (outcome) => PROBLEMS.includes(outcome);

/** Place in the order of outcomes, problems last; for sorting. */
export const rank = (outcome) => RANK.get(outcome) ?? 1;

/** The worst judged outcome, or the most telling of the others. */
export function worst(outcomes) {
  return outcomes.reduce((a, b) => (rank(b) > rank(a) ? b : a), "NOT_RUN");
}

/** Two `[worst, judged, not judged]` together. */
export function together(a, b) {
  if (!a || !b) return a ?? b ?? null;
  return [worst([a[0], b[0]]), a[1] + b[1], a[2] + b[2]];
}

/** `[worst, judged, not judged]` of quality reports. */
export function summarise(reports) {
  const outcomes = reports.map((report) => report.outcome);
  const judged = outcomes.filter((outcome) => rank(outcome) >= rank("GOOD")).length;
  const off = outcomes.filter((outcome) => outcome === "DISABLED").length;
  return [worst(outcomes), judged, outcomes.length - judged - off];
}

/** `[worst, judged, not judged]` of each path of quality reports. */
export function verdictsByPath(reports) {
  const byPath = Map.groupBy ? Map.groupBy(reports, ({ path }) => path) : grouped(reports, "path");
  return new Map([...byPath].map(([path, found]) => [path, summarise(found)]));
}

function grouped(rows, name) {
  const groups = new Map();
  for (const row of rows) groups.set(row[name], [...(groups.get(row[name]) ?? []), row]);
  return groups;
}

/** A badge: shape, letter and colour. */
export function badge(outcome) {
  const element = h("span", { class: "badge" }, h("b"));
  setBadge(element, outcome);
  return element;
}

/** Change what a badge shows. */
export function setBadge(element, outcome) {
  if (element.dataset.outcome === outcome) return;
  const known = OUTCOMES[outcome] ?? OUTCOMES.NOT_RUN;
  setAttributes(element, {
    "data-outcome": outcome, role: "img", "aria-label": outcome, title: `${outcome}: ${known.says}`,
  });
  setText(element.firstElementChild, known.letter);
}
