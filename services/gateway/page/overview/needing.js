/** Alarms that need someone: what is wrong, what to do about it, whom to call. */

import { NEEDING, SEVERITIES, isHidden, plotLink } from "../alarms/words.js";
import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { age, plural } from "../format.js";
import { badge, setBadge } from "../outcomes.js";

const SHOWN = 8;

/** Of the board of alarms those that need someone, those first that wait for somebody. */
export function needing(board) {
  return Object.values(board.rows).filter(({ state }) => NEEDING.includes(state)).sort(byNeed);
}

/** Those of problems that somebody has put aside, or that another alarm says already, the most urgent first. */
export function putAside(board) {
  return Object.values(board.rows).filter((row) => isHidden(row) && row.level !== "OK").sort(byNeed);
}

/** Who waits for somebody first; then what is most severe, worst, and oldest. */
function byNeed(a, b) {
  return b.unacknowledged - a.unacknowledged
    || SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)
    || (b.level === "BAD") - (a.level === "BAD")
    || a.since - b.since;
}

export class Needing {
  constructor(root, alarms, router) {
    Object.assign(this, { _alarms: alarms, _router: router });
    this._title = h("h2", { id: "h-needing" }, "Alarms that need someone");
    this._list = h("ol");
    this._none = h("p");
    root.append(this._title, this._none, this._list);
  }

  draw() {
    const rows = needing(this._alarms);
    setText(this._title, this._alarms.isPast ? "Alarms that needed someone then" : "Alarms that need someone");
    const shown = new Map(rows.slice(0, SHOWN).map((row) => [row.alarm, row]));
    setText(this._none, noneWords(rows, this._alarms));
    show(this._none, Boolean(this._none.textContent));
    keyed(this._list, shown.keys(), entry, (item, name) => this._draw(item, shown.get(name)));
  }

  _draw(item, row) {
    const [link, why, action] = item.children;
    setBadge(link.firstElementChild, row.level === "OK" ? "GOOD" : row.level);
    setText(link.children[1], row.kind === "quality" ? row.qtname : row.alarm);
    setText(link.children[2], stateWords(row, this._alarms));
    setAttributes(link, { href: alarmLink(this._router, row), title: row.alarm });
    setAttributes(item, { "data-level": row.level, "data-unacknowledged": row.unacknowledged });
    setText(why, row.why || row.meaning);
    setText(action, [row.action, row.contact && `Call ${row.contact}.`].filter(Boolean).join(" "));
  }
}

function entry() {
  return h("li", {}, h("a", {}, badge("NOT_RUN"), h("b"), h("small")), h("p", { class: "why" }), h("p", { class: "action" }));
}

/** To the plot or the workspace of an alarm; of one without either, to the processes. */
function alarmLink(router, row) {
  if (row.path || row.workspace) return plotLink(router, row);
  return router.link({ view: "system", workspace: "", path: "", match: "", only: "", wall: "" });
}

function stateWords({ since, workspace, path, lumisection, state, unacknowledged }, { now, isPast }) {
  const ago = `${age(Math.max(0, (now - since) / 1e9))} ${isPast ? "before" : "ago"}`;
  const where = path || workspace;
  const waits = isPast ? "nobody had acknowledged it" : "nobody has acknowledged it";
  return [where, lumisection ? `LS ${lumisection}` : "", unacknowledged ? waits : state, ago].filter(Boolean).join(" · ");
}

function noneWords(rows, { staleness, header, known, isPast }) {
  const words = [];
  if (staleness) words.push(known ? `This is how they stood last: ${staleness}` : staleness);
  if (header.flood) words.push("Flood: more alarms than anybody can look at. Begin with the worst workspace");
  if (!rows.length && known) words.push(isPast ? "None then" : "None");
  if (rows.length > SHOWN) words.push(`${plural(rows.length - SHOWN, "more alarm")} not shown here`);
  if (header.hidden) words.push(`${header.hidden} put aside or masked`);
  return words.join(". ");
}
