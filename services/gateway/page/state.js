// What is being looked at (in the URL, so that a link shows the same) and who wants to know.

const DEFAULTS = { run: "current", workspace: "", window: "lumisection", find: "", plot: "" };

export class View {
  #listeners = new Set();

  constructor(location, history) {
    this.location = location;
    this.history = history;
    this.values = View.parse(location.hash);
  }

  static parse(hash) {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const values = { ...DEFAULTS };
    for (const name of Object.keys(DEFAULTS)) {
      if (given.has(name)) values[name] = given.get(name);
    }
    if (!/^(current|[1-9]\d{0,9})$/.test(values.run)) values.run = DEFAULTS.run;
    if (!isWindow(values.window)) values.window = DEFAULTS.window;
    return values;
  }

  static link(values) {
    const shown = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
      if (value !== DEFAULTS[name]) shown.set(name, value);
    }
    // Slashes are legal in a fragment, and paths are easier to read with them.
    return "#" + shown.toString().replaceAll("%2F", "/");
  }

  get(name) {
    return this.values[name];
  }

  linkWith(changes) {
    return View.link({ ...this.values, ...changes });
  }

  set(changes) {
    const before = this.values;
    this.values = { ...before, ...changes };
    const link = View.link(this.values);
    if (link !== View.link(before)) {
      this.history.pushState(null, "", link === "#" ? this.location.pathname : link);
      this.#tell(before);
    }
  }

  // Back, forward, or a link pasted into the address bar.
  reread() {
    const before = this.values;
    this.values = View.parse(this.location.hash);
    this.#tell(before);
  }

  onChange(listener) {
    this.#listeners.add(listener);
  }

  #tell(before) {
    const changed = new Set(
      Object.keys(DEFAULTS).filter((name) => before[name] !== this.values[name]),
    );
    for (const listener of this.#listeners) listener(changed);
  }
}

export function isWindow(word) {
  if (word === "lumisection" || word === "run") return true;
  if (/^last-[1-9]\d{0,5}$/.test(word)) return true;
  const range = /^([1-9]\d{0,7})-([1-9]\d{0,7})$/.exec(word);
  return range !== null && Number(range[1]) <= Number(range[2]);
}

// The window as the HTTP interface takes it.
export function windowQuery(word) {
  if (word === "lumisection" || word === "run") return { window: word };
  if (word.startsWith("last-")) return { last: word.slice(5) };
  return { lumisections: word };
}

export function windowName(word) {
  if (word === "lumisection") return "newest LS";
  if (word === "run") return "whole run";
  if (word.startsWith("last-")) return `last ${word.slice(5)} LS`;
  const [first, last] = word.split("-");
  return first === last ? `LS ${first}` : `LS ${first}–${last}`;
}

// Ranges do not change by themselves; the stream carries what does.
export function isStreamed(word) {
  return word === "lumisection" || word === "run" || word.startsWith("last-");
}
