/** Layouts that nobody has saved: an address names the elements, to look at them side by side. */

import { cellOf } from "./value.js";

const MOST = 24;
const SEPARATOR = ",";

/** The name of the layout of these elements: it begins as no saved one can. */
export const nameOfPaths = (paths) => `:${paths.filter((path) => !path.includes(SEPARATOR)).slice(0, MOST).join(SEPARATOR)}`;

/** Whether a layout is one of these. */
export const isOfPaths = (name) => name.startsWith(":");

/** The layout of such a name, as the gateway answers with others. */
export function layoutOfPaths(name) {
  const paths = name.slice(1).split(SEPARATOR).filter(Boolean).slice(0, MOST);
  const title = paths.length === 1 ? paths[0] : "Elements side by side";
  const tab = { name: "Plots", columns: 1, cells: paths.map((path) => cellOf({ paths: [path] })) };
  return { layout: { name, title, description: "", workspaces: [], tabs: [tab] }, version: null };
}
