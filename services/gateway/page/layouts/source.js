/** Where contents of what is shown beside come from: another set of bookings here, or a candidate, whose gateway this one asks. */

import { ask, elements } from "../api.js";

const CANDIDATE = "candidate:";

/** What stands in an address for a candidate, where a set has its hash. */
export const candidateWord = (name) => `${CANDIDATE}${name}`;

/** The name of the candidate that a word stands for; empty for a set. */
export const candidateOf = (word) => (word?.startsWith(CANDIDATE) ? word.slice(CANDIDATE.length) : "");

/** What is beside, in words. */
export const sourceName = (word) => (candidateOf(word) ? `candidate ${candidateOf(word)}` : `set ${word}`);

/** The same in few words. */
export const sourceShort = (word) => (candidateOf(word) ? `candidate ${candidateOf(word)}` : `set ${word.slice(0, 8)}`);

const under = (word, run, what) => `deployments/${encodeURIComponent(candidateOf(word))}/runs/${run}/${what}`;

const asking = (what) => (word, run, query) => (
  candidateOf(word) ? ask(under(word, run, what), query) : ask(`runs/${run}/${what}`, { ...query, set: word })
);

export const askContents = asking("contents");
export const askReports = asking("reports");

/** All elements that it books in a run. */
export function askElements(word, run) {
  return candidateOf(word) ? elements(null, {}, under(word, run, "elements")) : elements(run, { set: word });
}
