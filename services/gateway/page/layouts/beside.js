/** What can be shown beside a run: its other sets of bookings, and candidates; which there are, their contents and outcomes. */

import { Refusal, ask, runWord, windowQuery } from "../api.js";
import { candidates } from "../deployments/running.js";
import { settled, spaced } from "../dom.js";
import { verdictsByPath } from "../outcomes.js";
import { cellsOf } from "../stream.js";
import { Judged, meetingAt } from "./judged.js";
import { askContents, askElements, askReports, candidateOf, sourceName } from "./source.js";

const BATCH = 24;
const KEEP = 400;
/** Milliseconds between two readings while the run goes on. */
const AGAIN = 3_000;
/** Milliseconds until a candidate that was away is asked again. */
const PATIENCE = 8_000;

/** Events: `sets`, when it is known what can be shown; `plot`, when contents have come. A set is named by its hash, a candidate as `candidate:NAME`. */
export class Beside extends EventTarget {
  constructor(model, router) {
    super();
    this._model = model;
    this._router = router;
    /** Rows `{set, workspaces}` of the run; null before they are known. */
    this.sets = null;
    this._away = new Map();
    this._restUntil = 0;
    this._later = 0;
    candidates.addEventListener("change", () => this.dispatchEvent(new Event("sets")));
    this._wanted = new Map();
    this._plots = new Map();
    this._booked = new Map();
    this._listing = new Map();
    this._outcomes = new Map();
    this._compared = new Judged();
    this._asked = new Set();
    this._judgedNow = new Set();
    this._key = "";
    this._bookedOf = null;
    this._run = "";
    this._settle = settled(() => this._fetch(), 80);
    this._again = spaced(() => this._anew(), AGAIN);
    model.addEventListener("change", ({ detail: { what } }) => {
      if (["strip", "quality"].includes(what) && this._wanted.size) this._again();
      if (what === "run" && this._isShown) this._list();
    });
  }

  /** Follow the address while layouts are shown. */
  show(shown) {
    this._isShown = shown;
    if (!shown) {
      this._wanted.clear();
      clearTimeout(this._later);
    } else {
      this._list();
      this._settle();
    }
  }

  /** Names of the candidates that run beside; none before they are known. */
  get candidates() {
    return candidates.names;
  }

  /** Why a candidate cannot be shown now; empty if it can, or nobody knows. */
  away(set) {
    return this._away.get(set) ?? "";
  }

  /** Contents of an element in a set; null before they came. */
  plot(set, path) {
    return this._plots.get(`${set} ${path}`) ?? null;
  }

  /** Whether it is known what a set books, and whether an element is of it. */
  isKnown(set) {
    return this._booked.has(set);
  }

  books(set, path) {
    return this._booked.get(set)?.has(path) ?? false;
  }

  /** `[worst, judged, not judged]` of an element in a set; null if it was not judged. */
  verdict(set, path) {
    return this._outcomes.get(set)?.get(path) ?? null;
  }

  /** How an element was judged in a set (null: in the one that is shown) and in another, in the same LSs: see `Judged`. */
  both(ours, theirs, path) {
    return this._compared.both(ours ?? "", theirs, path);
  }

  /** These paths of sets `{set: paths}` are on screen, instead of those before. */
  want(paths) {
    this._wanted = new Map(Object.entries(paths));
    this._settle();
  }

  async _list() {
    const run = `${this._router.route.run} ${this._model.run?.run}`;
    if (run === this._run || !this._model.run) return;
    this._run = run;
    try {
      const { sets } = await ask(`runs/${runWord(this._router.route.run)}/sets`);
      if (run === this._run) this.sets = sets;
    } catch (error) {
      if (run !== this._run) return;
      // Of a run that nobody knows, or while the gateway is away: asked for again with its next news.
      this._run = "";
      if (error instanceof Refusal) this.sets = [];
    }
    this.dispatchEvent(new Event("sets"));
  }

  /** Ask again; what is known stays until the answer is there. */
  _anew() {
    this._asked.clear();
    this._judgedNow.clear();
    this._run = "";
    this._list();
    this._settle();
  }

  async _fetch() {
    const { run, window: word, at } = this._router.route;
    const key = JSON.stringify([runWord(run), this._model.run?.run, word, at, this._model.chosen]);
    if (key !== this._key) {
      this._key = key;
      this._asked.clear();
      this._judgedNow.clear();
      this._outcomes.clear();
      this._compared.clear();
    }
    const of = `${runWord(run)} ${this._model.run?.run}`;
    if (of !== this._bookedOf) {
      this._bookedOf = of;
      this._booked.clear();
      this._plots.clear();
    }
    for (const [set, paths] of this._wanted) {
      if (!paths.length) continue;
      if (!this._rests(set)) await this._judged(key, set);
      if (key !== this._key) return;
      if (this._rests(set)) {
        for (const path of paths) if (!this._asked.has(`${set} ${path}`)) this._fail(set, path, this.away(set));
        continue;
      }
      const booked = await this._elementsOf(set);
      // Another is asking for what is shown now: what this one would ask for was left.
      if (key !== this._key) return;
      if (this._rests(set)) for (const path of paths) this._fail(set, path, this.away(set));
      const lacking = paths.filter((path) => !this._asked.has(`${set} ${path}`));
      for (const path of lacking.filter((each) => booked && !booked.has(each))) this._fail(set, path, `${sourceName(set)} has not booked it in this run`);
      const there = lacking.filter((path) => booked?.has(path));
      for (let from = 0; from < there.length && key === this._key; from += BATCH) await this._contents(key, set, there.slice(from, from + BATCH), booked);
      if (key !== this._key) return;
    }
  }

