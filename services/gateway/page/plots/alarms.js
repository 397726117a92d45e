/** Alarms of the element that is shown large, with what can be done about them: as the view of alarms has them. */

import { Actions } from "../alarms/actions.js";
import { drawRow, makeRow } from "../alarms/row.js";
import { byUrgency } from "../alarms/words.js";
import { h, keyed, setText, show } from "../dom.js";
import { plural } from "../format.js";
import { session } from "../session.js";

const STYLE = "alarms/alarms.css";

export class Alarms {
  /** Built into `root`, a section; `alarms` are those that are shown, of now or of the past. */
  constructor(root, { alarms, router }) {
    Object.assign(this, { _root: root, _board: alarms, _router: router, _path: "", _list: null });
    for (const told of [alarms, session]) told.addEventListener("change", () => this.draw(this._path));
  }

  /** Show the alarms of a path; nothing where there are none. */
  draw(path) {
    const isOther = path !== this._path;
    this._path = path;
    const rows = Object.values(this._board.rows).filter((row) => path && row.path === path).sort(byUrgency);
    if (!rows.length && !this._list) return;
    if (!this._list) this._build();
    if (isOther) show(this._parts.actions.said, false);
    // What was done stays said when the alarm is gone.
    show(this._root, rows.length > 0 || (!this._root.hidden && !this._parts.actions.said.hidden));
    const { staleness, isPast } = this._board;
    setText(this._title, `${rows.length ? plural(rows.length, "alarm") : "No alarm"} of this element${staleness ? `, as was known last: ${staleness}` : ""}`);
    const byName = new Map(rows.map((row) => [row.alarm, row]));
    keyed(this._list, byName.keys(), () => makeRow(this._parts), (item, name) => {
      drawRow(item, byName.get(name), this._parts);
      // What stood in the past is over: nothing can be done about it.
      show(item.querySelector(".alarm-buttons"), !isPast);
    });
  }

  /** Made with the first alarm: most plots have none. */
  _build() {
    const { head } = document;
    if (!head.querySelector(`link[href="${STYLE}"]`)) head.append(h("link", { rel: "stylesheet", href: STYLE }));
    const actions = new Actions(this._board, new Set(), () => this.draw(this._path));
    this._title = h("h3");
    this._list = h("ul");
    this._root.append(this._title, this._list, actions.said);
    // The name of an alarm leads to it in its view: a step that back takes back.
    const open = (alarm) => this._router.go({ view: "alarms", alarm, path: "" });
    this._parts = { board: this._board, router: this._router, actions, picked: null, chosen: null, isChosen: false, open };
  }
}
