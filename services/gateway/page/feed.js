// Where the page gets its numbers: the stream for what changes, HTTP for what does not.

import { Refused, ask } from "./api.js";
import { isStreamed, windowQuery } from "./state.js";

const BOARDS = ["runs", "run", "strip", "quality", "pulse"];
const REFETCH_OPEN = 5_000;
const PER_REQUEST = 40;

export class Feed {
  #listeners = new Map();
  #watched = new Map();
  #fetched = new Map();
  #timer = null;
  #asking = new Map();
  #storedRun = null;

  constructor(view, stream) {
    this.view = view;
    this.stream = stream;
    this.boards = Object.fromEntries(BOARDS.map((name) => [name, { header: {}, rows: {} }]));
  }

  on(kind, listener) {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
  }

  // The run that is looked at, or null while none is known.
  get run() {
    const run = this.view.get("run");
    return run === "current" ? this.boards.runs.header.current ?? null : Number(run);
  }

  get runIsLive() {
    const run = this.view.get("run");
    return run === "current" || run in this.boards.runs.rows;
  }

  // Whether what is on the plots is the newest there is, so that it can become stale.
  get following() {
    return this.runIsLive && isStreamed(this.view.get("window"));
  }

  start() {
    this.stream.watch("always", { boards: ["runs", "pulse"] });
    this.follow();
  }

  // The run or the window has changed: ask for the right things from the right place.
  follow() {
    const run = this.view.get("run");
    this.#fetched.clear();
    this.stream.watch("boards", {
      boards: ["run", "strip", "quality"],
      run: run === "current" || !this.runIsLive ? null : Number(run),
    });
    if (!this.runIsLive) this.#fetchStoredRun(Number(run));
    else this.#storedRun = null;
    for (const [id, paths] of this.#watched) this.watch(id, paths);
  }

  // Keep these plots up to date under a name; the paths replace those of before.
  watch(id, paths) {
    this.#watched.set(id, paths);
    if (this.following) {
      const run = this.view.get("run");
      const window = this.view.get("window");
      this.stream.watch(id, {
        paths,
        run: run === "current" ? null : Number(run),
        window: window.startsWith("last-") ? { last: Number(window.slice(5)) } : window,
      });
    } else {
      this.stream.drop(id);
      this.#fetchPlots(id);
    }
  }

  plot(path) {
    if (!this.following) return this.#fetched.get(path);
    return this.stream.state(`plot/${this.view.get("run")}/${this.view.get("window")}/${path}`) ?? this.#fetched.get(path);
  }

  takeChannel(name, state) {
    const [kind, first, second, ...path] = name.split("/");
    if (kind === "plot") {
      this.#tell("plot", path.join("/"));
      return;
    }
    if (["run", "strip", "quality"].includes(first) && this.#storedRun !== null) return;
    void second;
    this.boards[first] = state;
    if (first === "runs") this.#runsChanged();
    this.#tell(first);
  }

  // What the stream would not give: too large to watch, or too many.
  takeRefusals(id, refused) {
    const paths = Object.keys(refused);
    if (paths.length) this.#askFor(id, paths);
  }

  #runsChanged() {
    const run = this.view.get("run");
    if (run !== "current" && this.#storedRun === null && !this.runIsLive) this.follow();
  }

  #tell(kind, detail) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(detail);
  }

  async #fetchStoredRun(run) {
    if (this.#storedRun === run) return;
    this.#storedRun = run;
    try {
      const [one, strip] = await Promise.all([ask(`/runs/${run}`), ask(`/runs/${run}/lumisections`)]);
      if (this.#storedRun !== run) return;
      const rows = Object.fromEntries(strip.lumisections.map((row) => [row.lumisection, row]));
      this.boards.run = { header: one, rows: {} };
      this.boards.strip = { header: { run }, rows };
      this.boards.quality = storedQuality(run, one.workspaces, strip.lumisections);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.boards.run = { header: { run: null, problem: error.message }, rows: {} };
      this.boards.strip = { header: { run }, rows: {} };
      this.boards.quality = { header: { run }, rows: {} };
    }
    for (const board of ["run", "strip", "quality"]) this.#tell(board);
  }

  #fetchPlots(id) {
    const missing = (this.#watched.get(id) ?? []).filter((path) => !this.#fetched.has(path));
    if (missing.length) this.#askFor(id, missing);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refetchOpen(), REFETCH_OPEN);
  }

  #refetchOpen() {
    if (this.following) return;
    for (const [id, paths] of this.#watched) {
      const open = paths.filter((path) => this.#fetched.get(path)?.header.window?.closed === false);
      if (open.length) this.#askFor(id, open);
    }
    this.#timer = setTimeout(() => this.#refetchOpen(), REFETCH_OPEN);
  }

  async #askFor(id, paths) {
    this.#asking.get(id)?.abort();
    const asking = new AbortController();
    this.#asking.set(id, asking);
    const [run, window] = [this.view.get("run"), this.view.get("window")];
    for (let at = 0; at < paths.length; at += PER_REQUEST) {
      const part = paths.slice(at, at + PER_REQUEST);
      const found = await this.#contents(run, window, part, asking.signal);
      if (asking.signal.aborted || run !== this.view.get("run") || window !== this.view.get("window")) return;
      for (const [path, plot] of found) {
        this.#fetched.set(path, plot);
        this.#tell("plot", path);
      }
    }
  }

  async #contents(run, window, paths, signal) {
    try {
      const body = await ask(`/runs/${run}/contents`, { path: paths, ...windowQuery(window) }, { signal });
      return body.contents.map(({ arrays, ...header }) => [header.element.path, { header, arrays }]);
    } catch (error) {
      if (error.name === "AbortError") return [];
      return paths.map((path) => [path, { header: { window: {}, problem: error.message }, arrays: {} }]);
    }
  }
}

// A stored run has no board of verdicts: its last LS that was judged stands for them.
function storedQuality(run, workspaces, lumisections) {
  const rows = {};
  for (const workspace of workspaces) {
    const last = lumisections.findLast((row) => workspace in row.outcomes);
    const words = last?.outcomes[workspace];
    rows[workspace] = {
      workspace,
      description: "",
      filled: true,
      run: null,
      lumisection: words
        ? { lumisection: last.lumisection, complete: last.complete, worst: words[0], judged: words[1], not_judged: words[2], elements: {} }
        : null,
    };
  }
  return { header: { run }, rows };
}
