/** Questions over HTTP: what the stream does not carry. Answers have ETags; the browser keeps them. */

import { rangeOf } from "./router.js";
import { session } from "./session.js";

const ROOT = "api/v1";

/** An answer that says no: what came and what was expected, in its message. */
export class Refusal extends Error {
  constructor(status, problem, body = {}) {
    super(problem);
    this.status = status;
    /** The whole answer: some say more than why. */
    this.body = body;
  }
}

/** The JSON at a path under the API; where reading takes a token, as soon as there is one. */
export async function ask(path, query = {}) {
  return (await fetched(path, query)).json();
}

/** The bytes at a path under the API, as a Blob: links of the page carry no token. */
export async function blob(path, query = {}) {
  return (await fetched(path, query)).blob();
}

/** Ask for a file and have the browser save it, since links carry no token; its size in bytes. */
export async function save(path, query, name) {
  const found = await blob(path, query);
  saveAs(found, name);
  return found.size;
}

/** Have the browser save a Blob as a file. */
export function saveAs(found, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(found), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Change something: what is answered to `body`, sent as JSON in the name of who is logged in. */
export async function change(method, path, body, query = {}) {
  const headers = { ...session.headers, "content-type": "application/json" };
  const answer = await fetch(address(path, query), {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const checked = await refusedOr(answer, headers);
  return checked.status === 204 ? null : checked.json();
}

async function fetched(path, query) {
  await session.opened();
  const { headers } = session;
  return refusedOr(await fetch(address(path, query), { headers }), headers);
}

async function refusedOr(answer, headers) {
  if (answer.ok) return answer;
  if (answer.status === 401) session.refused(headers);
  const problem = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, problem.detail || `${answer.status} ${answer.statusText}`, problem);
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

/** All elements of a run that a pattern `{match}` or `{regex}` means; all without one. `path` is where they are listed. */
export async function elements(run, pattern = {}, path = "elements") {
  const found = [];
  let after = 0;
  while (after !== null) {
    const page = await ask(path, { ...pattern, run, after, limit: 2000 });
    found.push(...page.elements);
    after = page.after;
  }
  return found;
}
