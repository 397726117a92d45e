/** Questions over HTTP: what the stream does not carry. Answers have ETags; the browser keeps them. */

import { rangeOf } from "./router.js";

const ROOT = "api/v1";

/** An answer that says no: what came and what was expected, in its message. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem);
    this.status = status;
  }
}

/** The JSON at a path under the API. */
export async function ask(path, query = {}) {
  const answer = await fetch(address(path, query));
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, problem.detail || `${answer.status} ${answer.statusText}`);
}

/** The address of a path under the API; arrays are repeated, empty values left out. */
export function address(path, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== "" && each !== null) words.append(name, each);
  }
  const text = words.toString();
  return `${ROOT}/${path}${text ? `?${text}` : ""}`;
}

/** A window's word as query parameters. */
export function windowQuery(word) {
  if (rangeOf(word)) return { lumisections: word };
  if (word.startsWith("last-")) return { last: word.slice(5) };
  return { window: word };
}

/** The run of a view in an address. */
export const runWord = (run) => (run === null ? "current" : String(run));

/** All elements of a run that a pattern `{match}` or `{regex}` means; all without one. */
export async function elements(run, pattern = {}) {
  const found = [];
  let after = 0;
  while (after !== null) {
    const page = await ask("elements", { ...pattern, run, after, limit: 2000 });
    found.push(...page.elements);
    after = page.after;
  }
  return found;
}
