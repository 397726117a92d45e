/** How two layouts differ, in words. No page here. */

import { cellOf, tabOf } from "./value.js";

/** Rows `{mark, where, words}`: mark is + (only in the second), − (only in the first), ~ (changed) or ↕ (moved). */
export function differences(before, after) {
  const rows = [];
  for (const name of ["title", "description", "workspaces"]) {
    if (said(before[name]) !== said(after[name])) rows.push({ mark: "~", where: "layout", words: `${name}: ${change(before[name], after[name], "nothing")}` });
  }
  const [old, fresh] = [before, after].map(({ tabs }) => new Map(tabs.map((tab) => [tab.name, tabOf(tab)])));
  for (const [name, tab] of old) if (!fresh.has(name)) rows.push({ mark: "−", where: `tab ${name}`, words: `was there, with ${plots(tab)}` });
  for (const [name, tab] of fresh) {
    if (!old.has(name)) rows.push({ mark: "+", where: `tab ${name}`, words: `with ${plots(tab)}` });
    else rows.push(...ofTabs(old.get(name), tab));
  }
  const stays = (one, other) => [...one.keys()].filter((name) => other.has(name)).join("\n");
  if (stays(old, fresh) !== stays(fresh, old)) rows.push({ mark: "↕", where: "layout", words: "the tabs stand in another order" });
  return rows;
}

function ofTabs(before, after) {
  const where = `tab ${after.name}`;
  const rows = [];
  for (const name of ["description", "columns"]) {
    if (said(before[name]) !== said(after[name])) rows.push({ mark: "~", where, words: `${name}: ${change(before[name], after[name], "nothing")}` });
  }
  const [old, fresh] = [before, after].map(({ cells }) => keyedCells(cells));
  for (const [key, cell] of old) if (!fresh.has(key)) rows.push({ mark: "−", where, words: nameOf(cell) });
  for (const [key, cell] of fresh) {
    if (!old.has(key)) rows.push({ mark: "+", where, words: nameOf(cell) });
    else {
      const changed = changesOf(old.get(key), cell);
      if (changed.length) rows.push({ mark: "~", where, words: `${nameOf(cell)}: ${changed.join("; ")}` });
    }
  }
  const [there, here] = [[...old.keys()].filter((key) => fresh.has(key)), [...fresh.keys()].filter((key) => old.has(key))];
  const first = here.findIndex((key, at) => key !== there[at]);
  if (first >= 0) rows.push({ mark: "↕", where, words: `the plots stand in another order, from ${nameOf(fresh.get(here[first]))} on` });
  return rows;
}

/** Cells by what they show; of several that show the same, each has its turn. */
export function keyedCells(cells) {
  const byKey = new Map();
  for (const cell of cells) {
    const paths = [cell.paths.join("|"), cell.set ?? ""].join("@");
    let turn = 0;
    while (byKey.has(`${paths}#${turn}`)) turn += 1;
    byKey.set(`${paths}#${turn}`, cellOf(cell));
  }
  return byKey;
}

function changesOf(before, after) {
  const rows = [];
  for (const name of ["title", "description", "span", "rows"]) {
    if (before[name] !== after[name]) rows.push(`${name}: ${change(before[name], after[name])}`);
  }
  for (const name of Object.keys(after.draw)) {
    if (said(before.draw[name]) !== said(after.draw[name])) rows.push(`${name.replace("_", " ")}: ${change(before.draw[name], after.draw[name])}`);
  }
  const [old, fresh] = [before, after].map(({ reference: { choice, name, run } }) => [choice, name, run].filter((each) => each !== null).join(" "));
  if (old !== fresh) rows.push(`reference: ${old} → ${fresh}`);
  return rows;
}

const plots = ({ cells }) => `${cells.length} ${cells.length === 1 ? "plot" : "plots"}`;
const nameOf = ({ title, paths, set }) => [title || paths.join(" + "), set ? `of set ${set}` : ""].filter(Boolean).join(" ");
const said = (value, nothing = "as booked") => String(value ?? "") || nothing;
const brief = (value, nothing) => (said(value, nothing).length > 60 ? `${said(value).slice(0, 57)}…` : said(value, nothing));
const change = (before, after, nothing) => `${brief(before, nothing)} → ${brief(after, nothing)}`;
