/** What a list of runs tells of each: accounting, outcomes and luminosity, asked for once while a run does not change. */

import { ask } from "../api.js";
import { isProblem, rank, worst } from "../outcomes.js";

const AT_ONCE = 3;

/** Events: `change` {run}. */
export class KnownRuns extends EventTarget {
  constructor() {
    super();
    this._known = new Map();
    this._waiting = new Map();
    this._asking = 0;
  }

  /** `{accounting, rows, outcomes, worst, delivered, recorded, fill}` of a run; null while it is not known. */
  of({ run, newest }) {
    const held = this._known.get(run);
    if (held?.newest !== newest) this._want(run, newest);
    return held?.about ?? null;
  }

  _want(run, newest) {
    this._waiting.set(run, newest);
    this._next();
  }

  _next() {
    while (this._asking < AT_ONCE && this._waiting.size) {
      const [run, newest] = this._waiting.entries().next().value;
      this._waiting.delete(run);
      const held = this._known.get(run);
      this._known.set(run, { newest, about: held?.about ?? null });
      this._asking += 1;
      this._fetch(run).finally(() => {
        this._asking -= 1;
        this._next();
      });
    }
  }

  async _fetch(run) {
    try {
      const [found, strip] = await Promise.all([ask(`runs/${run}`), ask(`runs/${run}/lumisections`)]);
      const held = this._known.get(run);
      if (held) held.about = aboutRun(found, strip.lumisections);
    } catch {
      // Gone meanwhile, or no connection: it is asked for again when it is drawn again.
      this._known.delete(run);
      return;
    }
    this.dispatchEvent(new CustomEvent("change", { detail: { run } }));
  }
}

/** What a run comes to; `rows` are its LSs. */
function aboutRun({ accounting, conditions, workspaces, run }, rows) {
  const names = [...new Set([...workspaces, ...rows.flatMap((row) => Object.keys(row.outcomes))])].sort();
  const outcomes = Object.fromEntries(names.map((name) => [name, ofWorkspace(rows, name)]));
  return {
    run, accounting, rows, outcomes,
    worst: worst(Object.values(outcomes).map((each) => each.worst)),
    fill: conditions?.fill ?? null,
    delivered: total(rows, "delivered"),
    recorded: total(rows, "recorded"),
  };
}

function ofWorkspace(rows, name) {
  const found = rows.map((row) => row.outcomes[name]).filter(Boolean);
  const judged = found.filter(([outcome]) => rank(outcome) >= rank("GOOD"));
  return {
    worst: worst(found.map(([outcome]) => outcome)),
    judged: judged.length,
    problems: found.filter(([outcome]) => isProblem(outcome)).length,
    fraction: judged.length ? judged.filter(([outcome]) => outcome === "GOOD").length / judged.length : null,
  };
}

function total(rows, name) {
  const found = rows.map((row) => row.conditions?.[name]).filter((value) => value !== null && value !== undefined);
  return found.length ? found.reduce((sum, value) => sum + value, 0) : null;
}
