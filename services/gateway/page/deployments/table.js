/** Deployments in the system view: what is in force, what is planned, who did what. */

import { age } from "../format.js";
import { table } from "../system/tables.js";

const STATES = { promoted: "in force", running: "runs beside", planned: "planned", superseded: "before it", dropped: "dropped", rolled_back: "rolled back" };

/** A section; `draw` takes the answer of `deployments`. */
export function deploymentsTable() {
  const rows = table("Deployments", ["Deployment", "Stands", "Release", "Compared", "Since", "By", "Why"]);
  return {
    root: rows.root,
    draw({ deployments, current }, now) {
      const newest = [...deployments].reverse();
      rows.draw(newest, ({ name }) => name, (row) => [
        row.name === current ? `${row.name} ●` : row.name,
        STATES[row.state] ?? row.state,
        row.release,
        row.report ? row.report.verdict : "not compared",
        `${age((now - row.when) / 1e9)} ago`,
        row.who,
        row.why,
      ], "None was ever planned: processes run with what they were started with.");
    },
  };
}
