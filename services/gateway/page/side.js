/** The side of the page: workspaces, runs, accounting and services. */

import { byId, h, keyed, setAttributes, setText, show } from "./dom.js";
import { age, clock, count, plural } from "./format.js";
import { markWords } from "./marks.js";
import { noteWords } from "./notes.js";
import { badge, rank, setBadge } from "./outcomes.js";

const STATES = ["ready", "starting", "stopping", "stale"];

export class Side {
  constructor(model, router) {
    this._model = model;
    this._router = router;
  }

  draw(what) {
    if (["quality", "strip", "route"].includes(what)) this._drawWorkspaces();
    if (["runs", "run", "route"].includes(what)) this._drawRuns();
    if (["run", "strip", "route"].includes(what)) this._drawAccounting();
    if (what === "pulse") this._drawServices();
  }

  _drawWorkspaces() {
    const { rows } = this._model.boards.quality;
    const { route } = this._router;
    keyed(byId("workspaces"), ["", ...Object.keys(rows).sort()], () => entry(), (item, name) => {
      const [link, mark, label, more] = parts(item);
      const row = rows[name];
      const standing = row ? this._model.standing(name) : null;
      setAttributes(link, {
        href: this._router.link({ view: "", workspace: name, path: "", match: "", only: "" }),
        "aria-current": !route.view && !route.layout && !route.match && route.workspace === name ? "page" : null,
      });
      setText(label, name || "Overview");
      show(mark, Boolean(name));
      setBadge(mark, standing?.[0] ?? "NOT_RUN");
      setText(more, row ? workspaceWords(row, standing, this._model.judged) : "all workspaces");
    });
  }

  _drawRuns() {
    const { route } = this._router;
    const byNumber = new Map(this._model.runs.map((row) => [row.run, row]));
    const current = this._model.boards.runs.header.current;
    keyed(byId("runs"), ["newest", ...byNumber.keys()], () => entry(), (item, key) => {
      const [link, mark, label, more] = parts(item);
      show(mark, false);
      const row = byNumber.get(key);
      const run = key === "newest" ? null : key;
      setAttributes(link, {
        href: this._router.link({ run, path: "", window: "last-10" }),
        "aria-current": route.run === run ? "true" : null,
        title: row ? `began ${clock(row.began)}` : "",
      });
      setText(label, row ? String(row.run) : "Newest run");
      setText(more, row ? runWords(row) : current ? `now ${current}` : "none yet");
    });
  }

  _drawAccounting() {
    setText(byId("h-accounting"), this._model.moment === null ? "Accounting" : "Accounting, as of now");
    const { accounting } = this._model.boards.run.header;
    const rows = new Map(accounting ? accountingRows(accounting, this._model.lumisections) : []);
    const list = byId("accounting");
    keyed(list, rows.keys(), () => h("div", {}, h("dt"), h("dd")), (row, name) => {
      const [text, bad] = rows.get(name);
      setText(row.firstElementChild, name);
      setText(row.lastElementChild, text);
      setAttributes(row, { "data-bad": Boolean(bad) });
    });
  }

  _drawServices() {
    const pulse = this._model.pulse;
    const rows = byService(Object.values(pulse?.rows ?? {}));
    keyed(byId("services"), rows.keys(), () => h("li", {}, h("i"), h("span"), h("small")), (item, name) => {
      const { service, state, when, process } = rows.get(name);
      setAttributes(item, { "data-state": state, title: process });
      setText(item.children[1], service);
      const ago = Math.max(0, (pulse.header.now - when) / 1e9);
      setText(item.lastElementChild, state === "stale" ? `silent for ${age(ago)}` : state);
    });
  }
}

/** One row a service: of its processes the one that is best off. */
function byService(beats) {
  const rows = new Map();
  for (const beat of beats) {
    const held = rows.get(beat.service);
    if (!held || STATES.indexOf(beat.state) < STATES.indexOf(held.state)) rows.set(beat.service, beat);
    else if (beat.state === held.state && beat.when > held.when) rows.set(beat.service, beat);
  }
  return rows;
}

function entry() {
  return h("li", {}, h("a", {}, badge("NOT_RUN"), h("span"), h("small")));
}

function parts(item) {
  const link = item.firstElementChild;
  return [link, ...link.children];
}

/** Counts of the newest LS; of an LS that was chosen only how many were judged is known. */
function workspaceWords(row, standing, chosen) {
  if (!row.filled) return `${plural(row.elements, "element")}, nothing came`;
  const none = `${standing?.[2] ?? 0} not judged`;
  if (chosen !== null) return `${standing?.[1] ?? 0} judged in LS ${chosen} · ${none}`;
  const counts = row.lumisection?.counts ?? {};
  const found = Object.entries(counts).sort(([a], [b]) => rank(b) - rank(a));
  const judged = found.filter(([outcome]) => rank(outcome) >= rank("GOOD"));
  const words = judged.map(([outcome, n]) => `${n} ${outcome}`);
  return [...words, none].join(" · ");
}

function runWords(row) {
  const state = row.live ? (row.ended ? "ended" : "live") : "stored";
  const { first_lumisection: first, last_lumisection: last } = row;
  const covers = first === 0 ? `whole run${last ? `, LS up to ${last}` : ""}` : last ? `LS ${first}–${last}` : "";
  const words = [state, covers, row.run_type, ...markWords(row.marks)];
  return words.filter(Boolean).join(" · ");
}

/** Which LSs closed without all they were to have, and what each lacks. */
function incompleteWords({ incomplete }, lumisections) {
  const lacking = lumisections.filter((row) => row.closed && !row.complete).map(
    (row) => `${row.lumisection}: ${row.lacking.join(", ") || "reason not known"}`,
  );
  if (!incomplete) return "none";
  return lacking.length && lacking.length <= 4 ? `LS ${lacking.join("; ")}` : `LS ${incomplete}`;
}

/** Where all events are; what should be zero is marked when it is not. */
export function accountingRows(found, lumisections) {
  const reasons = (counts) => Object.entries(counts).map(([reason, n]) => `${reason.replaceAll("_", " ")} ${count(n)}`).join(", ");
  const missing = Object.entries(found.missing).map(([source, where]) => `${source}: LS ${where}`);
  const rows = [
    ["Seen", [count(found.seen), false]],
    ["Selected", [count(found.selected), false]],
    ["Dropped by sources", [count(found.dropped), found.dropped]],
    ["Refused chunks", [reasons(found.refused) || "0", reasons(found.refused)]],
    ["Late events", [found.late_in ? `${count(found.late_events)} in LS ${found.late_in}` : count(found.late_events), found.late_events]],
    ["Missing sources", [missing.join("; ") || "none", missing.length]],
    ["Incomplete LSs", [incompleteWords(found, lumisections), found.incomplete]],
    ["Open LSs", [found.open || "none", false]],
    ["Duplicates", [count(found.duplicates), false]],
  ];
  if (found.holes) rows.push(["Input expired", [`LS ${found.holes}`, true]]);
  if (found.starved) rows.push(["Starved by selection", [`LS ${found.starved}`, true]]);
  const { starved, ...unused } = found.notes;
  const notes = noteWords(unused).join("; ");
  if (notes) rows.push(["Sources could not use", [notes, true]]);
  return rows;
}
