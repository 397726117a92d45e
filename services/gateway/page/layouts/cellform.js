/** The form of one cell: what it shows, how, and with what it is compared. */

import { h, setText, show } from "../dom.js";
import { area, choice, field, rangeOf, rangeWords, text, whole, wholeOf } from "./fields.js";
import { LIMITS, cellOf } from "./value.js";

const THREE = [["", "as booked"], ["true", "yes"], ["false", "no"]];
const NORMS = [["", "as usual"], ["none", "not"], ["entries", "by entries"], ["lumisections", "by LSs"], ["luminosity", "by luminosity"]];
const REFERENCES = [["booked", "what its tests compare with"], ["none", "none"], ["catalogue", "of the catalogue, by name"], ["run", "a run"]];
const AXES = ["x", "y", "z"];

export class CellForm {
  /** `onChange(change, key)` gets what of the cell shall be another. */
  constructor(onChange) {
    this._change = onChange;
    this._cell = cellOf({ paths: [""] });
    const set = (name) => (value) => this._change({ [name]: value }, name);
    const draw = (name, of) => (value) => {
      const to = of(value);
      if (to === undefined) return "expected low:high, as 0:40";
      this._change({ draw: clean({ ...this._cell.draw, [name]: to }) }, name);
      return "";
    };
    const three = (value) => (value === "" ? null : value === "true");
    this._fields = {
      title: field("Title", text({ maxlength: 200, placeholder: "as booked" }), set("title"), { wide: true }),
      description: field("For the shifter", area({ maxlength: 4000, placeholder: "as booked" }), set("description"), { wide: true }),
      paths: field("Elements, one a line; more than one are drawn over each other", area({ spellcheck: "false" }), (value) => this._paths(value), { wide: true }),
      span: field("Columns", whole(1, LIMITS.columns), (value) => this._number("span", value, LIMITS.columns)),
      rows: field("Rows", whole(1, LIMITS.rows), (value) => this._number("rows", value, LIMITS.rows)),
      set: field("Set of bookings", text({ maxlength: 16, placeholder: "the one that is shown" }), (value) => this._set(value.trim()), { wide: true }),
      choice: field("Reference", choice(REFERENCES), (value) => this._reference({ choice: value }), { wide: true }),
      name: field("Its name in the catalogue", text({ maxlength: 200 }), (value) => this._reference({ name: value.trim() || null }), { wide: true }),
      run: field("Run", text({ inputmode: "numeric", maxlength: 10 }), (value) => this._run(value.trim()), { wide: true }),
      normalise: field("Scale what is drawn over it", choice(NORMS), (value) => this._change({ draw: clean({ ...this._cell.draw, normalise: value || null }) }, "normalise"), { wide: true }),
      stats: field("Statistics", choice(THREE), draw("stats", three)),
      style: field("Drawn as (ROOT's words)", text({ maxlength: 40, placeholder: "as booked" }), draw("style", (value) => value.trim() || null)),
    };
    for (const axis of AXES) {
      this._fields[`log_${axis}`] = field(`Logarithmic ${axis}`, choice(THREE), draw(`log_${axis}`, three));
      this._fields[`${axis}_range`] = field(`Range of ${axis}`, text({ placeholder: "low:high" }), draw(`${axis}_range`, rangeOf));
    }
    const of = (...names) => names.map((name) => this._fields[name].root);
    this._head = h("summary", {}, "Plot");
    this._none = h("p", { class: "layout-hint" }, "Choose a plot: its title, or Enter on it.");
    this._all = h("div", { class: "fields" }, of("title", "description", "paths", "span", "rows", "choice", "name", "run", "normalise"),
      of(...AXES.flatMap((axis) => [`log_${axis}`, `${axis}_range`]), "stats", "style", "set"));
    this.root = h("details", { class: "layout-part", open: true }, this._head, this._none, this._all);
  }

  /** Show a cell; null for none. */
  draw(given) {
    show(this._all, Boolean(given));
    show(this._none, !given);
    setText(this._head, given ? `Plot: ${given.title || given.paths[0]}` : "Plot");
    if (!given) return;
    const cell = cellOf(given);
    this._cell = cell;
    const fields = this._fields;
    for (const name of ["title", "description"]) fields[name].fill(cell[name]);
    fields.paths.fill(cell.paths.join("\n"));
    for (const name of ["span", "rows"]) fields[name].fill(String(cell[name]));
    fields.set.fill(cell.set ?? "");
    fields.choice.fill(cell.reference.choice);
    fields.name.fill(cell.reference.name ?? "");
    fields.run.fill(cell.reference.run ? String(cell.reference.run) : "");
    show(fields.name.root, cell.reference.choice === "catalogue");
    show(fields.run.root, cell.reference.choice === "run");
    fields.normalise.fill(cell.draw.normalise ?? "");
    for (const name of ["stats", "log_x", "log_y", "log_z"]) fields[name].fill(cell.draw[name] === null ? "" : String(cell.draw[name]));
    for (const axis of AXES) fields[`${axis}_range`].fill(rangeWords(cell.draw[`${axis}_range`]));
    fields.style.fill(cell.draw.style ?? "");
  }

  /** Put the keyboard on it. */
  focus() {
    this.root.open = true;
    this._fields.title.input.focus();
    this._fields.title.input.select();
  }

  _paths(value) {
    const paths = [...new Set(value.split("\n").map((line) => line.trim().replace(/^\/+|\/+$/g, "")).filter(Boolean))];
    if (!paths.length) return "expected at least one path of an element";
    if (paths.length > LIMITS.paths) return `expected at most ${LIMITS.paths} paths`;
    this._change({ paths }, "paths");
    return "";
  }

  _number(name, value, most) {
    const number = wholeOf(value, 1, most);
    if (number === null) return `expected 1 to ${most}`;
    this._change({ [name]: number }, name);
    return "";
  }

  _set(value) {
    if (value && !/^[0-9a-f]{16}$/.test(value)) return "expected the 16 letters of a set's hash, or nothing";
    this._change({ set: value || null }, "set");
    return "";
  }

  _run(value) {
    if (!/^[1-9]\d{0,9}$/.test(value)) return "expected the number of a run";
    return this._reference({ run: Number(value) });
  }

  /** Name and run belong to their choice, and go with it. */
  _reference(change) {
    const { choice: kind, name, run } = { ...this._cell.reference, ...change };
    const reference = { choice: kind, ...(kind === "catalogue" ? { name } : {}), ...(kind === "run" ? { run } : {}) };
    this._change({ reference: clean(reference) }, "reference");
    return "";
  }
}

const clean = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
