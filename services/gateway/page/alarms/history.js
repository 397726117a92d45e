/** All steps of all alarms, the newest first: who, why, when; filtered by the address, page by page. */

import { ask } from "../api.js";
import { h, keyed, setAttributes, setText, settled, show } from "../dom.js";
import { formatWord, parseWord } from "../filterwords.js";
import { clock, lumisectionWord, plural } from "../format.js";
import { badge, setBadge } from "../outcomes.js";
import { SEVERITIES, plotLink, titleOf } from "./words.js";

const PAGE = 100;
/** Milliseconds after which the newest page is asked for again. */
const AGAIN = 5_000;
/** Answers that are asked for by themselves, one after the other, until something is found. */
const BY_ITSELF = 10;

const FIELDS = ["workspace", "severity", "text"];

/** The word of the address, as `history,workspace:pixel,severity:high,text:module`. */
const wordOf = (filters) => ["history", formatWord(filters, FIELDS)].filter(Boolean).join(",");

export class AlarmHistory {
  constructor(root, router, model) {
    Object.assign(this, { _router: router, _model: model, _word: null, _steps: new Map(), _before: null, _asking: 0, _read: 0, _isRead: false });
    this._fields = {
      workspace: h("select"),
      severity: h("select", {}, ["", ...SEVERITIES].map((name) => h("option", { value: name }, name || "any"))),
      text: h("input", { type: "search", maxlength: 200, placeholder: "alarm, who, why" }),
    };
    const tell = settled(() => this._router.go({ alarms: wordOf(this._chosen) }, { replace: true }), 250);
    const form = h("form", { class: "history-filters", "aria-label": "Which steps", oninput: tell, onsubmit: (event) => event.preventDefault() },
      h("label", {}, h("span", {}, "Workspace"), this._fields.workspace), h("label", {}, h("span", {}, "Severity"), this._fields.severity), h("label", {}, h("span", {}, "Contains"), this._fields.text));
    this._said = h("p", { class: "history-said", role: "status" });
    this._list = h("ol", { class: "history", "aria-label": "Steps of alarms, the newest first" });
    this._more = h("button", { type: "button", hidden: true, onclick: () => this._fetch(this._before) }, "Older steps");
    root.append(form, this._said, this._list, this._more);
  }

  get _chosen() {
    return Object.fromEntries(FIELDS.map((name) => [name, this._fields[name].value.trim()]));
  }

  /** Show what a word of the address means. */
  follow(word) {
    const filters = parseWord(word, FIELDS);
    this._drawChoice(filters.workspace);
    for (const name of FIELDS) if (document.activeElement !== this._fields[name]) this._fields[name].value = filters[name];
    if (word === this._word) return;
    this._word = word;
    this._filters = filters;
    this._steps.clear();
    this._before = null;
    this._isRead = false;
    this._fetch(null);
  }

  /** Workspaces may become known later than the address. */
  _drawChoice(chosen) {
    const names = new Set(["", ...Object.keys(this._model.boards.quality.rows).sort(), chosen]);
    keyed(this._fields.workspace, names, (name) => h("option", { value: name }, name || "any"), () => {});
  }

  /** Ask for the newest again, if it was not asked for lately. */
  renew() {
    this._drawChoice(this._filters?.workspace ?? "");
    if (this._word !== null && !document.hidden && !this._busy && performance.now() - this._read > AGAIN) this._fetch(null, this._isRead);
  }

  /** Steps below `before`, null for the newest; `isAgain` looks for new ones in one answer, and leaves all as it is if it has none. */
  async _fetch(before, isAgain = false) {
    const asking = (this._asking += 1);
    this._busy = true;
    this._read = performance.now();
    let problem = "";
    try {
      let from = before;
      for (let tries = 0; tries < (isAgain ? 1 : BY_ITSELF); tries += 1) {
        const found = await ask("alarm-steps/newest", { ...this._filters, before: from, limit: PAGE });
        if (asking !== this._asking) return;
        if (found.steps.length || !isAgain) this._put(before, found);
        from = found.before;
        if (found.steps.length || from === null) break;
      }
      this._isRead = true;
    } catch (error) {
      if (asking !== this._asking) return;
      problem = error instanceof TypeError ? "the gateway does not answer" : error.message;
    }
    this._busy = false;
    this._draw(problem);
  }

  /** The newest page takes its place above what is there; if it does not reach down to it, there is a gap, and all is read anew. */
  _put(before, { steps, before: next }) {
    const isNewest = before === null;
    const joins = steps.some(({ sequence }) => this._steps.has(sequence));
    if (isNewest && !joins && steps.length) this._steps.clear();
    for (const step of steps) this._steps.set(step.sequence, step);
    if (!isNewest || !joins) this._before = next;
  }

  _draw(problem) {
    const rows = [...this._steps.values()].sort((a, b) => b.sequence - a.sequence);
    const byKey = new Map(rows.map((step) => [String(step.sequence), step]));
    keyed(this._list, byKey.keys(), (key) => this._row(byKey.get(key)), () => {});
    const further = this._before !== null;
    const none = further ? "None among those that were looked at" : "None";
    setText(this._said, [rows.length ? plural(rows.length, "step") : none, further ? "older ones to be asked for" : "", problem].filter(Boolean).join(" · "));
    show(this._more, further);
  }

  _row(step) {
    const { when, event, before, after, level, who, why, run, lumisection, path, workspace } = step;
    const mark = badge("NOT_RUN");
    // Nothing that is on its way to be an alarm is green.
    setBadge(mark, level !== "OK" ? level : after === "raising" ? "NOT_RUN" : "GOOD");
    const [title, where] = titleOf(step);
    const about = h("a", { href: this._router.link({ view: "alarms", alarms: "", alarm: step.alarm, path: "", match: "" }), title: step.alarm }, [title, where].filter(Boolean).join(" · "));
    const plot = h("a", { class: "history-plot" }, path ? `Plot${lumisection ? ` at ${lumisectionWord(lumisection)}` : ""} ›` : "Workspace ›");
    setAttributes(plot, { href: plotLink(this._router, step), hidden: !(path || workspace) });
    const said = [who && `by ${who}`, why, `${step.severity} severity`, run ? `run ${run}${lumisection ? ` ${lumisectionWord(lumisection)}` : ""}` : ""];
    return h("li", {}, h("time", {}, clock(when)), mark, h("b", {}, (event || `${before} → ${after}`).replaceAll("_", " ")), about, h("span", {}, said.filter(Boolean).join(" · ")), plot);
  }
}
