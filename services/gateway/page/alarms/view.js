/** The view of alarms: what needs someone, what to do about it, who acts, and what is put aside. */

import { h, keyed, setAttributes, setText, show } from "../dom.js";
import { plural, zone } from "../format.js";
import { session } from "../session.js";
import { Actions } from "./actions.js";
import { Chosen } from "./chosen.js";
import { drawRow, makeRow } from "./row.js";
import { Switches } from "./switches.js";
import { SECTIONS, grouped, sectionOf } from "./words.js";

/** More rows in a section than this are shown in groups. */
const MOST_ROWS = 8;

/** Groups that stand open by themselves, the most urgent first. */
const OPEN_GROUPS = 2;

/** The word of the address for the tab of all steps; filters follow it. */
const HISTORY = "history";

export function open(root, { alarms, router, model }) {
  return new AlarmsView(root, alarms, router, model);
}

class AlarmsView {
  constructor(root, board, router, model) {
    Object.assign(this, { _board: board, _router: router, _model: model });
    this._picked = new Set();
    this._folded = new Map();
    this._chosen = new Chosen(router, model);
    this._actions = new Actions(board, this._picked, () => this.draw());
    this._subscriptions = this._history = null;
    this._build(root);
    board.addEventListener("change", () => this._shown && this.draw());
    session.addEventListener("change", () => this._shown && this.draw());
  }

  follow(route) {
    if (!this._shown) this._timer = setInterval(() => this.draw(), 1000);
    this._shown = true;
    const tab = tabOf(route);
    for (const [name, part] of Object.entries({ list: this._lists, history: this._past, subscriptions: this._told })) show(part, name === tab);
    for (const link of this._tabs.children) setAttributes(link, { "aria-current": link.dataset.tab === tab ? "page" : null });
    if (tab === "subscriptions") this._openSubscriptions();
    if (tab === "history") this._openHistory();
    this.draw();
  }

  leave() {
    this._shown = false;
    clearInterval(this._timer);
  }

  draw() {
    const { rows, header, staleness } = this._board;
    const { route } = this._router;
    setText(this._zone, `Times are ${zone()}`);
    show(this._now, this._model.moment !== null);
    if (tabOf(route) === "history") this._history?.renew();
    if (tabOf(route) !== "list") return;
    for (const name of this._picked) if (!(name in rows)) this._picked.delete(name);
    show(this._stale, Boolean(staleness));
    setText(this._stale, `Nobody knows how alarms stand: ${staleness}. Below is what was known last.`);
    show(this._flood, header.flood);
    setAttributes(this._lists, { "data-stale": Boolean(staleness) });
    const found = new Map(SECTIONS.map(({ name }) => [name, []]));
    for (const row of Object.values(rows)) found.get(sectionOf(row)).push(row);
    // An empty list says that all is well only as long as somebody watches.
    show(this._none, !Object.keys(rows).length && !staleness);
    for (const { name, title } of SECTIONS) this._drawSection(this._sections.get(name), title, found.get(name), route);
    const row = rows[route.alarm];
    this._chosen.follow(route.alarm, row);
    this._drawGone(route.alarm && !row && !staleness ? route.alarm : "");
    this._show(route.alarm);
    this._actions.draw();
  }

  _drawSection(section, title, rows, { alarm }) {
    show(section.root, rows.length > 0);
    setText(section.title, `${title} (${rows.length})`);
    const sorted = grouped(rows);
    const groups = rows.length > MOST_ROWS || !rows.length ? sorted : [{ key: "all", title: "", rows: sorted.flatMap((group) => group.rows) }];
    const byKey = new Map(groups.map((group, place) => [group.key, { ...group, place }]));
    keyed(section.list, byKey.keys(), (key) => this._makeGroup(key), (element, key) => this._drawGroup(element, byKey.get(key), alarm));
  }

  /** A link may lead to an alarm that is normal by now. */
  _drawGone(alarm) {
    show(this._gone, Boolean(alarm));
    if (alarm) setText(this._gone.firstElementChild, `${alarm} is normal now, or was never raised. `);
    else if (this._gone.contains(this._chosen.root)) this._chosen.root.remove();
  }

  _recall() {
    this._gone.append(this._chosen.root);
    this._chosen.recall(this._router.route.alarm);
  }

  /** Bring an alarm that a link leads to into sight, once. */
  _show(alarm) {
    if (alarm === this._sought) return;
    const row = alarm && this._lists.querySelector(`.alarm[data-key="${CSS.escape(alarm)}"]`);
    if (alarm && !row) return;
    this._sought = alarm;
    row?.scrollIntoView?.({ block: "nearest" });
  }

