/** Layouts as values, and what can be done to them: each change is a new value. No page here. */

/** What is in a cell where nothing is said; `null` is as booked. */
const CELL = { paths: [], set: null, title: "", description: "", span: 1, rows: 1, draw: {}, reference: {} };
const DRAW = { log_x: null, log_y: null, log_z: null, x_range: null, y_range: null, z_range: null, stats: null, normalise: null, style: null };
const REFERENCE = { choice: "booked", name: null, run: null };

export const LIMITS = { tabs: 50, cells: 200, columns: 12, rows: 6, paths: 10 };

/** A name of a layout: up to four parts. */
export const NAME = "[A-Za-z0-9_+\\-]([A-Za-z0-9_. +\\-]{0,62}[A-Za-z0-9_.+\\-])?(/[A-Za-z0-9_+\\-]([A-Za-z0-9_. +\\-]{0,62}[A-Za-z0-9_.+\\-])?){0,3}";

/** A cell with all that it leaves out. */
export const cellOf = (cell) => ({ ...CELL, ...cell, draw: { ...DRAW, ...cell.draw }, reference: { ...REFERENCE, ...cell.reference } });

/** A tab with all that it leaves out. */
export const tabOf = (tab) => ({ description: "", columns: 3, cells: [], ...tab });

/** A layout with one empty tab. */
export const emptyLayout = (name) => ({ name, title: "", description: "", workspaces: [], tabs: [{ name: "Plots", columns: 3, cells: [] }] });

/** The tab of a layout by its name; the first if there is none of it. */
export const tabAt = (layout, name) => Math.max(0, layout.tabs.findIndex((tab) => tab.name === name));

/** Put a thing at another place of a list. */
function moved(list, from, to) {
  const rest = list.filter((_, at) => at !== from);
  const place = Math.max(0, Math.min(rest.length, to));
  return [...rest.slice(0, place), list[from], ...rest.slice(place)];
}

const replaced = (list, at, change) => list.map((one, i) => (i === at ? { ...one, ...change } : one));

export const changeTab = (layout, at, change) => ({ ...layout, tabs: replaced(layout.tabs, at, change) });

export const moveTab = (layout, from, to) => ({ ...layout, tabs: moved(layout.tabs, from, to) });

/** Without a tab; a layout has at least one. */
export const removeTab = (layout, at) => (layout.tabs.length > 1 ? { ...layout, tabs: layout.tabs.filter((_, i) => i !== at) } : layout);

/** With another tab after this one, under a name that no other has. */
export function addTab(layout, at) {
  const taken = new Set(layout.tabs.map(({ name }) => name));
  let number = layout.tabs.length + 1;
  while (taken.has(`Tab ${number}`)) number += 1;
  const tab = { name: `Tab ${number}`, columns: layout.tabs[at]?.columns ?? 3, cells: [] };
  return { ...layout, tabs: [...layout.tabs.slice(0, at + 1), tab, ...layout.tabs.slice(at + 1)] };
}

const withCells = (layout, tab, change) => changeTab(layout, tab, { cells: change(layout.tabs[tab].cells ?? []) });

export const addCell = (layout, tab, cell) => withCells(layout, tab, (cells) => [...cells, cell]);

export const removeCell = (layout, tab, at) => withCells(layout, tab, (cells) => cells.filter((_, i) => i !== at));

export const moveCell = (layout, tab, from, to) => withCells(layout, tab, (cells) => moved(cells, from, to));

export const changeCell = (layout, tab, at, change) => withCells(layout, tab, (cells) => replaced(cells, at, change));

/** A cell at the end of another tab. */
export function cellToTab(layout, from, at, to) {
  const cell = layout.tabs[from].cells[at];
  return addCell(removeCell(layout, from, at), to, cell);
}

/** A layout as it is sent and exported: without what is as it would be anyway. */
export function plain(layout) {
  const tabs = layout.tabs.map((tab) => short({ ...tab, cells: (tab.cells ?? []).map(plainCell) }, { description: "", columns: 3 }, ["cells"]));
  return { ...short({ ...layout, tabs: undefined }, { title: "", description: "" }, ["workspaces"]), tabs };
}

function plainCell(cell) {
  const whole = cellOf(cell);
  const parts = { ...whole, draw: short(whole.draw, DRAW), reference: short(whole.reference, REFERENCE) };
  return short(parts, { ...CELL, paths: undefined }, ["draw", "reference"]);
}

/** An object without defaults, and without those of `lists` that are empty. */
function short(object, defaults, lists = []) {
  return Object.fromEntries(Object.entries(object).filter(([name, value]) => {
    if (value === undefined || (name in defaults && value === defaults[name])) return false;
    return !lists.includes(name) || Object.keys(value).length > 0;
  }));
}
