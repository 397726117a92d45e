/** What the page knows: runs, the run that is shown, its LSs, outcomes and elements. */

import { Refusal, ask, elements, runWord } from "./api.js";
import { settled } from "./dom.js";
import { freshness } from "./freshness.js";
import { summarise, together, verdictsByPath } from "./outcomes.js";
import { rangeOf } from "./router.js";
import { asOf, momentOf } from "./travel/moment.js";

const EMPTY = { header: {}, rows: {} };
/** Milliseconds until something is asked for again of which no answer came. */
const AGAIN = 3_000;

/** Events: `change` {what}, one of runs, run, strip, quality, elements, pulse, problem. */
export class Model extends EventTarget {
  constructor(stream, router) {
    super();
    this.stream = stream;
    this.router = router;
    this.boards = { runs: EMPTY, run: EMPTY, strip: EMPTY, quality: EMPTY };
    this.stored = [];
    this.elements = [];
    this.problem = "";
    this.limits = null;
    this._pulse = null;
    this._watching = "";
    this._chosen = null;
    this._moment = null;
    this._reports = null;
    this._booked = "";
    this._listElements = settled(() => this._fetchElements(), 80);
    this._listStored = settled(() => this._fetchStored(), 400);
    this._readVerdicts = settled(() => this._fetchVerdicts(), 60);
    stream.addEventListener("state", ({ detail }) => this._take(detail.channel));
    stream.addEventListener("link", () => this._tell("pulse"));
    stream.addEventListener("hello", ({ detail }) => {
      this.limits = detail.limits;
    });
    stream.subscribe("runs", { boards: ["runs", "pulse"] });
    this.follow();
  }

  /** Row of the run that is shown; null before there is one. */
  get run() {
    return this.boards.run.header.run ?? null;
  }

  /** Whether the run that is shown is in the gateway's memory, so that it comes by the stream. */
  get live() {
    const { run } = this.router.route;
    return run === null || String(run) in this.boards.runs.rows;
  }

  /** All runs, newest first. */
  get runs() {
    const live = Object.values(this.boards.runs.rows);
    const known = new Set(live.map(({ run }) => run));
    return [...live, ...this.stored.filter(({ run }) => !known.has(run))].sort((a, b) => b.run - a.run);
  }

  get pulse() {
    return this._pulse;
  }

  /** Nanoseconds since 1970 of the moment whose knowledge is shown; null for now. */
  get moment() {
    return momentOf(this.router.route.at);
  }

  /** LSs of the run, rising; of the past those that had begun, with the outcomes found by then. */
  get lumisections() {
    const { moment } = this;
    return moment === null ? this.lumisectionsNow : this.lumisectionsNow.flatMap((row) => asOf(row, moment));
  }

  /** The same as they are known now, whatever moment is shown. */
  get lumisectionsNow() {
    return Object.values(this.boards.strip.rows)
      .filter(({ lumisection }) => lumisection)
      .sort((a, b) => a.lumisection - b.lumisection);
  }

  /** What was imported of the whole run, which no LS resolves: it is kept under 0; null if nothing was. */
  get wholeRun() {
    return this.boards.strip.rows[0] ?? null;
  }

  get freshness() {
    const now = performance.now();
    return freshness({ link: this.stream.link, pulse: this._pulse, run: this.run, now });
  }

  /** The one LS that was chosen; null if the newest are shown. */
  get chosen() {
    const range = rangeOf(this.router.route.window);
    return range && range[0] === range[1] ? range[0] : null;
  }

  /** The one LS whose outcomes are shown: that was chosen, or in the past the newest that was judged then. */
  get judged() {
    return this._chosen || null;
  }

  /** `[worst, judged, not judged]` of an element: of the chosen LS, or of the newest and the run. */
  verdict(workspace, path) {
    if (this._reports) return this._reports.get(path) ?? null;
    const row = this.boards.quality.rows[workspace];
    return together(row?.lumisection?.elements[path], row?.run?.elements[path]);
  }

  /** `[worst, judged, not judged]` of a workspace, as `verdict` of an element. */
  standing(workspace) {
    if (this._reports) {
      const row = this.boards.strip.rows[this._chosen];
      const [known] = !row || this.moment === null ? [row] : asOf(row, this.moment);
      return known?.outcomes[workspace] ?? null;
    }
    return this.newest(workspace);
  }

  /** `[worst, judged, not judged]` of a workspace in its newest LS and the run, whatever is chosen. */
  newest(workspace) {
    if (this.moment !== null) return this.lumisections.findLast(({ outcomes }) => outcomes[workspace])?.outcomes[workspace] ?? null;
    const { lumisection, run } = this.boards.quality.rows[workspace] ?? {};
    const words = (newest) => newest && [newest.worst, newest.judged, newest.not_judged];
    return together(words(lumisection), words(run));
  }

  /** Paths of a workspace with this or that outcome. */
  pathsWith(workspace, test) {
    return this.elements
      .filter((element) => element.workspace === workspace)
      .filter(({ path }) => test(this.verdict(workspace, path)?.[0]))
      .map(({ path }) => path);
  }

  /** Follow the address: another run, another chosen LS. */
  follow() {
    const { run } = this.router.route;
    const known = Boolean(this.stream.state("board/runs/current"));
    const mode = `${runWord(run)} ${this.live ? "live" : known ? "stored" : "unknown"}`;
    if (mode !== this._watching) {
      const other = this._watching.split(" ")[0] !== runWord(run);
      this._watching = mode;
      this._chosen = undefined;
      if (other) {
        Object.assign(this.boards, { run: EMPTY, strip: EMPTY, quality: EMPTY });
        this.elements = [];
        this._booked = "";
      }
      if (this.live) this.stream.subscribe("run", { boards: ["run", "strip", "quality"], run });
      else {
        this.stream.unsubscribe("run");
        if (known) this._fetchRun(run);
      }
      for (const what of ["run", "strip", "quality", "elements"]) this._tell(what);
    }
    this._choose();
  }

