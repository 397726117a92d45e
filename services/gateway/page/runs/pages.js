/** Pages of the list of runs, as the gateway filters them: each run with what it comes to. */

import { ask } from "../api.js";

const PAGE = 50;
/** Milliseconds between two looks at what live runs come to. */
const AGAIN = 3000;
/** Pages that are asked for by themselves, one after the other, until there is a full one. */
const BY_ITSELF = 10;

/** Events: `change`. */
export class RunPages extends EventTarget {
  constructor() {
    super();
    this.rows = [];
    this.problem = "";
    this.busy = false;
    this._after = null;
    this._query = "";
    this._asking = 0;
    this._alone = 0;
    this._looked = 0;
    this._waiting = 0;
  }

  /** Whether there are older runs to ask for. */
  get more() {
    return this._after !== null;
  }

  /** List what `query` means, from the newest on; nothing happens if it is what is listed. */
  list(query) {
    const key = JSON.stringify(query);
    if (key === this._query) return;
    this._query = key;
    this.rows = [];
    this._after = null;
    this._alone = 0;
    this._fetch(null);
  }

  /** The next page. */
  older() {
    if (!this.busy && this.more) this._fetch(this._after);
  }

  /** Live runs have changed: the newest page is asked for again, soon. */
  renew() {
    if (!this._query || this._waiting) return;
    const wait = Math.max(0, AGAIN - (performance.now() - this._looked));
    this._waiting = setTimeout(() => {
      this._waiting = 0;
      if (!this.busy && !document.hidden) this._fetch(null);
    }, wait);
  }

  async _fetch(after) {
    const query = this._query;
    const asking = (this._asking += 1);
    this.busy = true;
    this._looked = performance.now();
    try {
      const found = await ask("runs", { summary: true, limit: PAGE, ...JSON.parse(query), after });
      if (asking !== this._asking) return;
      this._put(after, found);
      this.problem = "";
    } catch (error) {
      if (asking !== this._asking) return;
      this.problem = error.message;
    }
    this.busy = false;
    this.dispatchEvent(new Event("change"));
    // A page may be short where few runs are meant: the gateway looks at so many, and says where to go on.
    if (!this.problem && this.rows.length < PAGE && (this._alone += 1) <= BY_ITSELF) this.older();
  }

  /** Rows of a page take the place of those that were in its span. */
  _put(after, { runs, after: next }) {
    const kept = this.rows.filter(({ run }) => (after !== null && run >= after) || (next !== null && run < next));
    const isLast = !this.rows.some(({ run }) => next !== null && run < next);
    this.rows = [...kept, ...runs].sort((a, b) => b.run - a.run);
    if (isLast) this._after = next;
  }
}
