/** Where contents of what is shown beside come from: another set of bookings here, or a candidate, whose gateway this one asks. */

import { ask, elements } from "../api.js";

const CANDIDATE = "candidate:";
const PAGE = 2000;

/** What stands in an address for a candidate, where a set has its hash. */
export const candidateWord = (name) => `${CANDIDATE}${name}`;

/** The name of the candidate that a word stands for; empty for a set. */
export const candidateOf = (word) => (word?.startsWith(CANDIDATE) ? word.slice(CANDIDATE.length) : "");

/** What is beside, in words. */
export const sourceName = (word) => (candidateOf(word) ? `candidate ${candidateOf(word)}` : `set ${word}`);

/** The same in few words. */
export const sourceShort = (word) => (candidateOf(word) ? `candidate ${candidateOf(word)}` : `set ${word.slice(0, 8)}`);

const under = (word, run, what) => `deployments/${encodeURIComponent(candidateOf(word))}/runs/${run}/${what}`;

export function askContents(word, run, query) {
  return candidateOf(word) ? ask(under(word, run, "contents"), query) : ask(`runs/${run}/contents`, { ...query, set: word });
}

export function askReports(word, run, query) {
  return candidateOf(word) ? ask(under(word, run, "reports"), query) : ask(`runs/${run}/reports`, { ...query, set: word });
}

/** All elements that it books in a run. */
export async function askElements(word, run) {
  if (!candidateOf(word)) return elements(run, { set: word });
  const found = [];
  let after = 0;
  while (after !== null) {
    const page = await ask(under(word, run, "elements"), { after, limit: PAGE });
    found.push(...page.elements);
    after = page.after;
  }
  return found;
}
