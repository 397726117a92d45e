/** The strip of events that were picked last: one button each, newest first. */

import { h, keyed, setAttributes, setText } from "./dom.js";
import { count, plural } from "./format.js";
import { NAMES, one } from "./displayscene.js";

const SHOWN = 60;

export class Recent {
  /** `onPick` is called with the row of an event. */
  constructor(element, onPick) {
    this._element = element;
    this._onPick = onPick;
    this._rows = [];
  }

  draw(rows, shown) {
    this._rows = rows;
    const known = new Map(rows.slice(0, SHOWN).map((row) => [keyOf(row), row]));
    keyed(this._element, [...known.keys()], (key) => this._button(key), (button, key) => {
      const row = known.get(key);
      setAttributes(button, {
        "aria-pressed": String(Boolean(shown) && keyOf(shown) === key),
        "data-rare": row.rule.startsWith("rare"),
        title: `${row.why}\n${objects(row).join("\n")}`,
      });
      const [event, lumisection, many] = button.children;
      setText(event, count(row.event));
      setText(lumisection, `LS ${row.lumisection}`);
      setText(many, brief(row));
    });
  }

  /** The row so many places further right (older) in the strip than an event; undefined at the ends. */
  beside(display, by) {
    const at = this._rows.findIndex((row) => display && keyOf(row) === keyOf(display));
    return at < 0 ? this._rows[0] : this._rows[at + by];
  }

  _button(key) {
    const pick = () => this._onPick(this._rows.find((row) => keyOf(row) === key));
    return h("button", { type: "button", onclick: pick }, h("b"), h("small"), h("small"));
  }
}

const keyOf = ({ run, event }) => `${run}/${event}`;

const objects = ({ counts }) =>
  Object.entries(counts).map(([collection, many]) => `${count(many)} ${NAMES[collection] ?? collection}`);

/** What there is most of, as a hint. */
function brief({ counts }) {
  const tracks = (counts.tracks ?? 0) + (counts.scouting_tracks ?? 0);
  if (tracks) return plural(tracks, "track");
  const [collection] = Object.keys(counts);
  return collection ? plural(counts[collection], one(collection)) : "nothing";
}
