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
    Object.assign(this, { _root: root, _board: alarms, _router: router, _path: "", _inner: null });
    for (const told of [alarms, session]) told.addEventListener("change", () => this.draw(this._path));
  }

  /** Show the alarms of a path; nothing where there are none. */
  draw(path) {
    const isOther = path !== this._path;
    this._path = path;
    const rows = Object.values(this._board.rows).filter((row) => path && row.path === path).sort(byUrgency);
    if (isOther && this._inner) show(this._said, false);
    // What was done stays said when the alarm is gone.
    const isShown = rows.length > 0 || Boolean(this._inner?.isConnected && !this._said.hidden);
    show(this._root, isShown);
    if (!isShown) this._inner?.remove();
    if (!isShown) return;
    if (!this._inner) this._build();
    if (!this._inner.isConnected) this._root.append(this._inner);
    const { staleness, isPast } = this._board;
    setText(this._title, `${rows.length ? plural(rows.length, "alarm") : "No alarm"} of this element${staleness ? `, as was known last: ${staleness}` : ""}`);
    const byName = new Map(rows.map((row) => [row.alarm, row]));
    keyed(this._list, byName.keys(), () => this._make(), (item, name) => {
      drawRow(item, byName.get(name), this._parts);
      item.querySelector(".alarm-name").removeAttribute("aria-expanded");
      // What stood in the past is over: nothing can be done about it.
      show(item.querySelector(".alarm-buttons"), !isPast);
    });
  }

  /** A row, without its mark for choosing several. */
  _make() {
    const item = makeRow(this._parts);
    show(item.firstElementChild, false);
    return item;
  }

  /** Made with the first alarm: most plots have none. */
  _build() {
    const { head, body } = document;
    if (!head.querySelector(`link[href="${STYLE}"]`)) head.append(h("link", { rel: "stylesheet", href: STYLE }));
    const actions = new Actions(this._board, new Set(), () => this.draw(this._path));
    // Its dialog is there as long as the rows are: that of the view of alarms has the same names in it.
    const dialog = body.lastElementChild;
    this._said = actions.root.querySelector(".alarm-said");
    this._title = h("h3");
    this._list = h("ul");
    this._inner = h("div", {}, this._title, this._list, this._said, dialog);
    const router = this._router;
    // The name of an alarm leads to it in its view: a step that back takes back.
    const leading = Object.assign(Object.create(router), { go: (change) => router.go({ ...change, path: "" }) });
    this._parts = { board: this._board, router: leading, actions, picked: new Set(), chosen: null, isChosen: false, redraw: () => {} };
  }
}