  async _contents(key, set, path, booked) {
    const { run, window: word, at } = this._router.route;
    for (const each of path) this._asked.add(`${set} ${each}`);
    try {
      const { contents } = await askContents(set, runWord(run), { path, ...windowQuery(word), as_of: at });
      if (key !== this._key) return;
      this._back(set);
      for (const { arrays, ...header } of contents) this._put(set, header.element.path, { header, arrays: cellsOf(arrays) });
    } catch (error) {
      if (key !== this._key) return;
      for (const each of path) {
        if (error instanceof Refusal) this._fail(set, each, this._gone(set, error), booked?.get(each));
        else this._asked.delete(`${set} ${each}`);
      }
    }
  }

  /** What a set books; who wants it while it is being asked for waits for the same answer. */
  async _elementsOf(set) {
    const asked = `${this._bookedOf} ${set}`;
    if (!this._booked.has(set)) {
      if (!this._listing.has(asked)) this._listing.set(asked, this._listElements(set).finally(() => this._listing.delete(asked)));
      await this._listing.get(asked);
    }
    return this._booked.get(set);
  }

  async _listElements(set) {
    const of = this._bookedOf;
    try {
      const found = await askElements(set, this._model.run?.run ?? this._router.route.run ?? "current");
      if (of !== this._bookedOf) return;
      this._back(set);
      this._booked.set(set, new Map(found.map((element) => [element.path, element])));
    } catch (error) {
      if (of !== this._bookedOf || !(error instanceof Refusal)) return;
      // A candidate may come back, or just not know the run yet.
      if (candidateOf(set)) this._gone(set, error);
      else this._booked.set(set, new Map());
    }
    this.dispatchEvent(new Event("sets"));
  }

  async _judged(key, set) {
    if (this._judgedNow.has(set)) return;
    this._judgedNow.add(set);
    const chosen = this._model.chosen;
    const query = { limit: 5000, made_by: this._model.moment, ...(chosen === null ? {} : { lumisections: chosen || 1, scope: "lumisection" }) };
    try {
      const answer = await askReports(set, runWord(this._router.route.run), query);
      if (key !== this._key) return;
      this._outcomes.set(set, verdictsByPath(answer.reports));
      this._compared.put(set, answer);
      // Contents do not wait for it.
      this._meet(key, set, answer.reports, query);
    } catch (error) {
      if (key !== this._key) return;
      // What is not known is not claimed: there is no badge, or that of before.
      this._judgedNow.delete(set);
      if (error instanceof Refusal) this._gone(set, error);
    }
    this.dispatchEvent(new Event("sets"));
  }

  /** Ask both for the same LS: each goes on at its own pace. */
  async _meet(key, set, reports, query) {
    const run = runWord(this._router.route.run);
    const at = this._model.chosen ?? meetingAt(reports, this._model.lumisections);
    if (!at) return;
    const there = { ...query, lumisections: at };
    const isHere = reports.some(({ lumisection, closed }) => lumisection === at && closed !== false);
    const isLacking = !isHere && this._model.chosen === null;
    try {
      const [ours, theirs] = await Promise.all([ask(`runs/${run}/reports`, there), isLacking ? askReports(set, run, there) : null]);
      if (key !== this._key) return;
      this._compared.put("", ours);
      if (theirs) this._compared.put(set, theirs);
    } catch {
      // What was compared last stays: nothing new is claimed, and what is away is said by its contents.
      return;
    }
    this.dispatchEvent(new Event("sets"));
  }

  /** A candidate refuses: asked again in a while. Why, in words. */
  _gone(set, { message }) {
    if (candidateOf(set)) {
      const isNews = this.away(set) !== message;
      this._away.set(set, message);
      this._restUntil = performance.now() + PATIENCE;
      clearTimeout(this._later);
      this._later = setTimeout(() => this._isShown && this._wanted.size && this._anew(), PATIENCE + 100);
      if (isNews) this.dispatchEvent(new Event("sets"));
    }
    return message;
  }

  /** Whether a candidate refused just now: it is not asked for a while. */
  _rests(set) {
    return this._away.has(set) && performance.now() < this._restUntil;
  }

  _back(set) {
    if (this._away.delete(set)) this.dispatchEvent(new Event("sets"));
  }

  _fail(set, path, problem, element = null) {
    this._asked.add(`${set} ${path}`);
    this._put(set, path, { header: { element, window: {}, totals: null, problem, away: Boolean(this.away(set)) }, arrays: {} });
  }

  _put(set, path, plot) {
    const key = `${set} ${path}`;
    this._plots.delete(key);
    this._plots.set(key, plot);
    if (this._plots.size > KEEP) this._plots.delete(this._plots.keys().next().value);
    this.dispatchEvent(new CustomEvent("plot", { detail: { path } }));
  }
}
