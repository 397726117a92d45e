/** The strip of lumisections: an outcome each, and a click chooses one. */

import { atLength } from "./conditions.js";
import { byId, h, keyed, setAttributes, setText, show } from "./dom.js";
import { count, lumisectionWord, plural } from "./format.js";
import { noteWords } from "./notes.js";
import { badge, setBadge } from "./outcomes.js";
import { parseOver } from "./plots/others.js";
import { WHOLE_RUN, rangeOf } from "./router.js";
import { windowEnds } from "./windows.js";

const NEWEST = 600;

export class Strip {
  constructor(model, router) {
    this._model = model;
    this._router = router;
    this._cells = byId("strip-cells");
    this._cells.addEventListener("click", (event) => this._choose(event.target.closest("button")));
    this._cells.addEventListener("keydown", (event) => this._step(event));
    this._whole = byId("strip-whole");
    this._whole.append(badge("NOT_RUN"), "whole run");
    this._whole.addEventListener("click", () => this._go(0, WHOLE_RUN));
    this._focused = null;
    this._last = null;
  }

  draw() {
    const { lumisections } = this._model;
    const { route } = this._router;
    const shown = lumisections.slice(-NEWEST);
    const byNumber = new Map(shown.map((row) => [row.lumisection, row]));
    const range = rangeOf(route.window) ?? windowEnds(route.window, shown);
    const newest = shown.at(-1)?.lumisection ?? null;
    const run = this._model.run?.run;
    const held = parseOver(route.over).filter((item) => item.run === run).map(({ window: word }) => rangeOf(word) ?? windowEnds(word, shown));
    keyed(this._cells, byNumber.keys(), cell, (button, lumisection) => {
      drawCell(button, byNumber.get(lumisection), route.workspace, lumisection === shown[0].lumisection || lumisection === newest);
      const inside = range && range[0] <= lumisection && lumisection <= range[1];
      setAttributes(button, {
        "data-inside": Boolean(inside),
        "data-held": held.some((ends) => ends && ends[0] <= lumisection && lumisection <= ends[1]),
        "aria-selected": this._model.chosen === lumisection ? "true" : "false",
        tabindex: lumisection === (this._focused ?? this._model.chosen ?? newest) ? 0 : -1,
      });
    });
    if (newest !== this._last) {
      this._last = newest;
      this._cells.scrollLeft = this._cells.scrollWidth;
    }
    this._drawWhole(route);
    const { wholeRun, chosen } = this._model;
    setText(byId("strip-note"), note(wholeRun ? [wholeRun, ...lumisections] : lumisections, route, chosen));
  }

  /** What no LS resolves is none of the cells, which are a time axis. */
  _drawWhole({ workspace }) {
    const row = this._model.wholeRun;
    show(this._whole, Boolean(row));
    if (!row) return;
    const [outcome, , notJudged] = standing(row, workspace);
    const words = describe(row, outcome, notJudged, flagsOf(row));
    setBadge(this._whole.firstElementChild, outcome);
    setAttributes(this._whole, {
      "aria-pressed": this._model.chosen === 0 ? "true" : "false",
      "aria-label": words.join("; "),
      title: ["What was imported of the whole run: the file does not resolve it by LS.", ...words].join("\n"),
    });
  }

  _choose(button) {
    if (!button) return;
    const lumisection = Number(button.dataset.key);
    this._go(lumisection, `${lumisection}-${lumisection}`);
  }

  _go(lumisection, word) {
    const again = this._model.chosen === lumisection;
    this._router.go({ window: again ? "last-10" : word });
  }

  _step(event) {
    const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
    const to = step && event.target.closest("button")?.[step];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    this._focused = Number(to.dataset.key);
    event.target.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }
}

function cell() {
  return h("button", { type: "button", role: "option" }, badge("NOT_RUN"), h("i"), h("small"));
}

function drawCell(button, row, workspace, isEnd) {
  const [outcome, , notJudged] = standing(row, workspace);
  const flags = flagsOf(row);
  const words = describe(row, outcome, notJudged, flags);
  setBadge(button.firstElementChild, outcome);
  setAttributes(button, {
    "data-open": !row.closed,
    "data-flag": flags.length > 0,
    "data-none": notJudged > 0,
    "aria-label": words.join("; "),
    title: words.join("\n"),
  });
  setText(button.lastElementChild, row.lumisection % 5 === 0 || isEnd ? String(row.lumisection) : "");
}

/** Outcome of an LS: of all workspaces, or of the one that is shown. */
function standing(row, workspace) {
  if (workspace) return row.outcomes[workspace] ?? ["NOT_RUN", 0, 0];
  const all = Object.values(row.outcomes);
  return [row.worst, 0, all.reduce((sum, [, , none]) => sum + none, 0)];
}

function flagsOf(row) {
  const flags = [];
  if (row.closed && !row.complete) flags.push(`incomplete: ${row.lacking.join(", ") || "reason not known"}`);
  if (row.missing.length) flags.push(`missing ${row.missing.join(", ")}`);
  if (!row.whole) flags.push("input had expired before it was read");
  if (row.late) flags.push(plural(row.late, "late event"));
  if (row.refused) flags.push(`${plural(row.refused, "chunk")} refused`);
  if (row.dropped) flags.push(`${plural(row.dropped, "event")} dropped`);
  return [...flags, ...noteWords(row.notes)];
}

function describe(row, outcome, notJudged, flags) {
  const words = [`${lumisectionWord(row.lumisection)}: ${row.closed ? outcome : `${outcome}, still open`}`, `${count(row.seen)} events seen`];
  for (const [name, [each]] of Object.entries(row.outcomes)) if (each !== "GOOD") words.push(`${name} ${each}`);
  if (notJudged) words.push(`${notJudged} not judged`);
  return [...words, ...flags, atLength(row.conditions).join(", ")];
}

function note(rows, { workspace }, chosen) {
  if (!rows.length) return "no lumisections yet";
  const of = workspace ? `outcomes of ${workspace}` : "worst outcome of all workspaces";
  if (chosen === null) return rows.at(-1).lumisection ? `LS by LS: ${of} · click one to see it alone` : `${of} · no LSs: only the whole run is known`;
  const row = rows.find(({ lumisection }) => lumisection === chosen);
  if (!row) return `${lumisectionWord(chosen)} is not known · click another`;
  const words = [`${lumisectionWord(chosen)} alone`, `${count(row.seen)} events seen, ${count(row.selected)} selected`, ...flagsOf(row), ...atLength(row.conditions)];
  return [...words, "click it again to go back"].join(" · ");
}