  _choose() {
    const { moment } = this;
    const judged = moment === null ? null : this.lumisections.findLast(({ outcomes }) => Object.keys(outcomes).length);
    const chosen = this.chosen ?? (moment === null ? null : judged?.lumisection ?? 0);
    if (chosen === this._chosen && moment === this._moment) return;
    const travelled = moment !== this._moment;
    this._moment = moment;
    this._chosen = chosen;
    if (travelled) this._tell("strip");
    this._reports = chosen === null ? null : new Map();
    if (chosen !== null) this._readVerdicts();
    this._tell("quality");
  }

  _tell(what) {
    this.dispatchEvent(new CustomEvent("change", { detail: { what } }));
  }

  _take(channel) {
    const [kind, board] = channel.split("/", 2);
    if (kind !== "board") return;
    const state = this.stream.state(channel);
    if (board === "pulse") {
      this._pulse = { ...state, at: performance.now() };
      this._tell("pulse");
      return;
    }
    if (board !== "runs" && !this.live) return;
    this.boards[board] = state;
    if (board === "runs") {
      this._listStored();
      this.follow();
    }
    if (board === "quality") this._checkBooked();
    if (board === "strip" && this._chosen !== null) {
      if (this.moment !== null) this._choose();
      this._readVerdicts();
    }
    this._tell(board);
  }

  /** Elements are listed anew when the run or what it books is another. */
  _checkBooked() {
    const { header, rows } = this.boards.quality;
    const booked = JSON.stringify([header.run, Object.values(rows).map((w) => [w.workspace, w.elements, w.filled])]);
    if (booked === this._booked) return;
    this._booked = booked;
    this._listElements();
  }

  /** `again`, if it is there, asks once more where no answer came: what does not change is asked for by no news. */
  async _guarded(body, again = null) {
    const mode = this._watching;
    const isCurrent = () => mode === this._watching;
    try {
      await body(isCurrent);
      if (this.problem) this._say("");
    } catch (error) {
      // No answer at all: the head of the page says so, and what failed is asked again later.
      if (error instanceof Refusal) {
        if (isCurrent()) this._say(error.message);
        return;
      }
      this._booked = "";
      if (again) setTimeout(() => isCurrent() && again(), AGAIN);
    }
  }

  _say(problem) {
    this.problem = problem;
    this._tell("problem");
  }

  _fetchElements() {
    return this._guarded(async (current) => {
      const found = await elements(this.live ? this.run?.run ?? null : this.router.route.run);
      if (!current()) return;
      this.elements = found;
      this._tell("elements");
    });
  }

  _fetchStored() {
    return this._guarded(async () => {
      this.stored = (await ask("runs", { limit: 200 })).runs;
      this._tell("runs");
    });
  }

  /** A run that only the store has: asked for once, as it does not change. */
  _fetchRun(run) {
    return this._guarded(async (current) => {
      const [about, strip, quality, found] = await Promise.all([
        ask(`runs/${run}`), ask(`runs/${run}/lumisections`), ask("workspaces", { run }), elements(run),
      ]);
      const { reports } = await ask(`runs/${run}/reports`, { limit: 5000 });
      if (!current()) return;
      const rows = Object.fromEntries(strip.lumisections.map((row) => [row.lumisection, row]));
      const shown = quality.workspaces.filter(({ workspace }) => about.workspaces.includes(workspace));
      Object.assign(this.boards, {
        run: { header: about, rows: {} },
        strip: { header: { run }, rows },
        quality: { header: { run }, rows: judgedRows(shown, reports) },
      });
      this.elements = found;
      for (const what of ["run", "strip", "quality", "elements"]) this._tell(what);
    }, () => this._fetchRun(run));
  }

  /** Outcomes of the elements in the LS that was chosen. */
  _fetchVerdicts() {
    const chosen = this._chosen;
    if (chosen === null) return undefined;
    return this._guarded(async (current) => {
      const query = { lumisections: chosen || 1, scope: "lumisection", limit: 5000, made_by: this._moment };
      const { reports } = await ask(`runs/${runWord(this.router.route.run)}/reports`, query);
      if (!current() || chosen !== this._chosen) return;
      this._reports = verdictsByPath(reports);
      this._tell("quality");
    }, () => this._readVerdicts());
  }
}

/** Rows of the quality board, made from the reports of the newest LS of a stored run. */
function judgedRows(workspaces, reports) {
  const rows = {};
  for (const row of workspaces) {
    const mine = reports.filter(({ workspace }) => workspace === row.workspace);
    const newest = (scope) => {
      const found = mine.filter((report) => report.scope === scope);
      if (!found.length) return null;
      const [worst, judged, notJudged] = summarise(found);
      const counts = {};
      for (const { outcome } of found) counts[outcome] = (counts[outcome] ?? 0) + 1;
      const elementsOf = Object.fromEntries(verdictsByPath(found));
      return {
        lumisection: found[0].lumisection, worst, judged, not_judged: notJudged, counts, elements: elementsOf,
      };
    };
    rows[row.workspace] = { ...row, filled: true, lumisection: newest("lumisection"), run: newest("run") };
  }
  return rows;
}