  _makeGroup(key) {
    const all = h("input", { type: "checkbox" });
    const summary = h("summary", {}, h("b"), h("small"));
    const element = h("details", { class: "alarm-group" }, summary, h("label", { class: "alarm-all" }, all, "choose these"), h("ul"));
    all.addEventListener("change", () => {
      for (const name of element.alarms) this._picked[all.checked ? "add" : "delete"](name);
      this.draw();
    });
    // What somebody has folded or unfolded stays so.
    summary.addEventListener("click", () => this._folded.set(key, !element.open));
    return element;
  }

  _drawGroup(element, { key, title, rows, place }, alarm) {
    const [summary, all, list] = element.children;
    const single = key === "all";
    const names = rows.map((row) => row.alarm);
    element.alarms = names;
    const isOpen = single || names.includes(alarm) || (this._folded.get(key) ?? place < OPEN_GROUPS);
    if (element.open !== isOpen) element.open = isOpen;
    show(summary, !single);
    setText(summary.firstElementChild, title);
    const waiting = rows.filter(({ unacknowledged }) => unacknowledged).length;
    setText(summary.lastElementChild, [plural(rows.length, "alarm"), waiting ? `${waiting} not acknowledged` : "", `worst ${rows[0].level}`].filter(Boolean).join(" · "));
    setAttributes(element, { "data-level": rows[0].level });
    show(all, rows.length > 1);
    all.firstElementChild.checked = names.every((name) => this._picked.has(name));
    if (!isOpen) {
      list.replaceChildren();
      return;
    }
    const byName = new Map(rows.map((row) => [row.alarm, row]));
    keyed(list, byName.keys(), () => makeRow(this._parts), (item, name) => {
      const row = byName.get(name);
      drawRow(item, row, { ...this._parts, isChosen: name === alarm });
    });
  }

  get _parts() {
    return {
      board: this._board, router: this._router, actions: this._actions, chosen: this._chosen, picked: this._picked,
      open: (name) => this._router.go({ view: "alarms", alarm: this._router.route.alarm === name ? "" : name }, { replace: true }), redraw: () => this.draw(),
    };
  }

  _build(root) {
    const tab = (name, title, change) => {
      const link = h("a", { href: this._router.link({ ...change }) }, title);
      link.dataset.tab = name;
      return link;
    };
    const here = { view: "alarms", path: "", match: "", alarm: "" };
    this._tabs = h(
      "nav",
      { class: "alarm-tabs", "aria-label": "Alarms" },
      tab("list", "Alarms", { ...here, alarms: "" }), tab("history", "History", { ...here, alarms: HISTORY }), tab("subscriptions", "Who is told", { ...here, alarms: "subscriptions" }),
    );
    this._stale = h("p", { class: "alarm-note", role: "alert", hidden: true });
    this._flood = h(
      "p", { class: "alarm-note", role: "status", hidden: true },
      "Flood: more alarms than anybody can look at. Begin with the first group; what many have in common is often one cause.",
    );
    this._gone = h("div", { class: "alarm-note", hidden: true }, h("span"), h("button", { type: "button", onclick: () => this._recall() }, "Its history"));
    this._none = h("p", { class: "alarm-none" }, "No alarm: nobody has to act.");
    this._sections = new Map(SECTIONS.map(({ name }) => [name, section(name)]));
    this._now = h("p", { class: "alarm-note", hidden: true }, "Alarms of now: the rest of the page shows what was known at a moment of the past. The overview has the alarms of then.");
    this._lists = h("div", {}, this._stale, this._now, this._flood, this._actions.root, this._gone, this._none, [...this._sections.values()].map((part) => part.root));
    this._told = h("div", { hidden: true });
    this._past = h("div", { hidden: true });
    this._zone = h("small", { class: "alarm-zone" });
    root.append(h("header", { class: "alarm-head" }, h("h1", {}, "Alarms"), this._tabs, this._zone, new Switches().root), this._lists, this._past, this._told);
  }

  async _openHistory() {
    if (!this._history) {
      const { AlarmHistory } = await import("./history.js");
      this._history ??= new AlarmHistory(this._past, this._router, this._model);
    }
    this._history.follow(this._router.route.alarms);
  }

  async _openSubscriptions() {
    if (!this._subscriptions) {
      const { Subscriptions } = await import("./subscriptions.js");
      this._subscriptions ??= new Subscriptions(this._told);
    }
    this._subscriptions.read();
  }
}

/** The tab that an address is of. */
function tabOf({ alarms }) {
  if (alarms === "subscriptions") return alarms;
  return alarms.split(",")[0] === HISTORY ? HISTORY : "list";
}

function section(name) {
  const title = h("h2", { id: `alarms-${name}` });
  const list = h("div");
  const root = h("section", { "aria-labelledby": `alarms-${name}`, hidden: true, class: "alarm-section" }, title, list);
  root.dataset.section = name;
  return { root, title, list };
}
