/**
 * Contents of the plots that are on screen: by the stream where they can be watched, over HTTP for
 * ranges of LSs, for stored runs and for elements that are too large to be watched.
 */

import { Refusal, ask, runWord, windowQuery } from "./api.js";
import { settled, spaced } from "./dom.js";
import { rangeOf } from "./router.js";
import { cellsOf } from "./stream.js";

const BATCH = 24;
const KEEP = 400;
/** Milliseconds between two readings of what is still filled and does not come by the stream. */
const AGAIN = 3_000;

/** Events: `plot` {path}. A plot is `{header, arrays}` as `services/gateway/drawing.py` makes it. */
export class Feed extends EventTarget {
  constructor(stream, model, router) {
    super();
    this._stream = stream;
    this._model = model;
    this._router = router;
    this._wanted = new Map();
    this._plots = new Map();
    this._asked = new Set();
    this._tooLarge = new Set();
    this._key = "";
    this._version = "";
    this._settle = settled(() => this._apply(), 60);
    this._again = spaced(() => this._refetch(), AGAIN);
    stream.addEventListener("state", ({ detail }) => this._take(detail.channel));
    stream.addEventListener("link", ({ detail }) => detail.state === "live" && this._refetch());
    stream.addEventListener("refused", ({ detail }) => this._refused(detail));
    model.addEventListener("change", ({ detail }) => this._onChange(detail.what));
  }

  /** The newest contents of an element; null before any has come. */
  plot(path) {
    return this._plots.get(path) ?? null;
  }

  /** Whether the contents at hand are of the run and window that are asked for now. */
  isCurrent(path) {
    return this._plots.get(path)?.key === this._key;
  }

  /** `who` wants to see these paths, instead of those it wanted before. */
  want(who, paths) {
    this._wanted.set(who, new Set(paths));
    this._settle();
  }

  /** Follow the address: another run or window. */
  follow() {
    this._settle();
  }

  get _paths() {
    return [...new Set([...this._wanted.values()].flatMap((paths) => [...paths]))];
  }

  get _streamed() {
    return this._model.live && this._model.moment === null && !rangeOf(this._router.route.window);
  }

  _apply() {
    const { run, window: word } = this._router.route;
    const { moment } = this._model;
    const key = `${runWord(run)} ${word} ${this._model.live}${moment === null ? "" : ` as of ${moment}`}`;
    if (key !== this._key) {
      this._key = key;
      this._asked.clear();
      this._tooLarge.clear();
      this._version = this._covered();
    }
    const paths = this._paths;
    if (this._streamed) {
      const watched = paths.filter((path) => !this._tooLarge.has(path)).slice(0, KEEP).sort();
      const last = word.startsWith("last-") ? { last: Number(word.slice(5)) } : word;
      this._stream.subscribe("plots", { paths: watched, window: last, run });
    } else this._stream.unsubscribe("plots");
    this._fetch(paths.filter((path) => !this._streamed || this._tooLarge.has(path)));
  }

  async _fetch(paths) {
    const lacking = paths.filter((path) => !this._asked.has(path));
    const key = this._key;
    const { run, window: word, at } = this._router.route;
    for (let next = 0; next < lacking.length; next += BATCH) {
      const batch = lacking.slice(next, next + BATCH);
      for (const path of batch) this._asked.add(path);
      try {
        const query = { path: batch, ...windowQuery(word), as_of: at };
        const { contents } = await ask(`runs/${runWord(run)}/contents`, query);
        if (key !== this._key) return;
        for (const { arrays, ...header } of contents) {
          this._put(header.element.path, { header, arrays: cellsOf(arrays) });
        }
      } catch (error) {
        if (key !== this._key) return;
        for (const path of batch) {
          if (error instanceof Refusal) this._fail(path, error.message);
          else this._asked.delete(path);
        }
      }
    }
  }

  _put(path, { header, arrays }) {
    this._plots.delete(path);
    this._plots.set(path, { header, arrays, key: this._key });
    if (this._plots.size > KEEP) this._plots.delete(this._plots.keys().next().value);
    this.dispatchEvent(new CustomEvent("plot", { detail: { path } }));
  }

  _fail(path, problem) {
    const element = this._model.elements.find((each) => each.path === path) ?? null;
    const header = { element, window: { word: this._router.route.window }, totals: null, problem };
    this._put(path, { header, arrays: {} });
  }

  _take(channel) {
    if (!channel.startsWith("plot/")) return;
    const [, run, word, ...path] = channel.split("/");
    if (`${run} ${word} true` !== this._key) return;
    this._put(path.join("/"), this._stream.state(channel));
  }

  _refused({ id, refused }) {
    if (id !== "plots") return;
    for (const path of Object.keys(refused)) this._tooLarge.add(path);
    this._settle();
  }

  _onChange(what) {
    if (what === "runs" || what === "elements") this._settle();
    if (what === "strip" && (!this._streamed || this._tooLarge.size)) {
      const version = this._covered();
      if (version === this._version) return;
      this._version = version;
      this._again();
    }
  }

  /** What is known of the LSs of a range: fetched contents are out of date when it changes. */
  _covered() {
    const range = rangeOf(this._router.route.window) ?? [0, Infinity];
    const { wholeRun, lumisections } = this._model;
    const rows = (wholeRun ? [wholeRun, ...lumisections] : lumisections).filter(
      ({ lumisection }) => range[0] <= lumisection && lumisection <= range[1],
    );
    return JSON.stringify(rows.map((row) => [row.lumisection, row.seen, row.closed, row.late]));
  }

  _refetch() {
    this._asked.clear();
    this._settle();
  }
}
