/** Tables whose rows are kept by key, so that what is read does not jump; and sizes in words. */

import { h, keyed, setText, show } from "../dom.js";

/** A section with a table: `draw(rows, key, cells, nothing)` brings it up to date. */
export function table(title, columns) {
  const heading = h("h2", {}, title);
  const body = h("tbody");
  const none = h("p", {}, "");
  const head = h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name))));
  const scroller = h("div", { class: "scroller" }, h("table", {}, head, body));
  return {
    root: h("section", {}, heading, none, scroller),
    title: (words) => setText(heading, words),
    draw(rows, key, cells, nothing = "") {
      setText(none, nothing);
      show(none, !rows.length && Boolean(nothing));
      show(scroller, rows.length > 0);
      const byKey = new Map(rows.map((row) => [String(key(row)), row]));
      keyed(body, byKey.keys(), () => h("tr", {}, columns.map((name) => h("td", { "data-label": name }))), (line, name) => {
        cells(byKey.get(name)).forEach((words, i) => setText(line.children[i], words));
      });
    },
  };
}

/** Bytes in the unit that fits. */
export function size(bytes) {
  for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (bytes >= unit) return `${(bytes / unit).toFixed(bytes >= 100 * unit ? 0 : 1)}\u202f${name}`;
  }
  return `${bytes}\u202fB`;
}
