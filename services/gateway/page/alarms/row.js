/** One alarm in the list: what is wrong, what it means, what to do, whom to call. */

import { h, setAttributes, setText, show } from "../dom.js";
import { lumisectionWord } from "../format.js";
import { badge, setBadge } from "../outcomes.js";
import { isHidden, plotLink, standing, titleOf } from "./words.js";

/** An empty row; `drawRow` fills it. `open(name)` is called when its name is clicked; without `picked` it cannot be chosen. */
export function makeRow({ picked, open, actions, redraw }) {
  const pick = h("input", { type: "checkbox", hidden: !picked });
  const link = h("a", { class: "alarm-plot" });
  const name = h("button", { type: "button", class: "alarm-name" }, h("b"), h("span"));
  const item = h(
    "li", { class: "alarm" },
    pick, badge("NOT_RUN"),
    h("div", { class: "alarm-what" }, name, h("p", { class: "alarm-why" }), h("p", { class: "alarm-means" }), h("p", { class: "alarm-do" }), h("small")),
    h("div", { class: "alarm-side" }, h("span", { class: "alarm-severity" }), link, actions.buttons(() => [item.dataset.key])),
    h("div", { class: "alarm-more", hidden: true }),
  );
  pick.addEventListener("change", () => {
    picked[pick.checked ? "add" : "delete"](item.dataset.key);
    redraw();
  });
  name.addEventListener("click", () => open(item.dataset.key));
  return item;
}

/** Bring a row up to date. `chosen` is what unfolds below the one that is chosen; without it none does. */
export function drawRow(item, row, { board, router, actions, chosen, picked, isChosen }) {
  const [pick, mark, what, side, more] = item.children;
  const [name, why, means, todo, small] = what.children;
  const [title, where] = titleOf(row);
  pick.checked = Boolean(picked?.has(row.alarm));
  setAttributes(pick, { "aria-label": `Choose ${row.alarm}` });
  setBadge(mark, outcomeOf(row));
  setAttributes(item, {
    "data-level": row.level, "data-state": row.state, "data-calls": row.unacknowledged ? true : null, "data-chosen": isChosen ? true : null,
  });
  setAttributes(name, { "aria-expanded": chosen ? String(isChosen) : null, "aria-label": `${title}, ${where}` });
  setText(name.firstElementChild, title);
  setText(name.lastElementChild, where);
  setText(why, row.why);
  setText(means, row.meaning);
  for (const part of [why, means]) show(part, Boolean(part.textContent));
  setText(todo, [row.action, row.contact && `Call ${row.contact}.`].filter(Boolean).join(" "));
  show(todo, Boolean(todo.textContent));
  setText(small, standing(row, board.now));
  const [severity, link, buttons] = side.children;
  setText(severity, `${row.severity} severity`);
  setAttributes(severity, { "data-severity": row.severity });
  show(link, Boolean(row.path || row.workspace));
  setText(link, row.path ? `Plot${row.lumisection ? ` at ${lumisectionWord(row.lumisection)}` : ""} ›` : "Workspace ›");
  setAttributes(link, { href: plotLink(router, row) });
  actions.drawButtons(buttons, [row]);
  show(more, isChosen);
  if (isChosen && more.firstElementChild !== chosen.root) more.append(chosen.root);
}

/** What the badge shows: only what is good again is green, and nothing that is on its way to be an alarm. */
function outcomeOf(row) {
  if (isHidden(row)) return "DISABLED";
  if (row.level !== "OK") return row.level;
  return row.state === "raising" ? "NOT_RUN" : "GOOD";
}
