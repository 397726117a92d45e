/** How two sources judged the same LSs: while each is at another place of the run only that can be compared. No page here. */

import { worst } from "../outcomes.js";

/** LSs that are kept of each workspace and scope. */
const KEEP = 4;

/**
 * Quality reports of sources by workspace and scope, by LS and by path. Those of one workspace and scope come
 * at once: who has some of an LS, and none of an element, has no test of it. What was judged of an open LS is
 * left out: of its events one source has seen more than the other.
 */
export class Judged {
  constructor() {
    this._sources = new Map();
  }

  /** Reports as a source has them now; `truncated` if there are more of the same LSs. */
  put(source, { reports, truncated }) {
    if (!this._sources.has(source)) this._sources.set(source, new Map());
    const parts = this._sources.get(source);
    const found = new Map();
    for (const { lumisection, closed, workspace, scope, path, outcome } of reports) {
      if (closed === false) continue;
      const part = `${workspace} ${scope}`;
      const key = `${lumisection} ${part}`;
      if (!found.has(key)) found.set(key, { part, lumisection, isWhole: !truncated, byPath: new Map() });
      const { byPath } = found.get(key);
      byPath.set(path, worst([outcome, ...(byPath.has(path) ? [byPath.get(path)] : [])]));
    }
    for (const { part, lumisection, ...judged } of found.values()) {
      const held = new Map([...(parts.get(part) ?? []), [lumisection, judged]]);
      parts.set(part, new Map([...held].sort(([a], [b]) => b - a).slice(0, KEEP)));
    }
  }

  /**
   * What two sources say of an element, each scope in the newest LS in which both have judged it: `{lumisection,
   * outcomes}`, an outcome null where there is no test. Null as a whole while there is no such LS.
   */
  both(ours, theirs, path) {
    const [mine, others] = [ours, theirs].map((source) => this._sources.get(source) ?? new Map());
    const found = [];
    for (const [part, byLumisection] of mine) {
      const beside = others.get(part);
      // The newest is first.
      const lumisection = [...byLumisection.keys()].find((each) => beside?.has(each));
      if (lumisection === undefined) continue;
      const both = [byLumisection, beside].map((each) => each.get(lumisection));
      const outcomes = both.map(({ byPath }) => byPath.get(path) ?? null);
      const isKnown = both.every(({ isWhole }, i) => isWhole || outcomes[i]);
      if (isKnown && outcomes.some(Boolean)) found.push({ lumisection, outcomes });
    }
    if (!found.length) return null;
    const all = (at) => found.map(({ outcomes }) => outcomes[at]).filter(Boolean);
    return {
      lumisection: Math.max(...found.map((each) => each.lumisection)),
      outcomes: [all(0), all(1)].map((outcomes) => (outcomes.length ? worst(outcomes) : null)),
    };
  }

  /** Of another run, or of another window. */
  clear() {
    this._sources.clear();
  }
}

/**
 * The LS in which both can be compared: the newest that is judged and closed in both.
 *
 * @param reports the newest of the other source
 * @param rows of the strip, those of ours
 * @returns 0 if there is none
 */
export function meetingAt(reports, rows) {
  const theirs = Math.max(0, ...reports.map(({ lumisection, closed }) => (closed === false ? lumisection - 1 : lumisection)));
  const ours = rows.findLast(({ lumisection, closed, outcomes }) => lumisection <= theirs && closed && Object.keys(outcomes).length);
  return ours?.lumisection ?? 0;
}
