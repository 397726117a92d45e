/** Deployments in the system view: what is in force, what is planned, who did what. */

import { h } from "../dom.js";
import { age } from "../format.js";
import { table } from "../system/tables.js";
import { Compared } from "./compared.js";
import { runningOf } from "./running.js";

const STATES = { promoted: "in force", running: "runs beside", planned: "planned", superseded: "before it", dropped: "dropped", rolled_back: "rolled back" };

/** A section; `draw` takes the answer of `deployments`. */
export function deploymentsTable(router) {
  const rows = table("Deployments", ["Deployment", "Stands", "Beside production", "Release", "Compared", "Since", "By", "Why"]);
  const compared = new Compared(router);
  return {
    root: h("div", {}, rows.root, compared.root),
    draw({ deployments, current, candidate }, now) {
      const newest = [...deployments].reverse();
      const beside = runningOf({ candidate, deployments: newest });
      compared.draw(beside);
      rows.draw(newest, ({ name }) => name, (row) => [
        row.name === current ? `${row.name} ●` : row.name,
        STATES[row.state] ?? row.state,
        beside.includes(row.name) ? compared.words(row.name) : "–",
        row.release,
        row.report ? row.report.verdict : "not compared",
        `${age((now - row.when) / 1e9)} ago`,
        row.who,
        row.why,
      ], "None was ever planned: processes run with what they were started with.");
    },
  };
}
